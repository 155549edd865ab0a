//! Dropping messages that nobody needs. Runs inside the writer's transactions, so that it costs no sync of its own, and
//! only so much of it at a time.
//!
//! A message is *consumed* when every subscription of its topic has acknowledged it. Consumed messages stay for
//! [`super::RetentionOptions::keep`], as long as their topic holds no more than `keep_bytes`; beyond that, any message
//! goes that is over a limit. Each partition is trimmed from its oldest message on.
//!
//! Bytes are looked at whenever a topic changes, so that the log cannot outgrow them between two looks. Ages are looked at
//! in rounds over all topics, one every `check_interval`, each over as many transactions as it takes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use redb::ReadableTable;

use super::{
    batch::Batch,
    catalog::Place,
    fault::Fault,
    limits::{TRIM_BESIDE_CALLS, TRIM_MESSAGES_MAX},
    record,
    tables::Head,
    topic::Topic,
};

/// A topic that a round has not looked at yet.
pub(super) struct Due {
    pub(super) topic: Arc<Topic>,
    /// Its consumed messages go while it holds more than this.
    pub(super) bytes_max: u64,
}

/// A partition while it is trimmed.
struct Trimmed {
    partition: u64,
    head: Head,
    /// Every subscription has acknowledged what is below this.
    consumed: u64,
    /// Messages dropped that were not consumed.
    unread: u64,
}

/// Messages published before these times go, in milliseconds since 1970.
struct Times {
    any: u64,
    consumed: u64,
}

