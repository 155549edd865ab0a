//! Writes records that another log has held, with their publish times, and positions.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::TopicName;

use super::super::{
    cursor::Cursor,
    limits::{LOAD_BYTES_MAX, LOAD_MESSAGES_MAX},
    queue::{Alteration, Command, Prepared},
    record,
    shared::{Shared, conflict, unknown_topic},
    topic::Topic,
};
use crate::{
    Outgoing, Result, StartAt,
    copying::{Copied, CopiedSubscription, CopiedTopic, CopyRecord, TopicWriter},
};

/// See the module.
pub(super) struct Writer {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    subscriptions: Vec<CopiedSubscription>,
    /// The position of each subscription, by partition.
    cursors: Vec<Vec<Cursor>>,
    /// The offset of the next record of each partition.
    next: Vec<u64>,
    /// Records that are there already.
    had: u64,
    taken: u64,
    waiting: Vec<Prepared>,
    bytes: usize,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, copied: &CopiedTopic) -> Result<Self> {
        let topic = shared.topic(&copied.topic)?;
        let len = topic.len();
        Ok(Self {
            had: (0..len).filter_map(|index| topic.end(index)).sum(),
            cursors: vec![vec![Cursor::default(); len]; copied.subscriptions.len()],
            next: vec![0; len],
            subscriptions: copied.subscriptions.clone(),
            shared,
            topic,
            taken: 0,
            waiting: Vec::new(),
            bytes: 0,
        })
    }

    /// One transaction: all of them are there, or none.
    async fn flush(&mut self) -> Result<()> {
        let records = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if records.is_empty() {
            return Ok(());
        }
        let refused = self.shared.send(|reply| Command::Publish { records, reply }).await?;
        match refused.is_empty() {
            true => Ok(()),
            false => Err(unknown_topic(&self.topic.name)),
        }
    }

    async fn place(&self, subscription: &CopiedSubscription, cursors: Vec<Cursor>) -> Result<()> {
        let topic = self.topic.clone();
        let (name, kind) = (subscription.name.clone(), subscription.subscription_type);
        let declared = self.shared.send(|reply| Command::Subscribe {
            topic,
            name,
            kind,
            start: StartAt::Earliest,
            reply,
        });
        let alteration = Alteration::Place {
            topic: self.topic.clone(),
            subscription: declared.await?,
            cursors,
        };
        self.shared.send(|reply| Command::Alter { alteration, reply }).await
    }
}

#[async_trait]
impl TopicWriter for Writer {
    async fn push(&mut self, record: CopyRecord) -> Result<()> {
        let index = record.partition as usize;
        let Some(next) = self.next.get_mut(index) else {
            return Err(no_partition(&self.topic.name, record.partition));
        };
        let offset = *next;
        *next += 1;
        let acknowledged = self.cursors.iter_mut().zip(&record.acknowledged);
        for (cursors, _) in acknowledged.filter(|(_, acknowledged)| **acknowledged) {
            cursors[index].ack(offset);
        }
        self.taken += 1;
        if self.taken <= self.had {
            return Ok(());
        }
        let encoded = record::encode(&record.message.producer, &Outgoing::from(&record.message));
        self.bytes += encoded.len();
        self.waiting.push(Prepared {
            group: 0,
            partition: self.topic.first_partition + index as u64,
            encoded,
            time_ms: Some(record.message.publish_time_ms),
        });
        match self.waiting.len() >= LOAD_MESSAGES_MAX || self.bytes >= LOAD_BYTES_MAX {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<Copied> {
        self.flush().await?;
        if self.taken < self.had {
            return Err(conflict(format!(
                "the topic {} has {} messages, and what is copied to it has {}: delete it, and copy again",
                self.topic.name, self.had, self.taken
            )));
        }
        let cursors = std::mem::take(&mut self.cursors);
        for (subscription, cursors) in self.subscriptions.iter().zip(cursors) {
            self.place(subscription, cursors).await?;
        }
        Ok(Copied {
            had: self.had,
            written: self.taken - self.had,
            again: vec![0; self.subscriptions.len()],
        })
    }
}

fn no_partition(topic: &TopicName, partition: u32) -> crate::BrokerError {
    conflict(format!("the topic {topic} has no partition {partition}"))
}
