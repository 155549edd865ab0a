//! What a server of the log needs for a protocol that addresses single partitions, as Danube's does: topics that grow,
//! publishing to and consuming from one partition, and notes.

use std::sync::Arc;

use danube_wasm_model::TopicName;
use redb::ReadableTable;

use super::{
    broker::{EmbeddedBroker, check_name},
    consumer::EmbeddedAcker,
    notes::{self, NoteKind},
    publisher::EmbeddedPublisher,
    queue::{Alteration, Command},
    shared::{blocking, unknown_topic},
    tables::SUBJECTS,
};
use crate::{Acker, Consumer, ConsumerOptions, Publisher, Result};

impl EmbeddedBroker {
    /// Number of partitions of a topic, 0 for a topic without; `None` if there is no such topic.
    pub fn partitions(&self, topic: &TopicName) -> Option<u32> {
        self.shared().topics.read().get(topic).map(|topic| topic.partitions())
    }

    /// Grows a topic to at least `partitions` partitions, and creates it if it does not exist. Existing subscriptions
    /// start at the beginning of a new partition. [`ErrorKind::Conflict`] for a topic without partitions.
    pub async fn ensure_partitions(&self, topic: &TopicName, partitions: u32) -> Result<()> {
        if self.partitions(topic).is_some_and(|has| has > 0 && has >= partitions) {
            return self.shared().queue.close_reason().map_or(Ok(()), Err);
        }
        let topic = topic.clone();
        self.alter(Alteration::Grow { topic, partitions }).await
    }

    /// A publisher for one partition, whatever the key; with `None` like [`crate::Broker::publisher`].
    pub fn partition_publisher(&self, producer: &str, partition: Option<u32>) -> Result<Arc<dyn Publisher>> {
        check_name("producer", producer)?;
        self.shared().queue.close_reason().map_or(Ok(()), Err)?;
        Ok(Arc::new(EmbeddedPublisher {
            shared: self.shared().clone(),
            producer: producer.to_owned(),
            partition,
        }))
    }

    /// Consumes one partition, beside other consumers of the subscription that consume it, another one or all. The
    /// rules of the subscription's type apply to each partition: Exclusive has one consumer of each, Failover an active
    /// one.
    pub async fn subscribe_partition(&self, options: ConsumerOptions, partition: u32) -> Result<Box<dyn Consumer>> {
        if self.partitions(&options.topic).is_none_or(|has| partition >= has) {
            return Err(unknown_topic(&options.topic.partition(partition)));
        }
        Ok(Box::new(self.attach(options, Some(partition as usize)).await?))
    }

    /// The number of a partition in [`crate::MessageId`]; `None` for a topic without partitions.
    pub fn partition_id(&self, topic: &TopicName, partition: Option<u32>) -> Result<u64> {
        let known = self.shared().topic(topic)?;
        let place = u64::from(partition.unwrap_or(0));
        if partition.is_some() == (known.partitions() == 0) || place >= known.len() as u64 {
            let name = partition.map_or(topic.clone(), |partition| topic.partition(partition));
            return Err(unknown_topic(&name));
        }
        Ok(known.first_partition + place)
    }

    /// An acker for messages of any consumer of a subscription. Its nacks do nothing.
    pub fn acker(&self, topic: &TopicName, subscription: &str) -> Result<Arc<dyn Acker>> {
        let (topic, found) = self.shared().subscription(topic, subscription)?;
        Ok(Arc::new(EmbeddedAcker::without_consumer(
            self.shared().clone(),
            topic,
            found,
        )))
    }

    /// Reads a note.
    pub async fn note(&self, kind: NoteKind, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        blocking(self.shared(), move |transaction| notes::read(transaction, kind, &name)).await
    }

    /// Writes a note, replacing an earlier one.
    pub async fn set_note(&self, kind: NoteKind, name: &str, text: &str) -> Result<()> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.alter(Alteration::Note { kind, name, text }).await
    }

    /// Every schema subject, by name.
    pub async fn subjects(&self) -> Result<Vec<String>> {
        blocking(self.shared(), |transaction| {
            let mut subjects = Vec::new();
            for row in transaction.open_table(SUBJECTS)?.iter()? {
                subjects.push(row?.0.value().to_owned());
            }
            Ok(subjects)
        })
        .await
    }

    pub(super) async fn alter(&self, alteration: Alteration) -> Result<()> {
        self.shared().send(|reply| Command::Alter { alteration, reply }).await
    }
}
