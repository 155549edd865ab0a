//! Reading the files of cases: strictly, all mistakes at once.

mod case;
mod config;
mod expected;
mod fields;
mod mistake;
mod project;

pub use case::{Case, find, read_inputs};
pub use config::CaseConfig;
pub use mistake::{Mistake, Mistakes};
pub use project::{Project, component_of};

pub(crate) use expected::lines as expected_lines;
pub(crate) use fields::{Fields, kind, unknown};
