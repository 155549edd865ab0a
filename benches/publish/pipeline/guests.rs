//! Components that only forward, in this process: a sandbox would cost both transports the same.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId, SubscriptionType, TopicName,
    door::{ConsumerConfig, GuestError, ProducerConfig, SinkGuest, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
    message::{MessageBatch, WriteBatch},
};

use crate::{PARTITIONS, SUBSCRIPTION, target::TABLE};

/// As many as a sink has by default.
const LANES: usize = 2;

/// One record for each event, as it came.
pub(crate) struct Forward {
    id: ConnectorId,
    topic: TopicName,
    producers: Vec<ProducerConfig>,
}

impl Forward {
    pub(crate) fn to(topic: TopicName) -> anyhow::Result<Self> {
        let producer = ProducerConfig {
            topic: topic.clone(),
            partitions: PARTITIONS,
            reliable_dispatch: true,
        };
        Ok(Self {
            id: ConnectorId::try_new("bench", "source")?,
            topic,
            producers: vec![producer],
        })
    }
}

#[async_trait]
impl SourceGuest for Forward {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "native"
    }

    fn lanes(&self) -> usize {
        LANES
    }

    fn interests(&self) -> Interests {
        Interests::default()
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.producers
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let mut records = RecordBatch::default();
        let topic = self.topic.to_string();
        for event in 0..events.len() {
            records.topics.push(&topic);
            records.payloads.push_input(event as u32);
        }
        records.check(events.len())?;
        Ok(records)
    }
}

/// One row for each message, as it came.
pub(crate) struct Insert {
    id: ConnectorId,
    consumers: Vec<ConsumerConfig>,
}

impl Insert {
    pub(crate) fn from(topic: TopicName) -> anyhow::Result<Self> {
        let consumer = ConsumerConfig {
            topic,
            subscription: SUBSCRIPTION.to_owned(),
            subscription_type: SubscriptionType::Shared,
            expected_schema_subject: None,
        };
        Ok(Self {
            id: ConnectorId::try_new("bench", "sink")?,
            consumers: vec![consumer],
        })
    }
}

#[async_trait]
impl SinkGuest for Insert {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "native"
    }

    fn lanes(&self) -> usize {
        LANES
    }

    fn interests(&self) -> Interests {
        Interests::default()
    }

    fn consumer_configs(&self) -> &[ConsumerConfig] {
        &self.consumers
    }

    async fn process_batch(&self, _: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError> {
        let mut writes = WriteBatch::default();
        for message in 0..messages.len() {
            writes.targets.push(TABLE);
            writes.payloads.push_input(message as u32);
        }
        writes.check(messages.len())?;
        Ok(writes)
    }
}
