//! The source `poll`: a component that fetches, such as from an HTTP API with a cursor.
//!
//! ```text
//! timer → fetch(room, state) → page ─┬─ events → pipeline → broker → confirmed
//!                                    └─ changes of state, staged ──────────┴──→ notebook
//! ```
//!
//! Pages are numbered. The events of page k have position k-1, and the page has passed at k: so k is confirmed when all its events are
//! durable, and only then are its changes of state. The next page is fetched before that, with the state as the last call left it. A
//! new session begins with what is durable, and fetches what was not again; its events have the same ids.

mod config;
mod confirmer;
mod connector;
mod event;
mod pages;
mod session;

pub use config::Poll;
pub use connector::PollSource;
