//! What benchmarks share: how they start the processes that they compare, take the time of each and print it, and where
//! components are.
//!
//! A benchmark asks one question and compares sides that do the same work in the same run, in turns, on the same
//! number of threads. Sides of which none of this repository's rooms is a part are called bare. A benchmark verifies
//! that the work was done and fails if it was not; it never fails for being slow.

pub mod child;
pub mod comparison;
pub mod component;
pub mod program;
pub mod report;
pub mod round;
pub mod scale;

pub use child::Child;
pub use comparison::{Comparison, Side};
pub use program::Program;
pub use report::Table;
pub use round::{Clock, Look, Round, watch};
pub use scale::Scale;

/// Middle value; the upper of two. 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
