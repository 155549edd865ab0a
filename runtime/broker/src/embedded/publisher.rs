//! Hands records to the writer.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    catalog::Topics,
    queue::{Command, Prepared},
    record,
    shared::{Shared, unknown_topic},
};
use crate::{BrokerError, ErrorKind, Outgoing, Published, Publisher, Result, record_bytes_max};

/// See [`Publisher`].
pub(super) struct EmbeddedPublisher {
    pub(super) shared: Arc<Shared>,
    pub(super) producer: String,
    /// The partition of all its records; `None`: by key or round-robin.
    pub(super) partition: Option<u32>,
}

impl Publisher for EmbeddedPublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let mut records = Vec::new();
        let topics = self.shared.topics.read();
        let fates: Vec<Result<()>> = groups
            .iter()
            .enumerate()
            .map(|(index, group)| self.prepare(&topics, index, group, &mut records))
            .collect();
        drop(topics);
        let (reply, answer) = oneshot::channel();
        // Also when nothing is left of it: a log that is down or closed says so.
        self.shared.queue.push(Command::Publish { records, reply });
        let shared = self.shared.clone();
        Box::pin(async move {
            let fate = answer.await.unwrap_or_else(|_| Err(shared.no_answer()));
            let published = |index| match &fate {
                Ok(refused) if refused.contains(&index) => Err(topic_gone()),
                Ok(_) => Ok(Published { durable: true }),
                Err(error) => Err(error.clone()),
            };
            let fates = fates.into_iter().enumerate();
            fates
                .map(|(index, prepared)| prepared.and_then(|()| published(index)))
                .collect()
        })
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        self.encode(record).map(drop)
    }

    fn record_bytes_max(&self) -> Option<usize> {
        Some(self.shared.options.record_bytes_max)
    }
}

impl EmbeddedPublisher {
    /// Encodes a whole group on the caller's thread, where calls run in parallel.
    fn prepare(&self, topics: &Topics, index: usize, group: &[Outgoing], out: &mut Vec<Prepared>) -> Result<()> {
        let before = out.len();
        for outgoing in group {
            match self.prepare_record(topics, index, outgoing) {
                Ok(prepared) => out.push(prepared),
                Err(error) => {
                    out.truncate(before);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// An error if it is over the log's limit.
    fn encode(&self, outgoing: &Outgoing) -> Result<Vec<u8>> {
        let encoded = record::encode(&self.producer, outgoing);
        let bytes_max = record_bytes_max(&outgoing.topic, self.shared.options.record_bytes_max);
        if encoded.len() <= bytes_max {
            return Ok(encoded);
        }
        let message = format!(
            "record {} for {} has {} bytes with its key and attributes; the log takes {bytes_max}",
            outgoing.id,
            outgoing.topic,
            encoded.len()
        );
        Err(BrokerError::new(ErrorKind::TooLarge, message))
    }

    fn prepare_record(&self, topics: &Topics, group: usize, outgoing: &Outgoing) -> Result<Prepared> {
        let topic = topics
            .get(&outgoing.topic)
            .ok_or_else(|| unknown_topic(&outgoing.topic))?;
        let encoded = self.encode(outgoing)?;
        let index = match self.partition {
            Some(partition) if (partition as usize) < topic.len() => u64::from(partition),
            Some(partition) => return Err(unknown_topic(&topic.name.partition(partition))),
            None => topic.route(outgoing.key.as_deref()),
        };
        Ok(Prepared {
            group,
            partition: topic.first_partition + index,
            encoded,
            time_ms: None,
        })
    }
}

/// The topic existed when the record was published.
fn topic_gone() -> BrokerError {
    BrokerError::new(ErrorKind::NotFound, "the topic was deleted before the record was in it")
}
