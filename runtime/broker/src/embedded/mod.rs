//! The embedded log.

mod batch;
mod broker;
mod catalog;
mod codec;
mod consumer;
mod cursor;
mod delivery;
mod disk;
mod fault;
mod hash;
mod limits;
mod loader;
mod options;
mod publisher;
mod queue;
mod record;
mod registry;
mod retention;
mod shared;
mod store;
mod tables;
mod topic;
mod tracked;
mod window;
mod writer;

pub use broker::EmbeddedBroker;
pub use disk::{DiskFactory, FileDisk};
pub use options::{EmbeddedOptions, RetentionOptions};
