//! The host of a pipeline: brokers, spools, connectors that start and stop, dead letters, and operators' requests.
//!
//! [`PipelineHost`] runs one pipeline. Several can run in one process: there is no process-wide state here.
//! [`connectors::registry`] lists the kinds of connectors. The other modules implement verbs, which work with or
//! without a running pipeline: [`dead_letters`], [`migration`], [`operations`], [`probe`], [`query`], [`replay`].

mod assemble;
mod background;
mod brokers;
mod components;
pub mod connectors;
pub mod control;
#[cfg(feature = "danube")]
mod danube;
#[cfg(not(feature = "danube"))]
#[path = "no_danube.rs"]
mod danube;
pub mod dead_letters;
mod durable_file;
mod failure;
mod host;
mod launcher;
pub mod lock;
pub mod migration;
#[cfg(feature = "nats")]
mod nats;
#[cfg(not(feature = "nats"))]
#[path = "no_nats.rs"]
mod nats;
pub mod operations;
mod pauses;
pub mod probe;
pub mod produce;
pub mod query;
mod rates;
pub mod replay;
mod settings;
pub mod shadow;
pub mod spools;
mod status;
pub mod tail;
pub mod tap;
pub mod unused;
mod watch;

pub use assemble::{loader, read, read_lazily};
pub use brokers::{log_in, open_log};
pub use failure::{Failure, FailureKind};
pub use host::{HostOptions, PipelineHost};
pub use launcher::{LoadedComponent, load_components};
