//! The broker, behind one trait: [`Broker`].
//!
//! The only room that knows a broker's protocol or storage. Implementations: [`embedded`], a durable log in this
//! process for one machine, and Danube over gRPC. The trait fits the harder of the two: every call is asynchronous and
//! batched, a session can be lost at any time (the implementation rebuilds it; callers get [`ErrorKind::Unavailable`]
//! meanwhile), and acknowledgements may come in any order.

mod backoff;
pub mod copying;
pub mod embedded;
mod error;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{RecordId, SubscriptionType, TopicName, clock::order_at, identity::ORDER_ATTRIBUTE};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use backoff::Backoff;
pub use danube_wasm_model::StartAt;
pub use error::{BrokerError, ErrorKind};

/// Shorthand of this crate.
pub type Result<T, E = BrokerError> = std::result::Result<T, E>;

/// A message broker.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Creates the topic, or succeeds if it exists with the same number of partitions.
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()>;

    /// A handle that publishes under this producer name.
    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>>;

    /// Subscribes, creating the subscription at `start` if it is not there. A topic that does not exist is
    /// [`ErrorKind::NotFound`].
    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>>;

    /// The schema registry.
    fn registry(&self) -> Arc<dyn Registry>;

    /// The lag of each subscription.
    async fn lag(&self) -> Result<Vec<Lag>>;

    /// Whether it can take and give messages now.
    async fn ready(&self) -> Result<()>;

    /// The number of lost sessions. It grows when a session was lost after which recently acknowledged messages may be
    /// gone, before anything is published in the session that replaces it. Records that were published in a lost
    /// session and not acknowledged get [`ErrorKind::Unavailable`] and are never sent in the next one; nor are records
    /// given later to a [`Publisher`] that was opened before the loss was counted. By default no session is ever lost.
    fn sessions(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// Asks the broker, over the wire, whether the sessions in which records were published still exist. A session that
    /// was lost unnoticed is counted in [`Broker::sessions`] before this returns. After `Ok` with an unchanged count
    /// the broker has run without interruption since the count was first read.
    async fn check_sessions(&self) -> Result<()> {
        self.ready().await
    }

    /// Messages of their partitions that consumers of this process did not get and that no operator has acknowledged
    /// yet. By default brokers skip nothing.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }

    /// Acknowledges and returns the gaps of a subscription: they are not counted any more.
    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let _ = (topic, subscription);
        Vec::new()
    }

    /// Whether records published to this topic are on a disk, and kept until they were read, when they are confirmed;
    /// `None` while that is not known. [`Published::durable`] answers it for each group.
    fn is_durable(&self, topic: &TopicName) -> Option<bool> {
        let _ = topic;
        Some(true)
    }

    /// Administration; `None` if the broker offers none from here.
    fn admin(&self) -> Option<Arc<dyn Admin>> {
        None
    }

    /// Makes everything durable and closes files and sockets. Later calls fail with [`ErrorKind::Closed`].
    async fn close(&self) -> Result<()>;
}

/// How much larger a dead letter may be than the largest ordinary record, in bytes: it is its input, byte for byte, and
/// a description of the failure.
pub const DEAD_LETTER_HEADROOM_BYTES: usize = 32 << 10;

/// Largest record for `topic` in bytes, with its key and attributes; `ordinary` is the limit for topics that hold no
/// dead letters.
pub fn record_bytes_max(topic: &TopicName, ordinary: usize) -> usize {
    match topic.is_for_dead_letters() {
        true => ordinary.saturating_add(DEAD_LETTER_HEADROOM_BYTES),
        false => ordinary,
    }
}

/// The specification of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSpec {
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Keep messages until every subscription has acknowledged them. The embedded log always does.
    pub reliable_dispatch: bool,
    /// Also keep the order in which records without a key were published. Records of one key always keep theirs. The
    /// embedded log always does this.
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

impl From<&Message> for Outgoing {
    /// The record that a message was.
    fn from(message: &Message) -> Self {
        Self {
            topic: message.topic.clone(),
            key: message.key.clone(),
            payload: message.payload.clone(),
            attributes: message.attributes.clone(),
            id: message.id.clone(),
            schema: message.schema,
        }
    }
}

/// Publishes records. Calls are ordered: a record that was published first is first in its partition.
pub trait Publisher: Send + Sync + 'static {
    /// Publishes groups of records and returns at once; the future is ready when their results are known. A group is
    /// the records of one event: all of them are durable, or none is (a broker that cannot promise that publishes them
    /// so that publishing again is safe). One result for each group, in order.
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>>;

    /// [`ErrorKind::TooLarge`] where it is known on this side that the broker never takes a record, without publishing it: of a
    /// group that was refused for its size, which records were to blame.
    fn check_size(&self, _: &Outgoing) -> Result<()> {
        Ok(())
    }

    /// The largest record that the broker takes, with its key and attributes, in bytes; `None` while that is not known.
    fn record_bytes_max(&self) -> Option<usize> {
        None
    }
}

/// The broker has accepted a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Whether it survives a crash of the broker: it is synced to a disk, and kept until it was read.
    pub durable: bool,
}

/// Options of a subscription's consumer.
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
    /// Where a new subscription starts.
    pub start: StartAt,
    /// Most messages delivered and not yet acknowledged.
    pub unacknowledged_max: usize,
}

