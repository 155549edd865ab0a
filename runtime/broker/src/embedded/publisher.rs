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
    /// Where all its records go; by key or in turn without.
    pub(super) partition: Option<u32>,
}

impl Publisher for EmbeddedPublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let mut records = Vec::new();
        let topics = self.shared.topics.read();
        let fates: Vec<Result<()>> = groups
            .iter()
            .enumerate()
            .map(|(place, group)| self.prepare(&topics, place, group, &mut records))
            .collect();
        drop(topics);
        let (reply, answer) = oneshot::channel();
        // Also when nothing is left of it: a log that is down or closed says so.
        self.shared.queue.push(Command::Publish { records, reply });
        let shared = self.shared.clone();
        Box::pin(async move {
            let fate = answer.await.unwrap_or_else(|_| Err(shared.no_answer()));
            let published = |place| match &fate {
                Ok(refused) if refused.contains(&place) => Err(topic_gone()),
                Ok(_) => Ok(Published { durable: true }),
                Err(error) => Err(error.clone()),
            };
            let fates = fates.into_iter().enumerate();
            fates
                .map(|(place, prepared)| prepared.and_then(|()| published(place)))
                .collect()
        })
    }
}

impl EmbeddedPublisher {
    /// Encodes a group here, where callers run in parallel; all of it or nothing.
    fn prepare(&self, topics: &Topics, place: usize, group: &[Outgoing], out: &mut Vec<Prepared>) -> Result<()> {
        let before = out.len();
        for outgoing in group {
            match self.prepare_record(topics, place, outgoing) {
                Ok(prepared) => out.push(prepared),
                Err(error) => {
                    out.truncate(before);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn prepare_record(&self, topics: &Topics, group: usize, outgoing: &Outgoing) -> Result<Prepared> {
        let topic = topics
            .get(&outgoing.topic)
            .ok_or_else(|| unknown_topic(&outgoing.topic))?;
        let encoded = record::encode(&self.producer, outgoing);
        let bytes_max = record_bytes_max(&outgoing.topic, self.shared.options.record_bytes_max);
        if encoded.len() > bytes_max {
            return Err(BrokerError::new(
                ErrorKind::TooLarge,
                format!(
                    "record {} for {} has {} bytes with its key and attributes; the log takes {bytes_max}",
                    outgoing.id,
                    outgoing.topic,
                    encoded.len()
                ),
            ));
        }
        let place = match self.partition {
            Some(partition) if (partition as usize) < topic.len() => u64::from(partition),
            Some(partition) => return Err(unknown_topic(&topic.name.partition(partition))),
            None => topic.route(outgoing.key.as_deref()),
        };
        Ok(Prepared {
            group,
            partition: topic.first_partition + place,
            encoded,
        })
    }
}

/// It was there when the record was handed over.
fn topic_gone() -> BrokerError {
    BrokerError::new(ErrorKind::NotFound, "the topic was deleted before the record was in it")
}
