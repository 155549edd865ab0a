//! One transaction: many calls applied to the tables, and what must change in memory once it is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use danube_wasm_model::{SubscriptionType, TopicName};
use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    catalog::{Place, Places},
    cursor::Cursor,
    fault::Fault,
    limits::PARTITIONS_MAX,
    options::EmbeddedOptions,
    queue::{Command, Prepared},
    record, registry,
    tables::{
        CURSORS, HEADS, Head, MESSAGES, META, META_NEXT_PARTITION, META_NEXT_SUBSCRIPTION, SUBSCRIPTIONS, TOPICS,
    },
    topic::{Subscription, Topic, kind_code, kind_from},
};
use crate::{BrokerError, ErrorKind, RegisteredSchema, StartAt, TopicSpec};

/// A transaction being filled.
pub(super) struct Batch<'t> {
    transaction: &'t WriteTransaction,
    pub(super) messages: Table<'t, (u64, u64), &'static [u8]>,
    pub(super) places: &'t Places,
    pub(super) options: &'t EmbeddedOptions,
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
    /// Retention stopped at its bound: there is more to trim.
    pub(super) more_to_trim: bool,
    /// Whether there is anything to commit.
    pub(super) changed: bool,
}

/// A cursor with new acknowledgements.
pub(super) struct Acked {
    pub(super) topic: Arc<Topic>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) cursor: Cursor,
    pub(super) offsets: Vec<u64>,
}

/// What became of a call, if the transaction commits.
pub(super) enum Outcome {
    Done,
    Topic(Result<Option<Topic>, BrokerError>),
    Subscription(Result<NewSubscription, BrokerError>),
    Schema(Result<RegisteredSchema, BrokerError>),
}

/// A subscription as it is on disk.
pub(super) struct NewSubscription {
    pub(super) id: u64,
    /// Where it begins, if it is new to memory.
    pub(super) cursors: Vec<Cursor>,
}

impl<'t> Batch<'t> {
    pub(super) fn new(
        transaction: &'t WriteTransaction,
        places: &'t Places,
        options: &'t EmbeddedOptions,
    ) -> Result<Self, Fault> {
        let messages = transaction.open_table(MESSAGES)?;
        Ok(Self {
            transaction,
            messages,
            places,
            options,
            staged: Staged::default(),
        })
    }