/// One consumer of a subscription. When it is dropped, messages that it has not acknowledged are redelivered.
#[async_trait]
pub trait Consumer: Send + 'static {
    /// Waits for at least one message, then returns those that are available, up to `max`. Safe to cancel: no message
    /// is lost.
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>>;

    /// The acker, which may be used from another task than the one that receives.
    fn acker(&self) -> Arc<dyn Acker>;

    /// Whether this message, which it has received, was certainly never delivered before, to any consumer of the
    /// subscription. By default nothing is certain.
    fn is_first_delivery(&self, _message: &Message) -> bool {
        false
    }

    /// The broker's delivery state for this consumer, as it changes. By default there are no gaps.
    fn delivery(&self) -> watch::Receiver<Delivery> {
        watch::channel(Delivery::default()).1
    }
}

/// Messages that a broker did not deliver to a consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Messages that it skipped. Never decreases.
    pub gap_messages: u64,
    /// Skipped messages that no operator has acknowledged, and what to do; for the operator.
    pub gap: Option<String>,
    /// Partitions that deliver nothing although they have unread messages, and what to do; for the operator.
    pub standstill: Option<String>,
}

/// Messages of a partition that a subscription did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic, without its partition.
    pub topic: TopicName,
    /// The subscription.
    pub subscription: String,
    /// The partition's topic name.
    pub partition: TopicName,
    /// First offset that was not delivered.
    pub first: u64,
    /// Last offset that was not delivered.
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
    /// Acknowledges messages. Returns when that is durable, so that they are not delivered again after a crash. Some
    /// brokers refuse the newest with [`ErrorKind::Unavailable`] while an older one is not acknowledged: retry later.
    async fn ack(&self, messages: &[MessageId]) -> Result<()>;

    /// Negatively acknowledges messages: they are delivered again after `delay`.
    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()>;
}

/// The id of a message in the broker. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// Number of the partition, unique in the broker.
    pub partition: u64,
    /// Offset in the partition.
    pub offset: u64,
}

/// A message as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id for [`Acker`].
    pub message_id: MessageId,
    /// The topic, without its partition.
    pub topic: TopicName,
    /// Routing key.
    pub key: Option<Bytes>,
    /// The encoded payload.
    pub payload: Bytes,
    /// Attributes, without the record's id.
    pub attributes: Vec<(String, String)>,
    /// Id of the record. If its producer set none, it is made from the message's id.
    pub id: RecordId,
    /// When it was published, in milliseconds since 1970-01-01 UTC.
    pub publish_time_ms: u64,
    /// Name of its producer.
    pub producer: Arc<str>,
    /// Schema that the payload was encoded by.
    pub schema: Option<SchemaRef>,
    /// Number of earlier deliveries.
    pub redeliveries: u32,
}

impl Message {
    /// The order of its record: the stamp that it was published with. A message of another publisher without a stamp is
    /// ordered by its publish time and, within one millisecond, by the lowest 16 bits of its offset: ties are possible
    /// between partitions.
    pub fn order(&self) -> u64 {
        self.stamp()
            .unwrap_or_else(|| order_at(self.publish_time_ms, self.message_id.offset))
    }

    /// The order that its record was stamped with.
    pub fn stamp(&self) -> Option<u64> {
        let mut stamps = self.attributes.iter().filter(|(name, _)| name == ORDER_ATTRIBUTE);
        stamps.find_map(|(_, order)| order.parse().ok())
    }

    /// Replaces its stamp.
    pub fn set_stamp(&mut self, order: u64) {
        self.attributes.retain(|(name, _)| name != ORDER_ATTRIBUTE);
        self.attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
    }
}

/// The lag of a subscription.
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
    /// Its reference in messages.
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

    /// Registers a version. If a version with this type and text exists, that one is returned; otherwise a new one is
    /// made.
    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema>;
}

/// Administration of a broker. Topics are named without their partitions.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// Every topic, by name.
    async fn topics(&self) -> Result<Vec<TopicInfo>>;

    /// Deletes a topic with its messages and subscriptions. The sessions of its consumers and producers end.
    async fn delete_topic(&self, topic: &TopicName) -> Result<()>;

    /// Every subscription, by topic and name.
    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>>;

    /// Moves the position of a subscription. Messages that were delivered and not acknowledged count as not delivered.
    async fn seek(&self, topic: &TopicName, subscription: &str, to: SeekTo) -> Result<SeekReport>;

    /// Deletes a subscription and its position. The sessions of its consumers end.
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
    /// How many of them every subscription has acknowledged (they are kept to be read again); `None` where the broker
    /// does not say.
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

/// The new position of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeekTo {
    /// The oldest message that is kept.
    Earliest,
    /// Behind the newest.
    Latest,
    /// The first message published at or after this time, in milliseconds since 1970-01-01 UTC.
    PublishTimeMs(u64),
}

/// The effect of moving a subscription's position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeekReport {
    /// Acknowledged messages that are delivered again.
    pub read_again: u64,
    /// Unacknowledged messages that are skipped.
    pub left_out: u64,
    /// Messages that are not stored any more and that are, or may be, after the new position.
    pub gone: u64,
    /// When the oldest message that is kept was published, in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<u64>,
}
