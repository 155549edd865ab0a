//! One transaction: many calls applied to the tables, and what must change in memory once it is durable.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    alter::Change,
    catalog::Places,
    consumer::ended,
    cursor::Cursor,
    declare::NewSubscription,
    fault::Fault,
    limits::NUMBER_MAX,
    options::EmbeddedOptions,
    queue::{Command, Prepared},
    record, registry,
    tables::{CURSORS, HEADS, Head, MESSAGES, META},
    topic::{Subscription, Topic},
};
use crate::{BrokerError, RegisteredSchema, SeekReport};

/// A transaction being filled.
pub(super) struct Batch<'t> {
    pub(super) transaction: &'t WriteTransaction,
    pub(super) messages: Table<'t, (u64, u64), &'static [u8]>,
    pub(super) places: &'t Places,
    /// Partitions of deleted topics that still have messages.
    pub(super) doomed: &'t BTreeSet<u64>,
    pub(super) options: &'t EmbeddedOptions,
    /// No call waits for it.
    pub(super) is_idle: bool,
    pub(super) staged: Staged,
}

/// What a transaction changes, to be applied to memory after it is durable.
#[derive(Default)]
pub(super) struct Staged {
    /// Partitions that changed.
    pub(super) heads: HashMap<u64, Head>,
    /// Cursors that changed, by subscription and place of the partition.
    pub(super) acks: HashMap<(u64, usize), Acked>,
    /// Topics with a subscription that memory does not know yet: nothing of them is trimmed.
    pub(super) subscribed: HashSet<u64>,
    /// Messages that age or size dropped before everybody had them, by partition.
    pub(super) dropped: HashMap<u64, u64>,
    /// Partitions whose topic was deleted.
    pub(super) doomed: BTreeSet<u64>,
    /// Partitions of deleted topics that have no message any more.
    pub(super) cleared: Vec<u64>,
    /// Subscriptions that were deleted.
    pub(super) ended: HashSet<u64>,
    /// Retention stopped at its bound: there is more to trim.
    pub(super) more_to_trim: bool,
    /// Whether there is anything to commit.
    pub(super) changed: bool,
}

/// A cursor with new acknowledgements, or moved.
pub(super) struct Acked {
    pub(super) topic: Arc<Topic>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) cursor: Cursor,
    pub(super) offsets: Vec<u64>,
    /// An operator moved it: what was given counts as not given.
    pub(super) moved: bool,
}

/// What became of a call, if the transaction commits.
pub(super) enum Outcome {
    Done,
    /// Groups that were refused because a topic of theirs is gone.
    Published(Vec<usize>),
    Refused(BrokerError),
    Topic(Result<Option<Topic>, BrokerError>),
    Subscription(Result<NewSubscription, BrokerError>),
    Schema(Result<RegisteredSchema, BrokerError>),
    Altered(Result<Change, BrokerError>),
    Moved(Result<SeekReport, BrokerError>),
}

impl<'t> Batch<'t> {
    pub(super) fn new(
        transaction: &'t WriteTransaction,
        places: &'t Places,
        doomed: &'t BTreeSet<u64>,
        options: &'t EmbeddedOptions,
        is_idle: bool,
    ) -> Result<Self, Fault> {
        let messages = transaction.open_table(MESSAGES)?;
        Ok(Self {
            transaction,
            messages,
            places,
            doomed,
            options,
            is_idle,
            staged: Staged::default(),
        })
    }