impl Batch<'_> {
    /// Drops what the calls of this transaction let go, and goes on with a round, which is shorter then.
    pub(super) fn trim(&mut self, round: &mut Vec<Due>) -> Result<(), Fault> {
        let mut room = self.room();
        self.clear_doomed(&mut room)?;
        for topic in self.touched() {
            self.drop_let_go(&topic, &mut room)?;
        }
        while room > 0
            && let Some(due) = round.pop()
        {
            self.drop_over_limits(&due, &mut room)?;
            if room == 0 {
                round.push(due);
            }
        }
        self.staged.more_to_trim |= room == 0;
        Ok(())
    }

    /// Messages that may be dropped. In proportion to what the calls do, so that they neither wait long nor fill the disk.
    fn room(&self) -> usize {
        if self.is_idle {
            return TRIM_MESSAGES_MAX;
        }
        let published = |(partition, head): (&u64, &Head)| {
            let before = self.places.get(partition).map_or(0, |place| place.head.next);
            usize::try_from(head.next - before).unwrap_or(0)
        };
        let published: usize = self.staged.heads.iter().map(published).sum();
        let acked: usize = self.staged.acks.values().map(|acked| acked.offsets.len()).sum();
        (2 * published + acked).max(TRIM_BESIDE_CALLS)
    }

    /// The topics that this transaction published to or acknowledged in.
    fn touched(&self) -> Vec<Arc<Topic>> {
        let published = self
            .staged
            .heads
            .keys()
            .filter_map(|p| Some(&self.places.get(p)?.topic));
        let acked = self.staged.acks.values().map(|acked| &acked.topic);
        let topics: BTreeMap<u64, &Arc<Topic>> = published.chain(acked).map(|t| (t.first_partition, t)).collect();
        topics.into_values().cloned().collect()
    }

    /// Consumed messages, where none are kept or the topic holds too many bytes.
    fn drop_let_go(&mut self, topic: &Arc<Topic>, room: &mut usize) -> Result<(), Fault> {
        let retention = &self.options.retention;
        if retention.keep.is_zero() {
            for mut part in self.parts(topic, self.acked_partitions(topic)) {
                while part.head.first < part.consumed && *room > 0 {
                    self.drop_first(&mut part, room)?;
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
        self.drop_consumed(parts, bytes_max, room)
    }

    fn drop_over_limits(&mut self, due: &Due, room: &mut usize) -> Result<(), Fault> {
        let mut parts = self.parts(&due.topic, 0..due.topic.len());
        let times = self.times(&due.topic);
        for part in &mut parts {
            while part.head.first < part.head.next && *room > 0 && self.is_over(part, &times)? {
                self.drop_first(part, room)?;
            }
        }
        self.drop_consumed(parts, due.bytes_max, room)
    }

    /// Consumed messages of a topic, oldest first, while it holds more than `bytes_max`.
    fn drop_consumed(&mut self, mut parts: Vec<Trimmed>, bytes_max: u64, room: &mut usize) -> Result<(), Fault> {
        let mut bytes: u64 = parts.iter().map(|part| part.head.bytes).sum();
        let mut oldest = BinaryHeap::new();
        for (index, part) in parts.iter().enumerate() {
            if bytes > bytes_max && part.head.first < part.consumed {
                oldest.push(Reverse((self.first_time(part)?, index)));
            }
        }
        while bytes > bytes_max
            && *room > 0
            && let Some(Reverse((_, index))) = oldest.pop()
        {
            let Some(part) = parts.get_mut(index) else { break };
            bytes -= self.drop_first(part, room)?;
            if part.head.first < part.consumed {
                oldest.push(Reverse((self.first_time(part)?, index)));
            }
        }
        parts.into_iter().for_each(|part| self.stage(part));
        Ok(())
    }

    /// Some partitions of a topic, as this transaction has them so far.
    fn parts(&self, topic: &Arc<Topic>, places: impl IntoIterator<Item = usize>) -> Vec<Trimmed> {
        // A subscription that memory does not know yet may begin with the oldest message.
        if self.staged.subscribed.contains(&topic.first_partition) {
            return Vec::new();
        }
        let places = places
            .into_iter()
            .map(|index| (topic.first_partition + index as u64, index));
        places
            .filter(|(partition, _)| self.is_there(*partition))
            .map(|(partition, index)| Trimmed {
                partition,
                head: self.head(partition),
                consumed: self.consumed(topic, index),
                unread: 0,
            })
            .collect()
    }

    fn acked_partitions(&self, topic: &Topic) -> BTreeSet<usize> {
        let acked = self.staged.acks.iter();
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
        let kept = subscriptions.iter().filter(|s| !self.staged.ended.contains(&s.id));
        let floors = kept.map(|subscription| match self.staged.acks.get(&(subscription.id, index)) {
            Some(acked) => acked.cursor.floor(),
            None => {
                let delivery = subscription.delivery.lock();
                let window = delivery.windows().get(index);
                window.map_or(0, |window| window.cursor().floor())
            }
        });
        floors.min().unwrap_or(0)
    }

    fn times(&self, topic: &Topic) -> Times {
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
        Times { any, consumed }
    }

    fn is_over(&self, part: &Trimmed, times: &Times) -> Result<bool, Fault> {
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
    fn first_time(&self, part: &Trimmed) -> Result<u64, Fault> {
        let stored = self.messages.get((part.partition, part.head.first))?;
        Ok(stored.map_or(0, |stored| record::time(stored.value())))
    }

    /// Drops the oldest message. Returns its bytes.
    fn drop_first(&mut self, part: &mut Trimmed, room: &mut usize) -> Result<u64, Fault> {
        let removed = self.messages.remove((part.partition, part.head.first))?;
        let size = removed
            .map_or(0, |stored| stored.value().len() as u64)
            .min(part.head.bytes);
        part.unread += u64::from(part.head.first >= part.consumed);
        part.head.bytes -= size;
        part.head.first += 1;
        *room -= 1;
        Ok(size)
    }

    fn stage(&mut self, part: Trimmed) {
        if part.head.first > self.head(part.partition).first {
            self.staged.heads.insert(part.partition, part.head);
        }
        if part.unread > 0 {
            self.staged.dropped.insert(part.partition, part.unread);
        }
    }
}

/// All topics, each to come down to what `bytes_max` says of its bytes.
pub(super) fn round<'p>(places: impl Iterator<Item = &'p Place>, bytes_max: impl Fn(u64) -> u64) -> Vec<Due> {
    let mut topics: BTreeMap<u64, (Arc<Topic>, u64)> = BTreeMap::new();
    for place in places {
        let first = place.topic.first_partition;
        let (_, bytes) = topics.entry(first).or_insert_with(|| (place.topic.clone(), 0));
        *bytes += place.head.bytes;
    }
    let due = |(topic, bytes)| Due {
        topic,
        bytes_max: bytes_max(bytes),
    };
    topics.into_values().map(due).collect()
}
