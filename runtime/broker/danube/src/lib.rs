//! The broker trait over Danube's gRPC API: [`Danube`].
//!
//! ```text
//! danube.rs      the client and what its rooms share            options.rs  limits.rs  check.rs
//! wire/          calls: connections, TLS, token, deadlines, and what is wrong when they fail
//! fault.rs       what a failed call means                       health.rs  backoff.rs
//! lookup.rs      questions through the seed brokers             partitions.rs
//! admin/         what operators ask, on a port of its own
//! topics.rs      creating topics                                registry.rs  definition.rs
//! publish/       records → partitions → lanes, one task each
//! flow/          what goes through each partition, whoever publishes and consumes it in this process
//! consume/       partitions → sessions, one task each → one buffer; acknowledgements beside them
//! ```
//!
//! Danube's sessions live in a broker's memory: an id of a producer or consumer is forgotten when the broker restarts
//! or the topic moves. Everything here is built around losing them: whatever fails in a way that is not the request's
//! own fault looks its topic up again through the seeds, opens a session of the same name and goes on. Callers that keep
//! what they publish until it is safe have it handed back instead ([`DanubeOptions::resend_after_loss`]).

mod admin;
mod backoff;
mod check;
mod consume;
mod danube;
mod definition;
mod fault;
mod flow;
mod health;
mod limits;
mod lookup;
mod missing;
mod options;
mod partitions;
mod publish;
mod registry;
mod topics;
mod wire;

pub use admin::{FailurePolicy, Poison};
pub use danube::Danube;
pub use flow::FlowControl;
pub use options::{DanubeOptions, Identity, Secret, Tls, Token};
