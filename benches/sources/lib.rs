//! What the benchmarks of sources share: `danube-wasm` with one source on a log of its own, one way to take the time, one
//! report.
//!
//! Each compares the real binary, optimised, with a bare client of the libraries that the source is written on.
//! Records wait at the server before the clock starts where the server can keep them.

pub mod comparison;
pub mod pipeline;
pub mod round;

pub use comparison::{Comparison, Side};
pub use pipeline::{Pipeline, Running};
pub use round::{Clock, Look, Round, watch};
