//! The broker's schema registry, and what it said last: a connector that starts while the broker is away goes on with the
//! schemas that it had.
//!
//! ```text
//! caller → asking → the broker's registry → what it said is on this disk (durable) → caller
//! caller → memory                           while the broker is away
//! ```
//!
//! The two are separate registries, so that nobody takes what was once said for what is said now.

mod asking;
mod entry;
mod known;
mod memory;

pub(crate) use asking::Asking;
pub(crate) use memory::Memory;
