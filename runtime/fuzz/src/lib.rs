//! What must hold whatever bytes come through a door: one function for each door at which somebody else chooses them.
//!
//! | target | whose bytes | what must hold |
//! |---|---|---|
//! | `config` | an operator's file | findings have a place in it; what is accepted is read the same again, and migrated |
//! | `columns` | a component's answer | what passes the checks can be used whole; what is well made passes |
//! | `envelope` | a dead letter in the broker | what was written comes back; anything else is no envelope |
//! | `topic` | a name | it stays in its namespace and comes back; ids of different records differ |
//! | `ingress` | a stranger's connection | nothing reaches the intake without its credentials |
//! | `log` | a disk | it is refused, or what it holds was published |
//!
//! And none panics, on any thread, nor waits for ever. A function panics when something does not hold.
//!
//! `fuzz/` gives them to cargo-fuzz (`make fuzz`). `tests/corpus.rs` runs them on the files of `corpus/`, and
//! `tests/mutations.rs` on as many mutations of those as `FUZZ_RUNS` says, so that a machine without cargo-fuzz searches
//! too. An input that finds something goes to `corpus/` with the repair.

mod columns;
mod config;
mod envelope;
mod ingress;
mod log;
pub mod mutate;
mod panics;
mod pieces;
mod topic;

pub use columns::columns;
pub use config::config;
pub use envelope::envelope;
pub use ingress::ingress;
pub use log::{generate, log, pristine};
pub use topic::topic;

/// A door.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Of its function, its file of `fuzz/fuzz_targets/` and its folder of `corpus/`.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Inputs that mean something, each with a name. They are in the corpus too.
    pub seeds: fn() -> Vec<(&'static str, Vec<u8>)>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "config",
        run: config,
        seeds: Vec::new,
    },
    Target {
        name: "columns",
        run: columns,
        seeds: columns::seeds,
    },
    Target {
        name: "envelope",
        run: envelope,
        seeds: envelope::seeds,
    },
    Target {
        name: "topic",
        run: topic,
        seeds: topic::seeds,
    },
    Target {
        name: "ingress",
        run: ingress,
        seeds: ingress::seeds,
    },
    Target {
        name: "log",
        run: log,
        seeds: log::seeds,
    },
];
