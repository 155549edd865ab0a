//! Reads the unacknowledged messages of a subscription by offset. Nothing is delivered, so it is not limited by a
//! consumer's window and does not disturb consumers.

use std::{ops::Range, sync::Arc};

use danube_wasm_model::TopicName;
use redb::ReadTransaction;

use super::{
    broker::EmbeddedBroker,
    fault::Fault,
    limits::LOAD_BYTES_MAX,
    record::Decoder,
    shared::{Shared, blocking},
    tables::{HEADS, Head, MESSAGES},
    topic::{Subscription, Topic},
};
use crate::{BrokerError, ErrorKind, Message, MessageId, Result};

/// Reads the unacknowledged messages of a subscription, oldest first in each partition: those that existed when it was
/// created. Messages that are acknowledged or dropped meanwhile are skipped.
pub struct Browse {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    /// The offsets that are left in each partition, by its index in the topic.
    left: Vec<Range<u64>>,
}

impl EmbeddedBroker {
    /// Starts to read the unacknowledged messages of a subscription.
    ///
    /// [`ErrorKind::NotFound`] for a topic or subscription that does not exist.
    pub fn browse(&self, topic: &TopicName, subscription: &str) -> Result<Browse> {
        let (topic, subscription) = self.shared().subscription(topic, subscription)?;
        let left = (0..topic.len()).map(|index| 0..topic.end(index).unwrap_or(0)).collect();
        Ok(Browse {
            shared: self.shared().clone(),
            topic,
            subscription,
            left,
        })
    }
}

impl Browse {
    /// The next messages, up to `max`; none at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] for a stored message that cannot be read, [`ErrorKind::Storage`] or
    /// [`ErrorKind::Unavailable`] for a log that cannot be read now: then the same ones are read next.
    pub async fn next(&mut self, max: usize) -> Result<Vec<Message>> {
        let mut found = Vec::new();
        for index in 0..self.left.len() {
            while found.is_empty() && !self.left[index].is_empty() {
                if self.subscription.is_deleted() {
                    let name = &self.subscription.name;
                    let message = format!("subscription `{name}` of {} was deleted", self.topic.name);
                    return Err(BrokerError::new(ErrorKind::NotFound, message));
                }
                let page = Page {
                    topic: self.topic.clone(),
                    subscription: self.subscription.clone(),
                    index,
                    offsets: self.left[index].clone(),
                    max,
                };
                let (messages, read_to) = blocking(&self.shared, move |transaction| page.read(transaction)).await?;
                self.left[index].start = read_to;
                found = messages;
            }
        }
        Ok(found)
    }
}

struct Page {
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    index: usize,
    offsets: Range<u64>,
    max: usize,
}

impl Page {
    /// The unacknowledged messages, and the offset up to which it has read.
    fn read(&self, transaction: &ReadTransaction) -> Result<(Vec<Message>, u64), Fault> {
        let partition = self.topic.first_partition + self.index as u64;
        let row = transaction.open_table(HEADS)?.get(partition)?.map(|row| row.value());
        let head = row.map_or(Ok(Head::default()), |row| Head::from_row(partition, row))?;
        let stored = transaction.open_table(MESSAGES)?;
        let mut decoder = Decoder::new(self.topic.name.clone());
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let mut offset = self.offsets.start.max(head.first);
        while messages.len() < self.max && bytes < LOAD_BYTES_MAX {
            offset = self.next_unacknowledged(offset);
            if offset >= self.offsets.end {
                break;
            }
            // Deleted meanwhile, with its topic or because it was acknowledged.
            if let Some(row) = stored.get((partition, offset))? {
                let id = MessageId { partition, offset };
                let message = decoder.decode(id, row.value());
                messages.push(message.map_err(|e| Fault::damaged(format_args!("message {offset} of {partition}"), e))?);
                bytes += row.value().len();
            }
            offset += 1;
        }
        Ok((messages, offset.min(self.offsets.end)))
    }

    fn next_unacknowledged(&self, from: u64) -> u64 {
        let dispatcher = self.subscription.dispatcher.lock();
        let window = dispatcher.windows().get(self.index);
        window.map_or(from, |window| window.cursor().next_unacknowledged(from))
    }
}
