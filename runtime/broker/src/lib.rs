//! The broker, behind one trait: [`Broker`].
//!
//! The only room that knows a broker's protocol or storage. Two implementations are planned: [`embedded`], a durable
//! log in this process for one machine, and Danube over gRPC. The trait is shaped for the harder of the two: everything
//! is asynchronous and batched, a session can be lost at any time (an implementation rebuilds it; callers see
//! [`ErrorKind::Unavailable`] meanwhile), and acknowledgements come in any order.

pub mod embedded;
mod error;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{RecordId, SubscriptionType, TopicName, clock::order_at, identity::ORDER_ATTRIBUTE};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use danube_wasm_model::StartAt;
pub use error::{BrokerError, ErrorKind};

/// Shorthand of this crate.
pub type Result<T, E = BrokerError> = std::result::Result<T, E>;

/// A message broker.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Creates the topic, or confirms one that is there with the same number of partitions.
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()>;

    /// A handle that publishes under this producer name.
    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>>;

    /// Subscribes, creating the subscription at `start` if it is not there. A topic that does not exist is
    /// [`ErrorKind::NotFound`].
    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>>;

    /// The schema registry.
    fn registry(&self) -> Arc<dyn Registry>;

    /// How far each subscription is behind.
    async fn lag(&self) -> Result<Vec<Lag>>;

    /// Whether it can take and give messages now.
    async fn ready(&self) -> Result<()>;

    /// Counts lost sessions: grows each time a session was lost after which messages acknowledged shortly before may be
    /// gone, before anything is published in the one that replaces it. What was handed over in a lost session and not
    /// acknowledged is answered with [`ErrorKind::Unavailable`], never sent in the next; nor is what is handed later to
    /// a [`Publisher`] that was opened before the loss was counted. By default none is ever lost.
    fn sessions(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// Asks the broker, over the wire, whether the sessions that messages were published in are still there: one that
    /// was lost unnoticed is counted in [`Broker::sessions`] before this returns. After `Ok` with an unchanged count,
    /// the broker has lived without a break since the count was first seen.
    async fn check_sessions(&self) -> Result<()> {
        self.ready().await
    }

    /// What consumers of this process were not given though it was in their partitions, and no operator has acknowledged yet.
    /// By default brokers skip nothing.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }

    /// An operator has seen what a subscription was not given: it counts no more. Returns it.
    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let _ = (topic, subscription);
        Vec::new()
    }

    /// Whether what is published to this topic is on a disk, and kept until it was read, when that is confirmed; `None` as
    /// long as that is not known. [`Published::durable`] says it of each group.
    fn is_durable(&self, topic: &TopicName) -> Option<bool> {
        let _ = topic;
        Some(true)
    }

    /// What an operator may ask of it: `None` where it cannot be asked from here.
    fn admin(&self) -> Option<Arc<dyn Admin>> {
        None
    }

    /// Makes everything durable and lets go of files and sockets. Later calls fail with [`ErrorKind::Closed`].
    async fn close(&self) -> Result<()>;
}

/// What a dead letter may have above the largest ordinary record, in bytes: it is its input, byte for byte, and what is
/// known about the failure.
pub const LETTER_HEADROOM_BYTES: usize = 32 << 10;

/// Largest record for `topic` in bytes, with its key and attributes, where an ordinary one may have `ordinary`.
pub fn record_bytes_max(topic: &TopicName, ordinary: usize) -> usize {
    match topic.is_for_dead_letters() {
        true => ordinary.saturating_add(LETTER_HEADROOM_BYTES),
        false => ordinary,
    }
}

/// How a topic is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSpec {
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Keep messages until every subscription has acknowledged them. The embedded log always does.
    pub reliable_dispatch: bool,
    /// Keep the order in which records without a key were handed over, too. Records of one key always keep theirs. The
    /// embedded log always does.
    pub ordered: bool,
    /// Subject in the registry whose schema its messages are encoded by. Danube ties the topic to it.
    pub schema_subject: Option<String>,
}

