//! For tests: one way to wait, threads of a load, real servers, a connection that can be cut, and two connectors that show what one folder is enough for.
//!
//! [`ticker`] is a source that reads from an upstream, [`collector`] a sink. Each is a connector like any other, known by
//! nothing outside of its folder but the line that adds it to a test's registry. [`servers`] are the real ones that the
//! tests of connectors talk to.

mod cable;
pub mod collector;
pub mod nats;
pub mod servers;
pub mod ticker;
mod until;
mod workers;

pub use cable::{Cable, Passes};
pub use until::until;
pub use workers::{Stop, Workers};
