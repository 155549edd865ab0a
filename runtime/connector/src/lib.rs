//! What a kind of connector is, and which kinds there are.
//!
//! A kind of source implements [`SourceConnector`], a kind of sink [`SinkConnector`], each in a folder of its own: its table
//! of the pipeline file, what it publishes or consumes, its checks, and how it starts. The host registers each with one line
//! ([`Registry`]); everything else asks the registry and names no kind:
//!
//! * the pipeline file reads `[sources.KIND]` and `[sinks.KIND]` through it, and so does the reference page;
//! * `check --connect` asks each connector to [probe](SourceConnector::probe) what it needs;
//! * the host starts it: a source is given a [`Pipeline`] for its events, a sink gives an
//!   [`Egress`](danube_wasm_model::door::Egress) to write to.
//!
//! Knows no transport, no target, no broker and no sandbox.

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
pub use facts::{AddressClaim, Consumed, Facts, NameClaim, PathClaim, Published};
pub use finding::{Finding, Outcome};
pub use registry::{Kind, LeftOut, Registry, Role};
pub use sink::{SinkConfig, SinkConnector};
pub use source::{Feed, Flow, Ingress, Pipeline, SourceConfig, SourceConnector};
pub use start_error::StartError;
pub use states::States;
