//! The interface of kinds of connectors, and their registry.
//!
//! A kind of source implements [`SourceConnector`], a kind of sink [`SinkConnector`], each in its own folder: its
//! table of the pipeline file, what it publishes or consumes, its checks, and how it starts. The host registers each
//! with one line ([`Registry`]); everything else uses the registry and names no kind:
//!
//! * the pipeline file reads `[sources.KIND]` and `[sinks.KIND]` through it, and so does the reference page;
//! * `check --connect` [probes](SourceConnector::probe) what each connector needs;
//! * the host starts it: a source gets a [`Pipeline`] for its events, a sink returns an
//!   [`Egress`](danube_wasm_model::door::Egress) to write to.
//!
//! This crate uses no transport, target, broker or sandbox.

mod builtin;
mod context;
mod facts;
mod finding;
pub mod keys;
mod registry;
mod sink;
mod source;
mod start_error;
mod states;

pub use builtin::{Builtin, Unfit};
pub use context::{Context, Notices, ProbeContext};
pub use facts::{
    AddressClaim, AskedAttributes, AttributeFamily, Consumed, Facts, GivenAttributes, NameClaim, PathClaim, Published,
};
pub use finding::{Finding, Outcome};
pub use registry::{Kind, LeftOut, Registry, Role};
pub use sink::{SinkConfig, SinkConnector};
pub use source::{Feed, Flow, Ingress, Pipeline, SourceConfig, SourceConnector};
pub use start_error::StartError;
pub use states::States;
