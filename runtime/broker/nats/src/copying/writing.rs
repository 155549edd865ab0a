//! Writes a topic's records in the order that they are given, one batch after the other, and then its positions.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{
    Backoff, ErrorKind, Result,
    copying::{Copied, CopiedSubscription, CopiedTopic, CopyRecord, TopicWriter},
};
use serde_json::json;
use tokio::time::Instant;

use super::{acknowledge, outbound, positions::Gathered};
use crate::{
    consume::Durables,
    error::conflict,
    limits::{ACK_SETTLES_AFTER, BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, BUCKETS, RETRY_CEILING, RETRY_FLOOR},
    names::{self, Place},
    publish::{Attempt, BatchSender, Unit, check_size},
    session::Session,
    topic::{StreamInfo, Topic},
    wire::Outbound,
};

/// See the module.
pub(super) struct Writer {
    session: Arc<Session>,
    topic: Arc<Topic>,
    sender: BatchSender,
    subscriptions: Vec<(CopiedSubscription, Gathered)>,
    /// Records that were there already.
    had: u64,
    /// Records that have come: the sequence of the last one.
    taken: u64,
    /// The last sequence that is stored.
    stored: u64,
    waiting: Vec<Outbound>,
    bytes: usize,
    single: bool,
}

impl Writer {
    pub(super) async fn new(
        session: Arc<Session>,
        topic: Arc<Topic>,
        copied: &CopiedTopic,
        info: &StreamInfo,
    ) -> Result<Self> {
        let gathered =
            |subscription: &CopiedSubscription| (subscription.clone(), Gathered::new(subscription.subscription_type));
        let writer = Self {
            sender: BatchSender::new(session.clone()),
            subscriptions: copied.subscriptions.iter().map(gathered).collect(),
            had: info.state.last_seq,
            taken: 0,
            stored: info.state.last_seq,
            waiting: Vec::new(),
            bytes: 0,
            single: info.config.num_replicas == 1,
            session,
            topic,
        };
        // Positions of an earlier try may be incomplete.
        let durables = writer.durables();
        for consumer in durables.list().await? {
            durables.delete(&consumer.name).await?;
        }
        Ok(writer)
    }

    fn durables(&self) -> Durables<'_> {
        Durables {
            session: &self.session,
            topic: &self.topic,
        }
    }

    fn place(&self, record: &CopyRecord) -> Place {
        let partitions = self.topic.partitions;
        Place {
            partition: record.partition,
            bucket: match &record.message.key {
                Some(key) => Place::choose(Some(key), partitions, 0).bucket,
                None => u32::try_from(self.taken % u64::from(BUCKETS)).unwrap_or(0),
            },
        }
    }

    /// Stores what waits. If its fate is not known, the stream says how far it is: what it has is what was given first, because
    /// only copies of this source write to it, and all give the same.
    async fn flush(&mut self) -> Result<()> {
        let mut deadline = Instant::now() + self.session.options.publish_timeout;
        let mut backoff = Backoff::new(RETRY_FLOOR);
        while !self.waiting.is_empty() {
            let unit = Unit::after(self.stored, self.waiting.iter().collect());
            let error = match self.sender.attempt(&unit, false).await {
                Attempt::Stored(_) => {
                    self.is_stored(self.stored + self.waiting.len() as u64);
                    break;
                }
                Attempt::Refused(error) if error.kind == ErrorKind::Conflict || error.is_transient() => error,
                Attempt::Refused(error) => return Err(error),
                Attempt::NobodyThere | Attempt::Unknown => {
                    self.session.silence(&format!("copying to {}", self.topic.name))
                }
            };
            let last = self.last_sequence().await?;
            if last < self.stored {
                return Err(conflict(format!(
                    "the topic {} had {} messages in NATS and has {last} now: it has lost some, or somebody has deleted them",
                    self.topic.name, self.stored
                )));
            }
            if last > self.stored {
                self.is_stored(last);
                deadline = Instant::now() + self.session.options.publish_timeout;
            } else if Instant::now() >= deadline {
                return Err(error);
            }
            tokio::time::sleep(backoff.next(RETRY_CEILING)).await;
        }
        Ok(())
    }

    /// Everything up to this sequence is stored.
    fn is_stored(&mut self, last: u64) {
        let number = usize::try_from(last - self.stored).unwrap_or(usize::MAX);
        self.waiting.drain(..number.min(self.waiting.len()));
        self.bytes = self.waiting.iter().map(Outbound::bytes).sum();
        self.stored = last;
    }

    async fn last_sequence(&self) -> Result<u64> {
        let call = format!("STREAM.INFO.{}", self.topic.stream);
        let doing = format!("looking up the topic {}", self.topic.name);
        let info: StreamInfo = self.session.api(&call, &json!({}), &doing).await?;
        Ok(info.state.last_seq)
    }

    async fn set_positions(&self) -> Result<()> {
        let durables = self.durables();
        let mut some = false;
        for (subscription, gathered) in &self.subscriptions {
            for (bucket, position) in gathered.consumers() {
                some |= position.last().is_some();
                acknowledge::make(&durables, subscription, bucket, position).await?;
            }
        }
        if some && self.single {
            // Until then a server that is killed may lose them.
            tokio::time::sleep(ACK_SETTLES_AFTER).await;
        }
        Ok(())
    }
}

#[async_trait]
impl TopicWriter for Writer {
    async fn push(&mut self, record: CopyRecord) -> Result<()> {
        let place = self.place(&record);
        self.taken += 1;
        let gathered = self.subscriptions.iter_mut().map(|(_, gathered)| gathered);
        for (gathered, acknowledged) in gathered.zip(&record.acknowledged) {
            gathered.next(self.taken, place.bucket, *acknowledged);
        }
        if self.taken <= self.stored {
            return Ok(());
        }
        let subject = names::subject(&self.session.options.prefix, &self.topic.name, place);
        let message = outbound(subject, &record.message, record.newest_ms);
        check_size(&self.session, &self.topic.name, &message)?;
        if self.bytes + message.bytes() > BATCH_BYTES_MAX && !self.waiting.is_empty() {
            self.flush().await?;
        }
        self.bytes += message.bytes();
        self.waiting.push(message);
        match self.waiting.len() >= BATCH_MESSAGES_MAX {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<Copied> {
        self.flush().await?;
        if self.taken < self.stored {
            return Err(conflict(format!(
                "the topic {} has {} messages in NATS, and what is copied to it has {}: delete it, and copy again",
                self.topic.name, self.stored, self.taken
            )));
        }
        self.set_positions().await?;
        let again = self.subscriptions.iter().map(|(_, gathered)| gathered.again());
        Ok(Copied {
            had: self.had,
            written: self.taken.saturating_sub(self.had),
            again: again.collect(),
        })
    }
}
