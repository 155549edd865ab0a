//! Changes made by an operator or a server, in the writer's transaction: more partitions, deletions, moved positions.
//!
//! A topic is deleted, with its subscriptions and their positions, in one transaction of a few rows. Its messages are
//! removed later, a limited number in each transaction, so that deleting a large topic does not delay publishing. Until
//! then its partitions are in the table `PENDING_DELETES` (stored as `doomed`), also across a restart.

use std::sync::Arc;

use danube_wasm_model::TopicName;
use redb::ReadableTable;

use super::{
    cursor::Cursor,
    fault::Fault,
    limits::PARTITIONS_MAX,
    notebook, notes,
    outcome::TopicChange,
    queue::Alteration,
    record,
    shared::{conflict, subscription_deleted, unknown_topic},
    tables::{
        CURSORS, HEADS, Head, META, META_DELETED_MS, META_NEXT_PARTITION, PENDING_DELETES, SUBSCRIPTIONS, TOPICS,
    },
    topic::{Subscription, Topic},
    transaction::{Batch, StagedCursor},
};
use crate::{BrokerError, SeekReport, SeekTo, TopicSpec};

impl Batch<'_> {
    pub(super) fn alter(&mut self, alteration: &Alteration) -> Result<Result<TopicChange, BrokerError>, Fault> {
        match alteration {
            Alteration::Grow { topic, partitions } => self.grow(topic, *partitions),
            Alteration::DeleteTopic { topic } => self.delete_topic(topic),
            Alteration::DeleteSubscription { topic, subscription } => self.delete_subscription(topic, subscription),
            Alteration::Place {
                topic,
                subscription,
                cursors,
            } => Ok(self.place(topic, subscription, cursors)),
            Alteration::Notebook { owner, entries } => {
                notebook::write(self.transaction, owner, entries)?;
                self.staged.changed = true;
                Ok(Ok(TopicChange::None))
            }
            Alteration::Note { kind, name, text } => {
                notes::write(self.transaction, *kind, name, text)?;
                self.staged.changed = true;
                Ok(Ok(TopicChange::None))
            }
        }
    }

    fn grow(&mut self, name: &TopicName, partitions: u32) -> Result<Result<TopicChange, BrokerError>, Fault> {
        let row = self
            .transaction
            .open_table(TOPICS)?
            .get(name.as_str())?
            .map(|row| row.value());
        let (had, first) = match row {
            None => {
                let spec = TopicSpec {
                    partitions,
                    ..TopicSpec::default()
                };
                return Ok(self.create_topic(name, &spec)?.map(TopicChange::NewTopic));
            }
            Some((had, _)) if had >= partitions => return Ok(Ok(TopicChange::None)),
            Some((0, _)) => {
                return Ok(Err(conflict(format!(
                    "topic {name} has no partitions: publish to {name} itself, or use another topic"
                ))));
            }
            Some(row) => row,
        };
        if partitions > PARTITIONS_MAX {
            return Ok(Err(conflict(format!(
                "topic {name} was asked for with {partitions} partitions; the log allows {PARTITIONS_MAX}"
            ))));
        }
        let wanted = first + u64::from(had)..first + u64::from(partitions);
        if wanted
            .clone()
            .any(|number| self.partitions.contains_key(&number) || self.pending_deletes.contains(&number))
        {
            return Ok(Err(conflict(format!(
                "topic {name} has {had} partitions and was made by a version whose topics cannot get more: use another \
                 topic"
            ))));
        }
        let mut meta = self.transaction.open_table(META)?;
        let next = meta.get(META_NEXT_PARTITION)?.map_or(1, |row| row.value());
        meta.insert(META_NEXT_PARTITION, next.max(wanted.end))?;
        self.transaction
            .open_table(TOPICS)?
            .insert(name.as_str(), (partitions, first))?;
        self.staged.changed = true;
        Ok(Ok(TopicChange::Grown(name.clone(), partitions as usize)))
    }

    fn delete_topic(&mut self, topic: &Arc<Topic>) -> Result<Result<TopicChange, BrokerError>, Fault> {
        if !self.exists(topic.first_partition) {
            return Ok(Err(unknown_topic(&topic.name)));
        }
        let name = topic.name.as_str();
        // As the table has it: partitions may have been added by an earlier call of this transaction.
        let row = self
            .transaction
            .open_table(TOPICS)?
            .remove(name)?
            .map(|row| row.value());
        let partitions = row.map_or(0, |(partitions, _)| partitions).max(1);
        let subscriptions = self.stored_subscriptions(name)?;
        for (subscription, id) in &subscriptions {
            self.remove_subscription(name, subscription, *id)?;
        }
        notes::remove_topic(self.transaction, name)?;
        let partitions = topic.first_partition..topic.first_partition + u64::from(partitions);
        let newest_ms = partitions
            .clone()
            .map(|partition| self.head(partition).last_time_ms)
            .max();
        let mut meta = self.transaction.open_table(META)?;
        let deleted_ms = meta.get(META_DELETED_MS)?.map_or(0, |row| row.value());
        meta.insert(META_DELETED_MS, deleted_ms.max(newest_ms.unwrap_or_default()))?;
        let (mut heads, mut pending_deletes) = (
            self.transaction.open_table(HEADS)?,
            self.transaction.open_table(PENDING_DELETES)?,
        );
        for partition in partitions {
            heads.remove(partition)?;
            pending_deletes.insert(partition, ())?;
            self.staged.heads.remove(&partition);
            self.staged.pending_deletes.insert(partition);
        }
        self.staged.more_to_trim = true;
        self.staged.changed = true;
        Ok(Ok(TopicChange::TopicDeleted(topic.clone())))
    }

    fn delete_subscription(
        &mut self,
        topic: &Arc<Topic>,
        subscription: &Subscription,
    ) -> Result<Result<TopicChange, BrokerError>, Fault> {
        if subscription.is_deleted() || self.staged.deleted_subscriptions.contains(&subscription.id) {
            return Ok(Err(subscription_deleted(topic, &subscription.name)));
        }
        self.remove_subscription(topic.name.as_str(), &subscription.name, subscription.id)?;
        self.staged.changed = true;
        Ok(Ok(TopicChange::SubscriptionDeleted(topic.clone(), subscription.id)))
    }

    fn stored_subscriptions(&self, topic: &str) -> Result<Vec<(String, u64)>, Fault> {
        let rows = self.transaction.open_table(SUBSCRIPTIONS)?;
        let mut found = Vec::new();
        for row in rows.range((topic, "")..)? {
            let (key, row) = row?;
            let (of, name) = key.value();
            if of != topic {
                break;
            }
            found.push((name.to_owned(), row.value().0));
        }
        Ok(found)
    }

    fn remove_subscription(&mut self, topic: &str, name: &str, id: u64) -> Result<(), Fault> {
        self.transaction.open_table(SUBSCRIPTIONS)?.remove((topic, name))?;
        let mut cursors = self.transaction.open_table(CURSORS)?;
        cursors.retain_in((id, 0)..=(id, u32::MAX), |_, _| false)?;
        self.staged.cursors.retain(|(of, _), _| *of != id);
        self.staged.deleted_subscriptions.insert(id);
        Ok(())
    }

    fn place(
        &mut self,
        topic: &Arc<Topic>,
        subscription: &Arc<Subscription>,
        cursors: &[Cursor],
    ) -> Result<TopicChange, BrokerError> {
        if subscription.is_deleted() || self.staged.deleted_subscriptions.contains(&subscription.id) {
            return Err(subscription_deleted(topic, &subscription.name));
        }
        for (index, cursor) in cursors.iter().enumerate() {
            let placed = StagedCursor {
                topic: topic.clone(),
                subscription: subscription.clone(),
                cursor: cursor.clone(),
                offsets: Vec::new(),
                sought: true,
            };
            self.staged.cursors.insert((subscription.id, index), placed);
        }
        Ok(TopicChange::None)
    }

    pub(super) fn seek(
        &mut self,
        topic: &Arc<Topic>,
        subscription: &Arc<Subscription>,
        to: SeekTo,
    ) -> Result<Result<SeekReport, BrokerError>, Fault> {
        if subscription.is_deleted() || self.staged.deleted_subscriptions.contains(&subscription.id) {
            return Ok(Err(subscription_deleted(topic, &subscription.name)));
        }
        let mut report = SeekReport::default();
        let mut moved = Vec::with_capacity(topic.len());
        for (index, partition) in (0..topic.len()).zip(topic.first_partition..) {
            let head = self.head(partition);
            let offset = match to {
                SeekTo::Earliest => head.first,
                SeekTo::Latest => head.next,
                SeekTo::PublishTimeMs(time_ms) => self.first_at(partition, head.first, head.next, time_ms)?,
            };
            self.report(&mut report, partition, head, to)?;
            let before = match self.staged.cursors.get(&(subscription.id, index)) {
                Some(staged) => staged.cursor.clone(),
                None => subscription.cursor(index),
            };
            report.read_again += before.acknowledged_in(offset, head.next);
            report.left_out += (offset - head.first) - before.acknowledged_in(head.first, offset);
            let acked = StagedCursor {
                topic: topic.clone(),
                subscription: subscription.clone(),
                cursor: Cursor::at(offset),
                offsets: Vec::new(),
                sought: true,
            };
            moved.push(((subscription.id, index), acked));
        }
        // All of them or none.
        self.staged.cursors.extend(moved);
        Ok(Ok(report))
    }

    /// Counts the stored and the dropped messages of one partition.
    fn report(&self, report: &mut SeekReport, partition: u64, head: Head, to: SeekTo) -> Result<(), Fault> {
        let oldest = self.messages.get((partition, head.first))?;
        let oldest_ms = oldest.map(|stored| record::time(stored.value()));
        report.oldest_ms = report.oldest_ms.into_iter().chain(oldest_ms).min();
        let reaches = match to {
            SeekTo::Earliest => true,
            SeekTo::Latest => false,
            // With no message left, the newest one that was dropped had this time.
            SeekTo::PublishTimeMs(time_ms) => time_ms <= oldest_ms.unwrap_or(head.last_time_ms),
        };
        report.gone += if reaches { head.first } else { 0 };
        Ok(())
    }

    /// The first message from `first` up to `next` that was published at `time_ms` or later: times never go backwards
    /// in a partition.
    fn first_at(&self, partition: u64, mut first: u64, mut next: u64, time_ms: u64) -> Result<u64, Fault> {
        while first < next {
            let middle = first + (next - first) / 2;
            let stored = self.messages.get((partition, middle))?;
            let stored = stored
                .ok_or_else(|| Fault::Damaged(format!("message {middle} of partition {partition} is missing")))?;
            if record::time(stored.value()) < time_ms {
                first = middle + 1;
            } else {
                next = middle;
            }
        }
        Ok(first)
    }

    /// Removes messages of deleted topics, up to `trim_budget`.
    pub(super) fn remove_pending_deletes(&mut self, trim_budget: &mut usize) -> Result<(), Fault> {
        let partitions: Vec<u64> = self
            .pending_deletes
            .union(&self.staged.pending_deletes)
            .copied()
            .collect();
        for partition in partitions {
            let of_partition = (partition, 0)..=(partition, u64::MAX);
            let mut removed = 0;
            let pending_deletes = self.messages.extract_from_if(of_partition, |_, _| true)?;
            for message in pending_deletes.take(*trim_budget) {
                message?;
                removed += 1;
            }
            *trim_budget -= removed;
            if *trim_budget == 0 {
                self.staged.more_to_trim = true;
                self.staged.changed = true;
                return Ok(());
            }
            self.transaction.open_table(PENDING_DELETES)?.remove(partition)?;
            self.staged.emptied.push(partition);
            self.staged.changed = true;
        }
        Ok(())
    }
}
