//! Tests components on samples, in the real sandbox with the real limits.
//!
//! A case is a folder of plain files: the inputs of one call, the settings, and what should come of it ([`read`]). The time
//! stands still and chance is always the same ([`component`]), so that a case comes out the same for ever. A batch that breaks
//! the component is halved, as the host halves it, until the input is found ([`settle()`]). On top of that: faults of the
//! host ([`chaos()`]), mutated samples ([`fuzz()`]), the suite that the components of every SDK pass ([`conformance`]), and
//! what a component costs ([`bench`]).
//!
//! Nothing here knows a broker, a target, or the pipeline file.

mod allocations;
pub mod bench;
mod chaos;
pub mod component;
pub mod conformance;
mod content;
mod diff;
mod fuzz;
mod input;
mod matching;
mod measure;
mod output;
pub mod profile;
pub mod read;
mod recorder;
mod report;
mod run;
mod settle;

pub use chaos::chaos;
pub use component::{Component, Guest, StartError};
pub use fuzz::{Found, FuzzReport, fuzz};
pub use input::{Input, NOW_MS};
pub use output::{Members, Output};
pub use recorder::{Recorded, Recorder};
pub use report::Report;
pub use run::{CaseResult, Verdict, run_case, to_lines, update};
pub use settle::{Settled, settle};
