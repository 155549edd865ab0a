//! The source `kafka`: records of Kafka's topics to events, committed to the consumer group when their records are durable.
//!
//! ```text
//! brokers ── librdkafka ── Worker (one thread) ── Inbox ──► KafkaUpstream ──► pull driver → component → records
//!         ◄── offsets ──────── Positions ◄────────────────── KafkaConfirmer ◄── durable
//! ```
//!
//! * [`consumer`] is the member of the group: the one place that knows librdkafka.
//! * [`worker`] is the thread that polls, places, commits and lets go.
//! * [`upstream`] is what the pull driver of the pipeline reads and confirms.
//! * [`registry`] knows what records were written with.

mod client;
mod config;
mod connector;
mod consumer;
mod contents;
mod counters;
mod event;
mod event_id;
mod framing;
mod inbox;
mod limits;
mod notes;
mod positions;
mod probe;
mod registry;
mod routes;
mod topic_pattern;
mod upstream;
mod worker;

pub use config::{
    Broker, EventIdSource, GroupProtocol, InvalidBroker, Isolation, Kafka, KeyFormat, Login, Mechanism, OnOutOfRange,
    Options, OrderSource, Reading, RouteConfig, Sasl, SchemaRegistryConfig, Start, TlsConfig, ValueFormat,
};
pub use connector::KafkaSource;
pub use topic_pattern::{InvalidTopic, TopicPattern};
