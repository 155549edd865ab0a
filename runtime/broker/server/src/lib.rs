//! The embedded log, served over Danube's wire protocol with its schema registry: `danube-wasm broker`.
//!
//! A **single-node development and edge broker**: several processes of one machine, or of a small site, share one log,
//! and Danube's own clients work with it unchanged. It has no replicas and no users. What it confirms is on its disk;
//! docs/danube.md compares that with a Danube cluster.
//!
//! # What differs from Danube
//!
//! * Every message is durable before [`SendMessage`] is answered, whatever dispatch strategy the producer asks for;
//!   many concurrent sends share one sync. Both strategies are accepted, and may be mixed.
//! * Any namespace is accepted.
//! * `publish_time` is this broker's clock and never goes backwards in a partition, because positions are moved by it.
//! * A new subscription starts at the end, as in Danube, unless the client sends `x-danube-wasm-start: earliest` in the
//!   metadata of `Subscribe` ([`danube_wasm_proto::START_METADATA`]), or the operator changed the default
//!   ([`ServerOptions::new_subscriptions`]). A sink that subscribes after its source has published needs the oldest.
//! * When a consumer disconnects, its messages are redelivered at once, an Exclusive subscription is free again, and a
//!   Failover subscription fails over. A new consumer with the name of an existing one replaces it under a new id: the
//!   stream of the old one ends, and if that one calls again it gets [`NotFound`](tonic::Code::NotFound), so that the
//!   two do not fight for the name.
//! * A message that is not acknowledged in time is delivered again, without a limit: there is no poison policy. A nack
//!   without a delay waits a second.
//! * Key filters and exclusive producers are refused, because they are not implemented.
//! * The broker validates no payloads, and refuses to enable that for a topic. Versions of a schema are never deleted,
//!   because stored messages refer to them.
//!
//! # Topics and partitions
//!
//! `/ns/name-part-N` (N below 1024, without leading zeros) always means partition N of `/ns/name`, unless a topic of
//! exactly that name was created in this process. A producer on partition N creates the topic, or adds partitions to
//! it, up to N. So what Danube's clients see as topics is, to an in-process handle and to `danube-wasm topics`, one
//! topic with partitions; a subscription of that name is one subscription with a position in each partition, and
//! consumers of single partitions and of the whole topic may share it. A topic has partitions or has none: asking for
//! the other is [`AlreadyExists`](tonic::Code::AlreadyExists), as in Danube. `TopicPartitions` matches exactly.
//!
//! # Sessions
//!
//! Ids of producers and consumers are kept in memory and start at a random number: an id of an earlier run is unknown,
//! which is `NotFound`, and `CLOSE` in a health check. `Subscribe` joins the subscription at once, and waits a while
//! for `ReceiveMessages`; that may be called again with the same id when its stream broke. Each consumer has at most
//! [`ServerOptions::unacknowledged_max`] messages, each for [`ServerOptions::ack_timeout`].
//!
//! # When the disk fails
//!
//! A full or failing disk: [`ResourceExhausted`](tonic::Code::ResourceExhausted) with a message, which clients retry;
//! while stopping, or with more queued than memory allows: [`Unavailable`](tonic::Code::Unavailable).
//!
//! [`SendMessage`]: danube_wasm_proto::api::producer_service_server::ProducerService::send_message

mod auth;
mod consume;
mod discovery;
mod health;
mod incoming;
mod limits;
mod names;
mod options;
mod produce;
mod registry;
mod serve;
mod sessions;
mod shared;
mod status;
mod wire;

pub use options::{InvalidOptions, Secret, ServerOptions, TlsIdentity};
pub use serve::{ServeError, serve};
