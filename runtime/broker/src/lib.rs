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
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
use futures_util::future::BoxFuture;

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

    /// Makes everything durable and lets go of files and sockets. Later calls fail with [`ErrorKind::Closed`].
    async fn close(&self) -> Result<()>;
}

/// How a topic is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSpec {
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Keep messages until every subscription has acknowledged them. The embedded log always does.
    pub reliable_dispatch: bool,
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
    /// Whether it survives the broker's crash.
    pub durable: bool,
}

/// Where a subscription begins when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartAt {
    /// With the oldest message that is kept.
    #[default]
    Earliest,
    /// With the next one published.
    Latest,
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
}

/// Confirms messages of one consumer, in any order and from any task.
#[async_trait]
pub trait Acker: Send + Sync + 'static {
    /// These are done. Returns when that is durable, so that they are not delivered again after a crash.
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
