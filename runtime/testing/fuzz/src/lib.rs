//! Properties that must hold for any input bytes: one function for each interface at which somebody else chooses the
//! bytes.
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
//! And none panics, on any thread, nor waits for ever. A function panics when a property does not hold.
//!
//! `fuzz/` passes them to cargo-fuzz (`make fuzz`). `tests/corpus.rs` runs them on the files of `corpus/`, and
//! `tests/mutations.rs` on `FUZZ_RUNS` mutations of those, so that a machine without cargo-fuzz searches too. An input
//! that finds a bug is added to `corpus/` with the fix.

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
pub use log::{generate, log, undamaged_messages};
pub use topic::topic;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of its function, its file in `fuzz/fuzz_targets/` and its folder in `corpus/`.
    pub name: &'static str,
    /// Panics when a property does not hold.
    pub run: fn(&[u8]),
    /// Meaningful inputs, each with a name. They are in the corpus too.
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
