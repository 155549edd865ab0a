//! The broker's schema registry, and what it returned last: a connector that starts while the broker is unreachable
//! uses the schemas that it had.
//!
//! ```text
//! caller → asking → the broker's registry → what it said is on this disk (durable) → caller
//! caller → memory                           while the broker is away
//! ```
//!
//! The two are separate registries, so that a remembered answer is never taken for a current one.

mod cache;
mod entry;
mod recording;
mod remembered;

pub(crate) use recording::RecordingRegistry;
pub(crate) use remembered::RememberedRegistry;
