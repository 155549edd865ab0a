//! Puts the rooms together: brokers, spools, connectors that start and stop, dead letters, and what operators ask.
//!
//! [`PipelineHost`] runs one pipeline. Several can run in one process: nothing here is kept for the process as a whole.
//! [`connectors::registry`] lists the kinds of connectors. The rest answers verbs, with a pipeline that runs or without one:
//! [`dead_letters`], [`operations`], [`probe`], [`query`], [`replay`].

mod assemble;
mod background;
mod brokers;
pub mod connectors;
pub mod control;
pub mod dead_letters;
mod failure;
mod host;
mod launcher;
pub mod operations;
pub mod probe;
pub mod query;
pub mod replay;
mod settings;
pub mod spools;
pub mod unused;
mod watch;

pub use assemble::{loader, read, read_lazily};
pub use brokers::{log_in, open_log};
pub use failure::{Failure, FailureKind};
pub use host::{HostOptions, PipelineHost};
pub use launcher::{Admitted, admit};
