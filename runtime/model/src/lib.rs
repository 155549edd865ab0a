//! The nouns of danube-wasm and the doors between its rooms.
//!
//! Every other crate of the runtime speaks in these types, and the rooms meet at the traits in [`door`] and [`upstream`], so
//! that none has to know another: the pipeline calls a [`door::SourceGuest`] without knowing wasmtime, an ingress offers
//! events to an [`door::Intake`], or has a [`upstream::PullDriver`] read them, without knowing a broker. Nothing here does
//! I/O, and nothing knows what a payload means.

pub mod clock;
pub mod columns;
pub mod connector_id;
pub mod door;
pub mod event;
pub mod field_types;
pub mod hash;
pub mod identity;
pub mod mapping;
pub mod message;
pub mod poller;
pub mod route;
pub mod targets;
pub mod topic;
pub mod upstream;

pub use connector_id::ConnectorId;
pub use field_types::{FieldNode, FieldType, FieldTypes};
pub use identity::RecordId;
pub use mapping::{BatchPolicy, BatchWish, Mapping, OnPoison, StartAt};
pub use route::{OnFailure, OnInvalid, Route};
pub use targets::Targets;
pub use topic::{SubscriptionType, TopicName};
