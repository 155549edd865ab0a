//! Reads messages for a subscription on a blocking thread.

use std::{ops::Range, sync::Arc};

use redb::ReadTransaction;

use super::{
    fault::Fault,
    limits::{LOAD_BYTES_MAX, LOAD_MESSAGES_MAX},
    record::Decoder,
    shared::Shared,
    tables::{HEADS, Head, MESSAGES},
    topic::{Subscription, Topic},
    window::Load,
};
use crate::{ErrorKind, Message, MessageId};

/// Reads `load` for a window in the background, then wakes the consumers.
pub(super) fn start(
    shared: &Arc<Shared>,
    topic: &Arc<Topic>,
    subscription: &Arc<Subscription>,
    index: usize,
    load: Load,
) {
    let job = LoadJob {
        shared: shared.clone(),
        topic: topic.clone(),
        subscription: subscription.clone(),
        index,
        epoch: load.epoch,
    };
    tokio::task::spawn_blocking(move || job.run(load));
}

/// Marks the load as ended when it is dropped, whether it ran or not.
struct LoadJob {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    index: usize,
    epoch: u64,
}

/// The result of a load.
struct LoadedMessages {
    messages: Vec<Message>,
    read_to: u64,
}

impl LoadJob {
    fn run(self, load: Load) {
        match self.shared.read(|transaction| self.read(transaction, &load)) {
            Ok(loaded) => {
                let mut dispatcher = self.subscription.dispatcher.lock();
                dispatcher.update(self.index, |window| {
                    window.loaded(self.epoch, loaded.read_to, loaded.messages);
                    (Vec::new(), ())
                });
            }
            Err(error) if error.kind == ErrorKind::Incompatible => {
                tracing::error!(subscription = self.subscription.name, %error, "a stored message cannot be read");
                self.subscription.dispatcher.lock().unreadable = Some(error);
            }
            // The writer opens the log again, then wakes all consumers.
            Err(_) => {}
        }
    }

    fn read(&self, transaction: &ReadTransaction, load: &Load) -> Result<LoadedMessages, Fault> {
        let partition = self.topic.first_partition + self.index as u64;
        let stored = transaction.open_table(MESSAGES)?;
        let row = transaction.open_table(HEADS)?.get(partition)?.map(|row| row.value());
        let head = row.map_or(Ok(Head::default()), |row| Head::from_row(partition, row))?;
        let mut sink = MessageSink {
            decoder: Decoder::new(self.topic.name.clone()),
            messages: Vec::new(),
            bytes: 0,
        };
        for offset in &load.reread {
            if sink.is_full() {
                break;
            }
            match stored.get((partition, *offset))? {
                Some(bytes) => sink.push(
                    MessageId {
                        partition,
                        offset: *offset,
                    },
                    bytes.value(),
                )?,
                // Trimmed since; the writer is about to say so.
                None if *offset < head.first => {}
                None => return Err(self.missing(*offset)),
            }
        }
        let Range { start, end } = load.fresh.clone();
        let start = start.max(head.first);
        let mut read_to = start.min(end);
        if !sink.is_full() && start < end {
            for row in stored.range((partition, start)..(partition, end))? {
                let (key, bytes) = row?;
                let (_, offset) = key.value();
                if offset != read_to {
                    return Err(self.missing(read_to));
                }
                sink.push(MessageId { partition, offset }, bytes.value())?;
                read_to = offset + 1;
                if sink.is_full() {
                    break;
                }
            }
            // Everything before `end` was there when it was asked for.
            if read_to < end && !sink.is_full() {
                return Err(self.missing(read_to));
            }
        }
        Ok(LoadedMessages {
            messages: sink.messages,
            read_to,
        })
    }

    fn missing(&self, offset: u64) -> Fault {
        Fault::Damaged(format!(
            "message {offset} of {} is missing",
            self.topic.partition_name(self.index)
        ))
    }
}

impl Drop for LoadJob {
    fn drop(&mut self) {
        self.subscription.dispatcher.lock().update(self.index, |window| {
            window.load_ended(self.epoch);
            (Vec::new(), ())
        });
        self.subscription.changed.notify_waiters();
    }
}

struct MessageSink {
    decoder: Decoder,
    messages: Vec<Message>,
    bytes: usize,
}

impl MessageSink {
    fn push(&mut self, id: MessageId, stored: &[u8]) -> Result<(), Fault> {
        let message = self.decoder.decode(id, stored);
        let message =
            message.map_err(|e| Fault::damaged(format_args!("message {} of {:?}", id.offset, id.partition), e))?;
        self.bytes += stored.len();
        self.messages.push(message);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= LOAD_MESSAGES_MAX || self.bytes >= LOAD_BYTES_MAX
    }
}
