//! Reads all stored messages of a partition.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use redb::ReadTransaction;

use super::super::{
    cursor::Cursor,
    fault::Fault,
    limits::{LOAD_BYTES_MAX, LOAD_MESSAGES_MAX},
    record::Decoder,
    shared::{Shared, blocking},
    tables::{HEADS, Head, MESSAGES},
    topic::Topic,
};
use crate::{
    MessageId, Result,
    copying::{CopiedTopic, PartitionReader, StoredMessage},
};

/// See the module.
pub(super) struct Reader {
    shared: Arc<Shared>,
    page: Page,
    end: u64,
}

/// What is read next.
#[derive(Clone)]
struct Page {
    topic: Arc<Topic>,
    index: usize,
    /// The positions of its subscriptions.
    cursors: Arc<Vec<Cursor>>,
    from: u64,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, copied: &CopiedTopic, index: usize) -> Result<Self> {
        let topic = shared.topic(&copied.topic)?;
        let mut cursors = Vec::new();
        for subscription in &copied.subscriptions {
            let (_, found) = shared.subscription(&copied.topic, &subscription.name)?;
            cursors.push(found.cursor(index));
        }
        Ok(Self {
            shared,
            end: topic.end(index).unwrap_or(0),
            page: Page {
                topic,
                index,
                cursors: Arc::new(cursors),
                from: 0,
            },
        })
    }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Vec<StoredMessage>> {
        if self.page.from >= self.end {
            return Ok(Vec::new());
        }
        let (page, end) = (self.page.clone(), self.end);
        let (found, next) = blocking(&self.shared, move |transaction| page.read(transaction, end)).await?;
        self.page.from = next;
        Ok(found)
    }
}

impl Page {
    fn read(&self, transaction: &ReadTransaction, end: u64) -> Result<(Vec<StoredMessage>, u64), Fault> {
        let partition = self.topic.first_partition + self.index as u64;
        let row = transaction.open_table(HEADS)?.get(partition)?.map(|row| row.value());
        let head = row.map_or(Ok(Head::default()), |row| Head::from_row(partition, row))?;
        let Range { start, end } = self.from.max(head.first)..end;
        let mut decoder = Decoder::new(self.topic.name.clone());
        let (mut found, mut bytes, mut next) = (Vec::new(), 0, start);
        for row in transaction
            .open_table(MESSAGES)?
            .range((partition, start)..(partition, end))?
        {
            let (place, stored) = row?;
            let (_, offset) = place.value();
            if offset != next {
                let message = format!("message {next} of partition {partition} is missing");
                return Err(Fault::Damaged(message));
            }
            let id = MessageId { partition, offset };
            let message = decoder.decode(id, stored.value());
            let message = message.map_err(|e| Fault::damaged(format_args!("message {offset} of {partition}"), e))?;
            found.push(StoredMessage {
                message,
                acknowledged: self.cursors.iter().map(|cursor| cursor.contains(offset)).collect(),
            });
            next += 1;
            bytes += stored.value().len();
            if found.len() >= LOAD_MESSAGES_MAX || bytes >= LOAD_BYTES_MAX {
                return Ok((found, next));
            }
        }
        match next == end {
            true => Ok((found, next)),
            false => Err(Fault::Damaged(format!(
                "message {next} of partition {partition} is missing"
            ))),
        }
    }
}