    /// Applies one call, which stays as it is: it is applied again if the transaction fails for another call's sake.
    pub(super) fn apply(&mut self, command: &mut Command) -> Result<Outcome, Fault> {
        match command {
            Command::Publish { records, .. } => self.publish(records),
            Command::Ack {
                topic,
                subscription,
                offsets,
                ..
            } => Ok(self.ack(topic, subscription, offsets)),
            Command::CreateTopic { topic, spec, .. } => Ok(Outcome::Topic(self.create_topic(topic, spec)?)),
            Command::Subscribe {
                topic,
                name,
                kind,
                start,
                ..
            } => Ok(Outcome::Subscription(self.subscribe(topic, name, *kind, *start)?)),
            Command::Register {
                subject,
                schema_type,
                definition,
                ..
            } => {
                self.staged.changed = true;
                Ok(Outcome::Schema(registry::register(
                    self.transaction,
                    subject,
                    schema_type,
                    definition,
                )?))
            }
            Command::Alter { alteration, .. } => Ok(Outcome::Altered(self.alter(alteration)?)),
            Command::Seek {
                topic,
                subscription,
                to,
                ..
            } => Ok(Outcome::Moved(self.seek(topic, subscription, *to)?)),
            Command::Reopen { .. } | Command::Close { .. } => Ok(Outcome::Done),
        }
    }

    /// Writes cursors and heads, after everything was applied and trimmed.
    pub(super) fn finish(self) -> Result<(bool, Staged), Fault> {
        let mut heads = self.transaction.open_table(HEADS)?;
        for (partition, head) in &self.staged.heads {
            heads.insert(partition, head.row())?;
        }
        let mut cursors = self.transaction.open_table(CURSORS)?;
        for ((subscription, index), acked) in &self.staged.acks {
            cursors.insert((*subscription, *index as u32), acked.cursor.encode().as_slice())?;
        }
        let changed = self.staged.changed || !self.staged.heads.is_empty() || !self.staged.acks.is_empty();
        Ok((changed, self.staged))
    }

    /// A partition as this transaction has it so far.
    pub(super) fn head(&self, partition: u64) -> Head {
        let before = || self.places.get(&partition).map(|place| place.head).unwrap_or_default();
        self.staged.heads.get(&partition).copied().unwrap_or_else(before)
    }

    /// Whether a partition is of a topic that this transaction still has.
    pub(super) fn is_there(&self, partition: u64) -> bool {
        self.places.contains_key(&partition) && !self.staged.doomed.contains(&partition)
    }

    fn publish(&mut self, records: &mut [Prepared]) -> Result<Outcome, Fault> {
        let now_ms = self.options.publish_time_ms();
        let gone = records.iter().filter(|record| !self.is_there(record.partition));
        let refused: BTreeSet<usize> = gone.map(|record| record.group).collect();
        for record in records {
            if refused.contains(&record.group) {
                continue;
            }
            let mut head = self.head(record.partition);
            head.last_time_ms = head.last_time_ms.max(now_ms);
            record::set_time(&mut record.encoded, head.last_time_ms);
            self.messages
                .insert((record.partition, head.next), record.encoded.as_slice())?;
            head.next += 1;
            head.bytes += record.encoded.len() as u64;
            self.staged.heads.insert(record.partition, head);
        }
        Ok(Outcome::Published(refused.into_iter().collect()))
    }

    fn ack(&mut self, topic: &Arc<Topic>, subscription: &Arc<Subscription>, offsets: &[(usize, Vec<u64>)]) -> Outcome {
        if subscription.has_ended() || self.staged.ended.contains(&subscription.id) {
            return Outcome::Refused(ended(topic, &subscription.name));
        }
        for (index, offsets) in offsets {
            let acked = self
                .staged
                .acks
                .entry((subscription.id, *index))
                .or_insert_with(|| Acked {
                    topic: topic.clone(),
                    subscription: subscription.clone(),
                    cursor: subscription.cursor(*index),
                    offsets: Vec::new(),
                    moved: false,
                });
            offsets.iter().for_each(|offset| acked.cursor.ack(*offset));
            acked.offsets.extend_from_slice(offsets);
        }
        Outcome::Done
    }
}

/// Takes `n` numbers of a kind and returns the first.
pub(super) fn next_number(transaction: &WriteTransaction, kind: &str, n: u64) -> Result<u64, Fault> {
    let mut meta = transaction.open_table(META)?;
    let next = meta.get(kind)?.map_or(1, |row| row.value());
    if next > NUMBER_MAX {
        return Err(Fault::Damaged(format!("`{kind}` is said to be {next}")));
    }
    meta.insert(kind, next + n)?;
    Ok(next)
}