    /// Applies one call. The records of a publish stay with the call, so that it can be answered.
    pub(super) fn apply(&mut self, command: &mut Command) -> Result<Outcome, Fault> {
        match command {
            Command::Publish { records, .. } => self.publish(std::mem::take(records)),
            Command::Ack {
                topic,
                subscription,
                offsets,
                ..
            } => {
                self.ack(topic, subscription, offsets);
                Ok(Outcome::Done)
            }
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

    fn publish(&mut self, records: Vec<Prepared>) -> Result<Outcome, Fault> {
        let now_ms = (self.options.clock)();
        for mut record in records {
            let mut head = self.head(record.partition);
            head.last_time_ms = head.last_time_ms.max(now_ms);
            record::set_time(&mut record.encoded, head.last_time_ms);
            self.messages
                .insert((record.partition, head.next), record.encoded.as_slice())?;
            head.next += 1;
            head.bytes += record.encoded.len() as u64;
            self.staged.heads.insert(record.partition, head);
        }
        Ok(Outcome::Done)
    }

    fn ack(&mut self, topic: &Arc<Topic>, subscription: &Arc<Subscription>, offsets: &[(usize, Vec<u64>)]) {
        for (index, offsets) in offsets {
            let acked = self.staged.acks.entry((subscription.id, *index)).or_insert_with(|| {
                let cursor = subscription
                    .delivery
                    .lock()
                    .windows()
                    .get(*index)
                    .map(|window| window.cursor().clone());
                Acked {
                    topic: topic.clone(),
                    subscription: subscription.clone(),
                    cursor: cursor.unwrap_or_default(),
                    offsets: Vec::new(),
                }
            });
            offsets.iter().for_each(|offset| acked.cursor.ack(*offset));
            acked.offsets.extend_from_slice(offsets);
        }
    }

    fn create_topic(
        &mut self,
        name: &TopicName,
        spec: &TopicSpec,
    ) -> Result<Result<Option<Topic>, BrokerError>, Fault> {
        let mut topics = self.transaction.open_table(TOPICS)?;
        let stored = topics.get(name.as_str())?.map(|row| row.value());
        if let Some((partitions, first_partition)) = stored {
            return Ok(if partitions == spec.partitions {
                Ok(Some(Topic::new(name.clone(), partitions, first_partition)))
            } else {
                Err(conflict(format!(
                    "topic {name} has {partitions} partitions and {} were asked for: say `partitions = {partitions}`, or use \
                     another topic",
                    spec.partitions
                )))
            });
        }
        if spec.partitions > PARTITIONS_MAX {
            return Ok(Err(conflict(format!(
                "topic {name} was asked for with {} partitions; the log allows {PARTITIONS_MAX}",
                spec.partitions
            ))));
        }
        let first_partition = next_number(self.transaction, META_NEXT_PARTITION, u64::from(spec.partitions.max(1)))?;
        topics.insert(name.as_str(), (spec.partitions, first_partition))?;
        self.staged.changed = true;
        Ok(Ok(Some(Topic::new(name.clone(), spec.partitions, first_partition))))
    }

    fn subscribe(
        &mut self,
        topic: &Arc<Topic>,
        name: &str,
        kind: SubscriptionType,
        start: StartAt,
    ) -> Result<Result<NewSubscription, BrokerError>, Fault> {
        let mut rows = self.transaction.open_table(SUBSCRIPTIONS)?;
        let key = (topic.name.as_str(), name);
        let stored = rows.get(key)?.map(|row| row.value());
        let known = topic.subscription(name);
        if let Some((id, code)) = stored {
            let live = known.as_ref().is_some_and(|known| known.delivery.lock().is_live());
            if kind_from(code) != Some(kind) {
                if live {
                    return Ok(Err(conflict(format!(
                        "subscription `{name}` of {} is {:?} while it is consumed, and was asked for as {kind:?}",
                        topic.name,
                        kind_from(code).unwrap_or_default()
                    ))));
                }
                rows.insert(key, (id, kind_code(kind)))?;
                self.staged.changed = true;
            }
            if known.is_some() {
                return Ok(Ok(NewSubscription {
                    id,
                    cursors: Vec::new(),
                }));
            }
            // Made by an earlier call of this transaction.
            return Ok(Ok(NewSubscription {
                id,
                cursors: self.start_cursors(topic, start),
            }));
        }
        let id = next_number(self.transaction, META_NEXT_SUBSCRIPTION, 1)?;
        rows.insert(key, (id, kind_code(kind)))?;
        let cursors = self.start_cursors(topic, start);
        let mut table = self.transaction.open_table(CURSORS)?;
        for (index, cursor) in (0u32..).zip(&cursors) {
            table.insert((id, index), cursor.encode().as_slice())?;
        }
        self.staged.subscribed.insert(topic.first_partition);
        self.staged.changed = true;
        Ok(Ok(NewSubscription { id, cursors }))
    }

    fn start_cursors(&self, topic: &Topic, start: StartAt) -> Vec<Cursor> {
        let partitions = (topic.first_partition..).take(topic.extents.len());
        partitions
            .map(|partition| {
                let head = self.head(partition);
                Cursor::at(if start == StartAt::Earliest {
                    head.first
                } else {
                    head.next
                })
            })
            .collect()
    }

    /// All partitions, for retention.
    pub(super) fn all_places(&self) -> Vec<(u64, Place)> {
        self.places
            .iter()
            .map(|(partition, place)| (*partition, place.clone()))
            .collect()
    }
}

/// Takes `n` numbers of a kind and returns the first.
pub(super) fn next_number(transaction: &WriteTransaction, kind: &str, n: u64) -> Result<u64, Fault> {
    let mut meta = transaction.open_table(META)?;
    let next = meta.get(kind)?.map_or(1, |row| row.value());
    meta.insert(kind, next + n)?;
    Ok(next)
}

fn conflict(message: String) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, message)
}
