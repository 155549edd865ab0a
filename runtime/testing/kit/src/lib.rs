//! For tests: one way to wait, and two connectors that show what one folder is enough for.
//!
//! [`ticker`] is a source that reads from an upstream, [`collector`] a sink. Each is a connector like any other, known by
//! nothing outside of its folder but the line that adds it to a test's registry.

pub mod collector;
pub mod ticker;
mod until;

pub use until::until;
