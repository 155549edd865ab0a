//! NATS JetStream behind the trait [`Broker`](danube_wasm_broker::Broker).
//!
//! A topic is a stream, its partition and the bucket of a record's key are in the subject; a subscription is a durable
//! pull consumer, on KeyShared one for each bucket. Who owns an ordered subscription, and the schemas, are in buckets of
//! keys and values. The client is the core of `async-nats`; the API of JetStream is spoken here, because its form there
//! has no atomic batches, hides pulls, and turns on features of crates above which a database is compiled.

mod admin;
mod check;
mod consume;
mod copying;
#[cfg(feature = "credentials")]
mod credentials;
mod delivery_subject;
mod error;
mod holes;
mod kv;
mod lease;
mod limits;
mod login;
mod members;
mod names;
mod nats;
mod options;
mod publish;
mod registry;
mod retain;
mod session;
mod stored;
mod topic;
mod wire;

pub use check::Promises;
pub use nats::Nats;
pub use options::{Auth, NatsOptions, Retention, Secret, Tls};