/// A record on its way to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic, without its partition: the broker chooses that by key, or in turn.
    pub topic: TopicName,
    /// Routing key.
    pub key: Option<Bytes>,
    /// The encoded payload.
    pub payload: Bytes,
    /// Attributes, without the record's id.
    pub attributes: Vec<(String, String)>,
    /// Id of the record; travels as an attribute where the broker has no place for it.
    pub id: RecordId,
    /// Schema that the payload was encoded by.
    pub schema: Option<SchemaRef>,
}

/// Publishes. Calls are ordered: what was handed over first is first in its partition.
pub trait Publisher: Send + Sync + 'static {
    /// Hands over groups of records and returns at once; the future is ready when their fate is known. A group is the
    /// records of one event: all of it is durable, or none of it (a broker that cannot promise that publishes it so
    /// that publishing it again is safe). One result for each group, in order.
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>>;
}

/// A group is in the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Whether it survives the broker's crash: it is on a disk, synced, and kept until it was read.
    pub durable: bool,
}

/// How to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// The topic; all its partitions are consumed.
    pub topic: TopicName,
    /// Name of the subscription, which holds the position.
    pub subscription: String,
    /// How its messages are shared. All consumers of a subscription agree.
    pub subscription_type: SubscriptionType,
    /// Name of this consumer, unique in its subscription and the same after a restart.
    pub consumer: String,
    /// Where to begin if the subscription is new.
    pub start: StartAt,
    /// Most messages given and not yet acknowledged.
    pub unacknowledged_max: usize,
}

/// One consumer of a subscription. Dropping it gives back what it has not acknowledged.
#[async_trait]
pub trait Consumer: Send + 'static {
    /// Waits for at least one message, then returns what is there, up to `max`. May be cancelled: nothing is lost.
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>>;

    /// Acknowledges from another task than the one that reads.
    fn acker(&self) -> Arc<dyn Acker>;

    /// Follows what the broker owes this consumer. By default it owes nothing.
    fn delivery(&self) -> watch::Receiver<Delivery> {
        watch::channel(Delivery::default()).1
    }
}

/// What a broker owes a consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Messages that it skipped. Never falls.
    pub gap_messages: u64,
    /// What was skipped and no operator has acknowledged, and what to do: for the operator.
    pub gap: Option<String>,
    /// Where nothing comes any more though something is unread, and what to do: for the operator.
    pub standstill: Option<String>,
}

/// Messages of a partition that a subscription was not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic, without its partition.
    pub topic: TopicName,
    /// The subscription.
    pub subscription: String,
    /// The partition, as a topic of its own.
    pub partition: TopicName,
    /// First offset that was not given.
    pub first: u64,
    /// Last offset that was not given.
    pub last: u64,
}

impl Gap {
    /// How many messages that is.
    pub fn messages(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// Confirms messages of one consumer, in any order and from any task.
#[async_trait]
pub trait Acker: Send + Sync + 'static {
    /// These are done. Returns when that is durable, so that they are not delivered again after a crash. Some brokers
    /// refuse the newest with [`ErrorKind::Unavailable`] while an older one is in hand: say it again later.
    async fn ack(&self, messages: &[MessageId]) -> Result<()>;

    /// These are not done: deliver them again after `delay`.
    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()>;
}

/// Where a message is in the broker. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// Number of the partition, unique in the broker.
    pub partition: u64,
    /// Place in it.
    pub offset: u64,
}

/// A message as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names it for [`Acker`].
    pub message_id: MessageId,
    /// The topic, without its partition.
    pub topic: TopicName,
    /// Routing key.
    pub key: Option<Bytes>,
    /// The encoded payload.
    pub payload: Bytes,
    /// Attributes, without the record's id.
    pub attributes: Vec<(String, String)>,
    /// Id of the record. A producer that gives none gets one from the message's place.
    pub id: RecordId,
    /// When it was published, in milliseconds since 1970-01-01 UTC.
    pub publish_time_ms: u64,
    /// Who published it.
    pub producer: Arc<str>,
    /// Schema that the payload was encoded by.
    pub schema: Option<SchemaRef>,
    /// How often it was delivered before.
    pub redeliveries: u32,
}

