//! The broker trait over Danube's gRPC API: [`Danube`].
//!
//! ```text
//! danube.rs      the client             shared.rs its state     options.rs  limits.rs  check.rs
//! wire/          calls: connections, TLS, token, deadlines, and what is wrong when they fail
//! fault.rs       what a failed call means                       health.rs
//! lookup.rs      calls through the seed brokers                 partitions.rs
//! admin/         administration, on its own port
//! topics.rs      creating topics                                registry.rs  definition.rs
//! publish/       records → partitions → lanes, one task each
//! flow/          flow control for each partition, over all publishers and consumers of this process
//! consume/       partitions → sessions, one task each → one buffer; acknowledgements beside them
//! ```
//!
//! Danube's sessions live in a broker's memory: the id of a producer or consumer is forgotten when the broker restarts
//! or the topic moves. The client is built around losing them: after any failure that is not the request's own fault it
//! looks the topic up again through the seeds, opens a session of the same name and continues. Callers that keep their
//! records until they are safe can have lost records returned instead ([`DanubeOptions::resend_after_loss`]).

mod admin;
mod check;
mod consume;
mod danube;
mod definition;
mod fault;
mod flow;
mod gap_registry;
mod health;
mod limits;
mod lookup;
mod options;
mod partitions;
mod publish;
mod registry;
mod shared;
mod topics;
mod wire;

pub use admin::{FailurePolicy, Poison};
pub use danube::Danube;
pub use flow::FlowControl;
pub use options::{DanubeOptions, Identity, Secret, Tls, Token};
