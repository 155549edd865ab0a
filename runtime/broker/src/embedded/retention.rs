//! Drops messages that are not needed any more. It runs inside the writer's transactions, so that it needs no sync of
//! its own, and drops a limited number at a time.
//!
//! A message is *consumed* when every subscription of its topic has acknowledged it. Consumed messages are kept for
//! [`super::RetentionOptions::keep`], as long as their topic holds no more than `keep_bytes`. Any message over one of
//! the other limits is dropped, consumed or not. Each partition is trimmed from its oldest message on.
//!
//! Bytes are checked whenever a topic changes, so that the log cannot exceed them between two checks. Ages are checked
//! in rounds over all topics, one every `check_interval`, each spread over as many transactions as it takes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use redb::ReadableTable;

use super::{
    catalog::PartitionState,
    fault::Fault,
    limits::{TRIM_BESIDE_CALLS, TRIM_MESSAGES_MAX},
    record,
    tables::Head,
    topic::Topic,
    transaction::Batch,
};

/// A topic that a round has still to trim.
pub(super) struct TrimTarget {
    pub(super) topic: Arc<Topic>,
    /// Its consumed messages are dropped while it holds more than this.
    pub(super) bytes_max: u64,
}

/// The state of a partition while it is trimmed.
struct PartitionTrim {
    partition: u64,
    head: Head,
    /// Every subscription has acknowledged everything below this offset.
    consumed: u64,
    /// Dropped messages that were not consumed.
    unconsumed: u64,
}

/// Messages published before these times are dropped, in milliseconds since 1970.
struct TrimTimes {
    any: u64,
    consumed: u64,
}