impl Message {
    /// The order of its record: what it was stamped with when it was published. One without a stamp, from another
    /// publisher, is ordered by its publish time and, within one millisecond, by the lowest 16 bits of its offset: ties
    /// are possible between partitions.
    pub fn order(&self) -> u64 {
        self.stamp()
            .unwrap_or_else(|| order_at(self.publish_time_ms, self.message_id.offset))
    }

    /// What its record was stamped with.
    pub fn stamp(&self) -> Option<u64> {
        let mut stamps = self.attributes.iter().filter(|(name, _)| name == ORDER_ATTRIBUTE);
        stamps.find_map(|(_, order)| order.parse().ok())
    }

    /// Stamps it anew.
    pub fn set_stamp(&mut self, order: u64) {
        self.attributes.retain(|(name, _)| name != ORDER_ATTRIBUTE);
        self.attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
    }
}

/// How far a subscription is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The topic.
    pub topic: TopicName,
    /// The subscription.
    pub subscription: String,
    /// Messages not yet acknowledged.
    pub messages: u64,
}

/// A version of a subject, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaRef {
    /// Number of the subject.
    pub id: u64,
    /// Version of the subject, from 1.
    pub version: u32,
}

/// A registered schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// Names it in messages.
    pub reference: SchemaRef,
    /// Its subject.
    pub subject: String,
    /// Its type as Danube spells it: `json_schema`, `string`, `number`, `bytes`, `avro`, `protobuf`.
    pub schema_type: String,
    /// Its text, empty for primitive types.
    pub definition: String,
}

/// Subjects and their versions.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// The newest version of a subject.
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>>;

    /// One version by the reference that messages carry.
    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>>;

    /// All versions of a subject, oldest first; none if it does not exist.
    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>>;

    /// Registers a version. The type and text of a version that exists give that version; anything else a new one.
    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema>;
}

/// What an operator asks of a broker. A topic here is without its partitions, which share its fate.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// Every topic, by name.
    async fn topics(&self) -> Result<Vec<TopicInfo>>;

    /// Deletes a topic with its messages and subscriptions. Consumers and producers of it lose their sessions.
    async fn delete_topic(&self, topic: &TopicName) -> Result<()>;

    /// Every subscription, by topic and name.
    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>>;

    /// Moves a subscription. What was given to its consumers and not acknowledged counts as not given.
    async fn seek(&self, topic: &TopicName, subscription: &str, to: SeekTo) -> Result<SeekReport>;

    /// Deletes a subscription and its position. Its consumers lose their sessions.
    async fn delete_subscription(&self, topic: &TopicName, subscription: &str) -> Result<()>;
}

/// A topic as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub topic: TopicName,
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Messages that it holds; `None` where the broker does not say.
    pub messages: Option<u64>,
    /// How many of them every subscription has acknowledged: they are kept to be read again; `None` where the broker does
    /// not say.
    pub consumed: Option<u64>,
    /// Their bytes, keys and attributes included.
    pub bytes: Option<u64>,
    /// Names of its subscriptions.
    pub subscriptions: Vec<String>,
}

/// A subscription as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionInfo {
    /// Its topic.
    pub topic: TopicName,
    /// Its name.
    pub subscription: String,
    /// How its messages are shared, where the broker says.
    pub subscription_type: Option<SubscriptionType>,
    /// Messages not yet acknowledged, where the broker says.
    pub lag: Option<u64>,
    /// Names of the consumers that are connected now.
    pub consumers: Vec<String>,
}

/// Where a subscription is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeekTo {
    /// The oldest message that is kept.
    Earliest,
    /// Behind the newest.
    Latest,
    /// The first message published at or after this time, in milliseconds since 1970-01-01 UTC.
    PublishTimeMs(u64),
}

/// What moving a subscription means for its consumers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeekReport {
    /// Messages that were acknowledged and are given again.
    pub read_again: u64,
    /// Messages that were not acknowledged and are not given any more.
    pub left_out: u64,
    /// Messages of the topic that are not kept any more and that lie, or may lie, behind the position asked for.
    pub gone: u64,
    /// When the oldest message that is kept was published, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<u64>,
}
