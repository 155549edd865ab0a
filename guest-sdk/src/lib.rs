#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Batches cross the sandbox as columns (`wit/types.wit`). They are hidden behind views on the way in ([`Events`],
//! [`Batch`]), which copy nothing, and builders on the way out ([`RecordBuilder`], [`WriteBuilder`]). Everything
//! compiles natively too, so that a connector's tests are ordinary tests: see [`testing`].

pub mod bindings;
mod columns;
mod config;
mod error;
mod export;
#[cfg(feature = "http")]
pub mod http;
pub mod log;
pub mod metrics;
mod one_or_many;
mod payload;
mod pointer;
mod poll;
mod settings;
mod sink;
mod source;
pub mod testing;
mod time;
mod wants;

pub use config::{Config, ConsumerConfig, ProducerConfig, SubscriptionType};
pub use error::{Error, Result};
pub use pointer::{Pointer, Scalar};
pub use poll::{PageBuilder, PolledEvent, PollingSource, Room, state};
pub use settings::{Endpoint, Nothing, SinkSettings, SourceSettings, TopicMapping};
pub use sink::{
    Batch, Change, ChangeKind, DocumentId, IdFrom, IncludeAttributes, Operation, SchemaInfo, SinkConnector, SinkRecord,
    Write, WriteBuilder, Writes,
};
pub use source::{Event, Events, RecordBuilder, Records, Reply, SourceConnector, SourceRecord};
pub use time::rfc3339;
pub use wants::Column;

/// What the export macros expand to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::export::{SinkSlot, SourceSlot};
}