impl Batch<'_> {
    /// Drops what the calls of this transaction made droppable, then continues a round with the rest of the budget.
    pub(super) fn trim(&mut self, targets: &mut Vec<TrimTarget>) -> Result<(), Fault> {
        let mut trim_budget = self.trim_budget();
        self.remove_pending_deletes(&mut trim_budget)?;
        for topic in self.changed_topics() {
            self.drop_newly_consumed(&topic, &mut trim_budget)?;
        }
        while trim_budget > 0
            && let Some(due) = targets.pop()
        {
            self.drop_over_limits(&due, &mut trim_budget)?;
            if trim_budget == 0 {
                targets.push(due);
            }
        }
        self.staged.more_to_trim |= trim_budget == 0;
        Ok(())
    }

    /// How many messages may be dropped: in proportion to what the calls do, so that they neither wait long nor fill
    /// the disk.
    fn trim_budget(&self) -> usize {
        if self.is_idle {
            return TRIM_MESSAGES_MAX;
        }
        let published = |(partition, head): (&u64, &Head)| {
            let before = self.partitions.get(partition).map_or(0, |state| state.head.next);
            usize::try_from(head.next - before).unwrap_or(0)
        };
        let published: usize = self.staged.heads.iter().map(published).sum();
        let acked: usize = self.staged.cursors.values().map(|acked| acked.offsets.len()).sum();
        (2 * published + acked).max(TRIM_BESIDE_CALLS)
    }

    /// The topics that this transaction published to or acknowledged in.
    fn changed_topics(&self) -> Vec<Arc<Topic>> {
        let published = self
            .staged
            .heads
            .keys()
            .filter_map(|p| Some(&self.partitions.get(p)?.topic));
        let acked = self.staged.cursors.values().map(|acked| &acked.topic);
        let topics: BTreeMap<u64, &Arc<Topic>> = published.chain(acked).map(|t| (t.first_partition, t)).collect();
        topics.into_values().cloned().collect()
    }

    /// Drops consumed messages, if none are kept or the topic holds too many bytes.
    fn drop_newly_consumed(&mut self, topic: &Arc<Topic>, trim_budget: &mut usize) -> Result<(), Fault> {
        let retention = &self.options.retention;
        if retention.keep.is_zero() {
            for mut part in self.parts(topic, self.acked_partitions(topic)) {
                while part.head.first < part.consumed && *trim_budget > 0 {
                    self.drop_first(&mut part, trim_budget)?;
                }
                self.stage(part);
            }
            return Ok(());
        }
        let bytes_max = retention.keep_bytes;
        if self.bytes(topic) <= bytes_max {
            return Ok(());
        }
        let parts = self.parts(topic, 0..topic.len());
        self.drop_consumed(parts, bytes_max, trim_budget)
    }

    fn drop_over_limits(&mut self, due: &TrimTarget, trim_budget: &mut usize) -> Result<(), Fault> {
        let mut parts = self.parts(&due.topic, 0..due.topic.len());
        let times = self.times(&due.topic);
        for part in &mut parts {
            while part.head.first < part.head.next && *trim_budget > 0 && self.is_expired(part, &times)? {
                self.drop_first(part, trim_budget)?;
            }
        }
        self.drop_consumed(parts, due.bytes_max, trim_budget)
    }

    /// Drops consumed messages of a topic, oldest first, while it holds more than `bytes_max`.
    fn drop_consumed(
        &mut self,
        mut parts: Vec<PartitionTrim>,
        bytes_max: u64,
        trim_budget: &mut usize,
    ) -> Result<(), Fault> {
        let mut bytes: u64 = parts.iter().map(|part| part.head.bytes).sum();
        let mut oldest = BinaryHeap::new();
        for (index, part) in parts.iter().enumerate() {
            if bytes > bytes_max && part.head.first < part.consumed {
                oldest.push(Reverse((self.first_time(part)?, index)));
            }
        }
        while bytes > bytes_max
            && *trim_budget > 0
            && let Some(Reverse((_, index))) = oldest.pop()
        {
            let Some(part) = parts.get_mut(index) else { break };
            bytes -= self.drop_first(part, trim_budget)?;
            if part.head.first < part.consumed {
                oldest.push(Reverse((self.first_time(part)?, index)));
            }
        }
        parts.into_iter().for_each(|part| self.stage(part));
        Ok(())
    }

    /// The trim state of some partitions of a topic, with the changes of this transaction.
    fn parts(&self, topic: &Arc<Topic>, states: impl IntoIterator<Item = usize>) -> Vec<PartitionTrim> {
        // A new subscription may start at the oldest message.
        if self.staged.new_subscriptions.contains(&topic.first_partition) {
            return Vec::new();
        }
        let states = states
            .into_iter()
            .map(|index| (topic.first_partition + index as u64, index));
        states
            .filter(|(partition, _)| self.exists(*partition))
            .map(|(partition, index)| PartitionTrim {
                partition,
                head: self.head(partition),
                consumed: self.consumed(topic, index),
                unconsumed: 0,
            })
            .collect()
    }

    fn acked_partitions(&self, topic: &Topic) -> BTreeSet<usize> {
        let acked = self.staged.cursors.iter();
        let of_topic = acked.filter(|(_, acked)| acked.topic.first_partition == topic.first_partition);
        of_topic.map(|((_, index), _)| *index).collect()
    }

    /// Bytes of a topic.
    fn bytes(&self, topic: &Topic) -> u64 {
        let partitions = (topic.first_partition..).take(topic.len());
        partitions.map(|partition| self.head(partition).bytes).sum()
    }

    /// The lowest offset that a subscription has not acknowledged; 0 without subscriptions.
    fn consumed(&self, topic: &Topic, index: usize) -> u64 {
        let subscriptions = topic.subscriptions();
        let kept = subscriptions
            .iter()
            .filter(|s| !self.staged.deleted_subscriptions.contains(&s.id));
        let floors = kept.map(
            |subscription| match self.staged.cursors.get(&(subscription.id, index)) {
                Some(acked) => acked.cursor.floor(),
                None => {
                    let dispatcher = subscription.dispatcher.lock();
                    let window = dispatcher.windows().get(index);
                    window.map_or(0, |window| window.cursor().floor())
                }
            },
        );
        floors.min().unwrap_or(0)
    }

    fn times(&self, topic: &Topic) -> TrimTimes {
        let retention = &self.options.retention;
        let alone = retention.unsubscribed_age.filter(|_| topic.subscriptions().is_empty());
        let age = [retention.age, alone].into_iter().flatten().min();
        let now_ms = (self.options.clock)();
        let before = |age: Duration| now_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let any = age.map_or(0, before);
        let consumed = match retention.keep.is_zero() {
            true => u64::MAX,
            false => before(retention.keep).max(any),
        };
        TrimTimes { any, consumed }
    }

    fn is_expired(&self, part: &PartitionTrim, times: &TrimTimes) -> Result<bool, Fault> {
        if self.options.retention.bytes.is_some_and(|max| part.head.bytes > max) {
            return Ok(true);
        }
        let before_ms = match part.head.first < part.consumed {
            true => times.consumed,
            false => times.any,
        };
        Ok(before_ms > 0 && self.first_time(part)? < before_ms)
    }

    /// When the oldest message was published; 0 if it is missing.
    fn first_time(&self, part: &PartitionTrim) -> Result<u64, Fault> {
        let stored = self.messages.get((part.partition, part.head.first))?;
        Ok(stored.map_or(0, |stored| record::time(stored.value())))
    }

    /// Drops the oldest message. Returns its bytes.
    fn drop_first(&mut self, part: &mut PartitionTrim, trim_budget: &mut usize) -> Result<u64, Fault> {
        let removed = self.messages.remove((part.partition, part.head.first))?;
        let size = removed
            .map_or(0, |stored| stored.value().len() as u64)
            .min(part.head.bytes);
        part.unconsumed += u64::from(part.head.first >= part.consumed);
        part.head.bytes -= size;
        part.head.first += 1;
        *trim_budget -= 1;
        Ok(size)
    }

    fn stage(&mut self, part: PartitionTrim) {
        if part.head.first > self.head(part.partition).first {
            self.staged.heads.insert(part.partition, part.head);
        }
        if part.unconsumed > 0 {
            self.staged.dropped.insert(part.partition, part.unconsumed);
        }
    }
}

/// All topics as trim targets; `bytes_max` maps a topic's bytes to its limit.
pub(super) fn targets<'p>(
    states: impl Iterator<Item = &'p PartitionState>,
    bytes_max: impl Fn(u64) -> u64,
) -> Vec<TrimTarget> {
    let mut topics: BTreeMap<u64, (Arc<Topic>, u64)> = BTreeMap::new();
    for place in states {
        let first = place.topic.first_partition;
        let (_, bytes) = topics.entry(first).or_insert_with(|| (place.topic.clone(), 0));
        *bytes += place.head.bytes;
    }
    let due = |(topic, bytes)| TrimTarget {
        topic,
        bytes_max: bytes_max(bytes),
    };
    topics.into_values().map(due).collect()
}
