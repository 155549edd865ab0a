//! Messages that consumers of this process did not get, until an operator acknowledges that. It outlives the consumers:
//! a restarted connector has the same gaps.

use std::{collections::BTreeMap, ops::RangeInclusive};

use danube_wasm_broker::Gap;
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::sync::watch;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct GapRegistry {
    subscriptions: Mutex<BTreeMap<(TopicName, String), PartitionGaps>>,
    /// Number of acknowledgements by an operator.
    acknowledged: Mutex<BTreeMap<(TopicName, String), u64>>,
    /// Grows whenever something changes.
    changes: watch::Sender<u64>,
}

/// Ranges by first offset, by partition.
type PartitionGaps = BTreeMap<TopicName, BTreeMap<u64, u64>>;

impl GapRegistry {
    /// Watches for changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn add(
        &self,
        topic: &TopicName,
        subscription: &str,
        partition: &TopicName,
        offsets: &RangeInclusive<u64>,
    ) {
        let key = (topic.clone(), subscription.to_owned());
        let mut subscriptions = self.subscriptions.lock();
        let partitions = subscriptions.entry(key).or_default();
        let ranges = partitions.entry(partition.clone()).or_default();
        ranges.insert(*offsets.start(), *offsets.end());
        drop(subscriptions);
        self.changed();
    }

    /// Removes a message that has arrived. Returns whether it was missing.
    pub(crate) fn remove(&self, topic: &TopicName, subscription: &str, partition: &TopicName, offset: u64) -> bool {
        let mut subscriptions = self.subscriptions.lock();
        if subscriptions.is_empty() {
            return false;
        }
        let key = (topic.clone(), subscription.to_owned());
        let Some(partitions) = subscriptions.get_mut(&key) else {
            return false;
        };
        let is_cut = partitions
            .get_mut(partition)
            .is_some_and(|ranges| remove_offset(ranges, offset));
        partitions.retain(|_, ranges| !ranges.is_empty());
        if partitions.is_empty() {
            subscriptions.remove(&key);
        }
        drop(subscriptions);
        if is_cut {
            self.changed();
        }
        is_cut
    }

    /// All gaps.
    pub(crate) fn all(&self) -> Vec<Gap> {
        let subscriptions = self.subscriptions.lock();
        let each = subscriptions.iter();
        each.flat_map(|((topic, subscription), partitions)| gaps(topic, subscription, partitions))
            .collect()
    }

    /// The gaps of a subscription.
    pub(crate) fn of_subscription(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let subscriptions = self.subscriptions.lock();
        let key = (topic.clone(), subscription.to_owned());
        subscriptions
            .get(&key)
            .map_or_else(Vec::new, |partitions| gaps(topic, subscription, partitions))
    }

    /// Removes and returns the gaps of a subscription, which an operator has acknowledged.
    pub(crate) fn acknowledge(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let seen = self.of_subscription(topic, subscription);
        let key = (topic.clone(), subscription.to_owned());
        self.subscriptions.lock().remove(&key);
        *self.acknowledged.lock().entry(key).or_default() += 1;
        self.changed();
        seen
    }

    /// Number of acknowledgements for a subscription.
    pub(crate) fn acknowledgements(&self, topic: &TopicName, subscription: &str) -> u64 {
        let key = (topic.clone(), subscription.to_owned());
        self.acknowledged.lock().get(&key).copied().unwrap_or_default()
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

fn gaps(topic: &TopicName, subscription: &str, partitions: &PartitionGaps) -> Vec<Gap> {
    let gap = |partition: &TopicName, first: &u64, last: &u64| Gap {
        topic: topic.clone(),
        subscription: subscription.to_owned(),
        partition: partition.clone(),
        first: *first,
        last: *last,
    };
    let each = partitions.iter();
    each.flat_map(|(partition, ranges)| ranges.iter().map(move |(first, last)| gap(partition, first, last)))
        .collect()
}

/// Removes an offset from ranges; returns whether it was in one.
fn remove_offset(ranges: &mut BTreeMap<u64, u64>, offset: u64) -> bool {
    let Some((&first, &last)) = ranges.range(..=offset).next_back() else {
        return false;
    };
    if offset > last {
        return false;
    }
    ranges.remove(&first);
    if first < offset {
        ranges.insert(first, offset - 1);
    }
    if offset < last {
        ranges.insert(offset + 1, last);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_all_and_what_is_acknowledged_is_not_missing() {
        let (topic, partition): (TopicName, TopicName) =
            ("/a/t".parse().expect("valid"), "/a/t-part-0".parse().expect("valid"));
        let missing = GapRegistry::default();
        missing.add(&topic, "sub", &partition, &(3..=6));
        assert!(!missing.remove(&topic, "sub", &partition, 7) && !missing.remove(&topic, "other", &partition, 4));
        assert!(missing.remove(&topic, "sub", &partition, 4));
        let ranges = |gaps: Vec<Gap>| gaps.iter().map(|gap| (gap.first, gap.last)).collect::<Vec<_>>();
        assert_eq!(ranges(missing.of_subscription(&topic, "sub")), [(3, 3), (5, 6)]);
        assert_eq!(ranges(missing.acknowledge(&topic, "sub")), [(3, 3), (5, 6)]);
        assert!(missing.all().is_empty());
        missing.add(&topic, "sub", &partition, &(9..=9));
        assert!(missing.remove(&topic, "sub", &partition, 9));
        assert!(missing.all().is_empty());
    }
}
