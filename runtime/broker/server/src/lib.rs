//! The embedded log, served over Danube's wire protocol with its schema registry: `danube-wasm broker`.
//!
//! A **single-node development and edge broker**: several processes of one machine, or of a small site, share one log,
//! and Danube's own clients work with it unchanged. It has no replicas and no users, and what it
//! confirms is on its disk: docs/danube.md says what is so of a Danube cluster.
//!
//! # What differs from Danube
//!
//! * Every message is durable before [`SendMessage`] is answered, whatever dispatch strategy the producer names; many
//!   concurrent sends share one sync. Both strategies are accepted, and mixed.
//! * Any namespace is accepted.
//! * `publish_time` is this broker's clock, never going backwards in a partition, because positions are moved by it.
//! * A new subscription begins at the end, as in Danube, unless the client says `x-danube-wasm-start: earliest` in the
//!   metadata of `Subscribe` ([`danube_wasm_proto::START_METADATA`]), or the operator changed the default
//!   ([`ServerOptions::new_subscriptions`]). A sink that subscribes after its source has published wants the oldest.
//! * A consumer that is gone gives back what it had at once, an Exclusive subscription is free again, and a Failover
//!   subscription fails over. A consumer of a name that is taken takes over under a new id: the stream of its
//!   predecessor ends, and if that is alive and asks again it is [`NotFound`](tonic::Code::NotFound), so that the two do
//!   not fight for the name.
//! * A message that is not acknowledged in time is delivered again, for ever: there is no poison policy. A nack without
//!   a delay waits a second.
//! * Key filters and exclusive producers are refused: they would be promises not kept.
//! * The broker validates no payload; a topic cannot be told to. Versions of a schema are never deleted, because stored
//!   messages name them.
//!
//! # Topics and partitions
//!
//! `/ns/name-part-N` (N below 1024, without leading zeros) always means partition N of `/ns/name`, unless a topic of
//! just that name was made in this process. A producer on partition N makes the topic, or adds partitions to it, up to
//! N. So what Danube's clients see as topics is, to an in-process handle and to `danube-wasm topics`, one topic with
//! partitions; a subscription of that name is one subscription with a position in each partition, and consumers of
//! single partitions and of the whole topic may share it. A topic has partitions or has none: asking for the other is
//! [`AlreadyExists`](tonic::Code::AlreadyExists), as in Danube. `TopicPartitions` matches exactly.
//!
//! # Sessions
//!
//! Ids of producers and consumers live in memory and begin at a random number: one of an earlier run is unknown, which
//! is `NotFound`, and `CLOSE` to a health check. `Subscribe` joins the subscription at once, and waits a while for
//! `ReceiveMessages`; that may be called again by the same id when its stream broke. Each consumer has at most
//! [`ServerOptions::unacknowledged_max`] messages, each for [`ServerOptions::ack_timeout`].
//!
//! # When the disk fails
//!
//! Full or failing: [`ResourceExhausted`](tonic::Code::ResourceExhausted) with a sentence, which clients try again;
//! stopping, or more waiting than memory is set aside for: [`Unavailable`](tonic::Code::Unavailable).
//!
//! [`SendMessage`]: danube_wasm_proto::api::producer_service_server::ProducerService::send_message

mod consume;
mod core;
mod discovery;
mod gate;
mod health;
mod incoming;
mod limits;
mod names;
mod options;
mod produce;
mod registry;
mod serve;
mod status;
mod wire;

pub use options::{InvalidOptions, Secret, ServerOptions, TlsIdentity};
pub use serve::{ServeError, serve};
