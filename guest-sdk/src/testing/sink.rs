//! A sink in a test.

use super::{Refused, read_back, source::borrowed};
use crate::{
    Column, ConsumerConfig, Operation, Result, SinkConnector, SubscriptionType,
    bindings::{
        sink::{MessageBatch, WriteBatch},
        types::{self, Configuration},
    },
    columns::{
        read,
        write::{NO_ATTRIBUTES, NO_BLOBS, NO_LABELS, push_blob, push_label, push_pairs},
    },
    export::SinkSlot,
};

/// A sink connector, ready to be called. Its connector's name is `under-test`.
#[derive(Debug)]
pub struct SinkHarness<C> {
    slot: SinkSlot<C>,
    wants: Vec<String>,
}

/// A message to give it.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// [`SinkRecord::topic`](crate::SinkRecord::topic).
    pub topic: String,
    /// [`SinkRecord::bytes`](crate::SinkRecord::bytes).
    pub payload: Vec<u8>,
    /// [`SinkRecord::id`](crate::SinkRecord::id).
    pub id: String,
    /// [`SinkRecord::key`](crate::SinkRecord::key); empty for none.
    pub key: Vec<u8>,
    /// [`SinkRecord::publish_time`](crate::SinkRecord::publish_time), in milliseconds.
    pub publish_time: u64,
    /// [`SinkRecord::producer_name`](crate::SinkRecord::producer_name).
    pub producer: String,
    /// [`SinkRecord::schema`](crate::SinkRecord::schema), `subject@version`; empty for none.
    pub schema: String,
    /// [`SinkRecord::attributes`](crate::SinkRecord::attributes).
    pub attributes: Vec<(String, String)>,
    /// [`SinkRecord::order`](crate::SinkRecord::order).
    pub order: u64,
}

impl Delivered {
    /// A message with a topic and a payload, nothing else.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            ..Self::default()
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processed {
    /// Writes to the target.
    pub writes: Vec<Written>,
    /// Messages that were refused.
    pub refused: Vec<Refused>,
}

/// A write to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it goes.
    pub target: String,
    /// The document.
    pub payload: Vec<u8>,
    /// Whether the document is a message's own payload, which did not cross the sandbox again.
    pub forwarded: bool,
    /// The messages it came from, by their places.
    pub origins: Vec<usize>,
    /// The document's id, where the connector gave one.
    pub id: Option<String>,
    /// What it does.
    pub operation: Operation,
    /// Its order; 0 applies always.
    pub order: u64,
}

impl Written {
    /// The document as JSON; `null` if it is none.
    pub fn document(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

impl<C: SinkConnector> SinkHarness<C> {
    /// Initializes a connector with these settings, JSON text.
    pub fn new(settings: &str) -> Result<Self> {
        let slot = SinkSlot::new();
        let config = Configuration {
            connector: "under-test".to_owned(),
            settings: settings.to_owned(),
        };
        let wants = slot.initialize(config).map_err(read_back::error)?;
        Ok(Self { slot, wants })
    }

    /// The topics it consumes.
    pub fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        let configs = self.slot.consumer_configs().map_err(read_back::error)?;
        let config = |config: types::ConsumerConfig| ConsumerConfig {
            topic: config.topic,
            subscription: config.subscription,
            subscription_type: match config.subscription_type {
                types::SubscriptionType::Exclusive => SubscriptionType::Exclusive,
                types::SubscriptionType::Shared => SubscriptionType::Shared,
                types::SubscriptionType::Failover => SubscriptionType::Failover,
                types::SubscriptionType::KeyShared => SubscriptionType::KeyShared,
            },
            expected_schema_subject: config.expected_schema_subject,
        };
        Ok(configs.into_iter().map(config).collect())
    }

    /// Gives it a batch.
    pub fn process_batch(&mut self, messages: &[Delivered]) -> Result<Processed> {
        let batch = self.columns(messages);
        let made = self.slot.process_batch(&batch).map_err(read_back::error)?;
        Ok(Processed::read(made, messages))
    }

    fn columns(&self, messages: &[Delivered]) -> MessageBatch {
        let wants = |column: Column| self.wants.iter().any(|name| name == column.name());
        let mut batch = MessageBatch {
            topics: NO_LABELS,
            payloads: NO_BLOBS,
            ids: NO_BLOBS,
            keys: NO_BLOBS,
            publish_times: Vec::new(),
            producers: NO_LABELS,
            schemas: NO_LABELS,
            attributes: NO_ATTRIBUTES,
            extra: Vec::new(),
        };
        if wants(Column::Orders) && !messages.is_empty() {
            batch.extra.push(types::NamedColumn {
                name: Column::Orders.name().to_owned(),
                values: types::Column::Numbers(messages.iter().map(|message| message.order).collect()),
            });
        }
        for message in messages {
            push_label(&mut batch.topics, &message.topic);
            push_blob(&mut batch.payloads, &message.payload);
            if wants(Column::Ids) {
                push_blob(&mut batch.ids, message.id.as_bytes());
            }
            if wants(Column::Keys) {
                push_blob(&mut batch.keys, &message.key);
            }
            if wants(Column::PublishTimes) {
                batch.publish_times.push(message.publish_time);
            }
            if wants(Column::Producers) {
                push_label(&mut batch.producers, &message.producer);
            }
            if wants(Column::Schemas) {
                push_label(&mut batch.schemas, &message.schema);
            }
            if wants(Column::Attributes) {
                push_pairs(&mut batch.attributes, borrowed(&message.attributes));
            }
        }
        batch
    }
}

impl Processed {
    fn read(batch: WriteBatch, messages: &[Delivered]) -> Self {
        let n = batch.targets.index.len();
        let payloads = read_back::payloads(&batch.payloads, n, |input| &messages[input].payload);
        let write = |(i, payload)| Written {
            target: read::label(&batch.targets, i).to_owned(),
            payload,
            forwarded: batch.payloads.reuse.get(i).is_some_and(|k| *k > 0),
            origins: read_back::origins(&batch.origins, i),
            id: read_back::optional(read::blob(&batch.ids, i)),
            operation: match batch.operations.get(i) {
                Some(1) => Operation::Upsert,
                Some(2) => Operation::Merge,
                Some(3) => Operation::Delete,
                _ => Operation::Insert,
            },
            order: batch.orders.get(i).copied().unwrap_or(0),
        };
        Self {
            writes: payloads.into_iter().enumerate().map(write).collect(),
            refused: read_back::refused(batch.rejected),
        }
    }
}
