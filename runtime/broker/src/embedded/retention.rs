//! Dropping messages that nobody needs. Runs inside the writer's transactions, so that it costs no sync of its own, and
//! only so much of it at a time.
//!
//! A partition is trimmed from its oldest message on: always what every subscription has acknowledged, and beyond that
//! what is over a limit of [`super::RetentionOptions`].

use std::collections::BTreeSet;

use redb::ReadableTable;

use super::{batch::Batch, catalog::Place, fault::Fault, limits::TRIM_MESSAGES_MAX, record};

/// What may be dropped of one partition.
struct Allowance {
    /// Acknowledged by every subscription below this.
    passed: u64,
    /// Older than this, in milliseconds since 1970.
    before_ms: Option<u64>,
    /// Whatever is over this many bytes.
    bytes: Option<u64>,
}

impl Batch<'_> {
    /// Drops what the acknowledgements of this transaction let go; with `all`, looks at every partition and at the
    /// limits too.
    pub(super) fn trim(&mut self, all: bool) -> Result<(), Fault> {
        let mut room = TRIM_MESSAGES_MAX;
        self.clear_doomed(&mut room)?;
        let places = if all { self.all_places() } else { self.acked_places() };
        for (partition, place) in places {
            // A subscription that memory does not know yet may begin with the oldest message.
            if self.staged.subscribed.contains(&place.topic.first_partition) {
                continue;
            }
            let allowance = self.allowance(&place, all);
            self.trim_partition(partition, &allowance, &mut room)?;
            if room == 0 {
                self.staged.more_to_trim = true;
                break;
            }
        }
        Ok(())
    }

    fn acked_places(&self) -> Vec<(u64, Place)> {
        let acked = self
            .staged
            .acks
            .iter()
            .map(|((_, index), acked)| acked.topic.first_partition + *index as u64);
        let partitions: BTreeSet<u64> = acked.collect();
        partitions
            .into_iter()
            .filter(|partition| self.is_there(*partition))
            .filter_map(|p| Some((p, self.places.get(&p)?.clone())))
            .collect()
    }

    fn allowance(&self, place: &Place, limits: bool) -> Allowance {
        let subscriptions = place.topic.subscriptions();
        let floors =
            subscriptions.iter().map(
                |subscription| match self.staged.acks.get(&(subscription.id, place.index)) {
                    Some(acked) => acked.cursor.floor(),
                    None => {
                        let delivery = subscription.delivery.lock();
                        delivery
                            .windows()
                            .get(place.index)
                            .map_or(0, |window| window.cursor().floor())
                    }
                },
            );
        let passed = floors.min().unwrap_or(0);
        if !limits {
            return Allowance {
                passed,
                before_ms: None,
                bytes: None,
            };
        }
        let retention = &self.options.retention;
        let alone = retention.unsubscribed_age.filter(|_| subscriptions.is_empty());
        let age = [retention.age, alone].into_iter().flatten().min();
        let now_ms = (self.options.clock)();
        let before =
            |age: std::time::Duration| now_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        Allowance {
            passed,
            before_ms: age.map(before),
            bytes: retention.bytes,
        }
    }

    fn trim_partition(&mut self, partition: u64, allowance: &Allowance, room: &mut usize) -> Result<(), Fault> {
        let mut head = self.head(partition);
        let first = head.first;
        let mut dropped = 0;
        while head.first < head.next && *room > 0 {
            if head.first >= allowance.passed {
                if !self.is_over(partition, head.first, head.bytes, allowance)? {
                    break;
                }
                dropped += 1;
            }
            let removed = self.messages.remove((partition, head.first))?;
            let size = removed.map_or(0, |stored| stored.value().len() as u64);
            head.bytes = head.bytes.saturating_sub(size);
            head.first += 1;
            *room -= 1;
        }
        if head.first > first {
            self.staged.heads.insert(partition, head);
        }
        if dropped > 0 {
            self.staged.dropped.insert(partition, dropped);
        }
        Ok(())
    }

    fn is_over(&self, partition: u64, offset: u64, bytes: u64, allowance: &Allowance) -> Result<bool, Fault> {
        if allowance.bytes.is_some_and(|max| bytes > max) {
            return Ok(true);
        }
        let Some(before_ms) = allowance.before_ms else {
            return Ok(false);
        };
        let stored = self.messages.get((partition, offset))?;
        Ok(stored.is_none_or(|stored| record::time(stored.value()) < before_ms))
    }
}
