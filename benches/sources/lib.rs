//! What the benchmarks of sources share: `danube-wasm` with one source on a log of its own.
//!
//! Each compares the real binary, optimised, with a bare client of the libraries that the source is written on.
//! Records wait at the server before the clock starts where the server can keep them.

pub mod pipeline;

pub use pipeline::{Pipeline, Running};
