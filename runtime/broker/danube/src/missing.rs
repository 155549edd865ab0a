//! What consumers of this process were found not to have got, until an operator has acknowledged it. It outlives them: a
//! connector that is started anew is as incomplete as before.

use std::{collections::BTreeMap, ops::RangeInclusive};

use danube_wasm_broker::Gap;
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::sync::watch;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    subscriptions: Mutex<BTreeMap<(TopicName, String), Partitions>>,
    /// How often an operator has acknowledged.
    acknowledged: Mutex<BTreeMap<(TopicName, String), u64>>,
    /// Grows whenever something changes.
    changes: watch::Sender<u64>,
}

/// Ranges by first offset, by partition.
type Partitions = BTreeMap<TopicName, BTreeMap<u64, u64>>;

impl Missing {
    /// Follows changes.
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

    /// A message came: whether it was thought to be missing.
    pub(crate) fn came(&self, topic: &TopicName, subscription: &str, partition: &TopicName, offset: u64) -> bool {
        let mut subscriptions = self.subscriptions.lock();
        if subscriptions.is_empty() {
            return false;
        }
        let key = (topic.clone(), subscription.to_owned());
        let Some(partitions) = subscriptions.get_mut(&key) else {
            return false;
        };
        let is_cut = partitions.get_mut(partition).is_some_and(|ranges| cut(ranges, offset));
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

    /// Everything.
    pub(crate) fn all(&self) -> Vec<Gap> {
        let subscriptions = self.subscriptions.lock();
        let each = subscriptions.iter();
        each.flat_map(|((topic, subscription), partitions)| gaps(topic, subscription, partitions))
            .collect()
    }

    /// What is missing of a subscription.
    pub(crate) fn of(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let subscriptions = self.subscriptions.lock();
        let key = (topic.clone(), subscription.to_owned());
        subscriptions
            .get(&key)
            .map_or_else(Vec::new, |partitions| gaps(topic, subscription, partitions))
    }

    /// An operator has seen it.
    pub(crate) fn acknowledge(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        let seen = self.of(topic, subscription);
        let key = (topic.clone(), subscription.to_owned());
        self.subscriptions.lock().remove(&key);
        *self.acknowledged.lock().entry(key).or_default() += 1;
        self.changed();
        seen
    }

    /// How often an operator has acknowledged what is wrong with a subscription.
    pub(crate) fn acknowledgements(&self, topic: &TopicName, subscription: &str) -> u64 {
        let key = (topic.clone(), subscription.to_owned());
        self.acknowledged.lock().get(&key).copied().unwrap_or_default()
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

fn gaps(topic: &TopicName, subscription: &str, partitions: &Partitions) -> Vec<Gap> {
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

/// Takes an offset out of ranges; whether it was in one.
fn cut(ranges: &mut BTreeMap<u64, u64>, offset: u64) -> bool {
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
        let missing = Missing::default();
        missing.add(&topic, "sub", &partition, &(3..=6));
        assert!(!missing.came(&topic, "sub", &partition, 7) && !missing.came(&topic, "other", &partition, 4));
        assert!(missing.came(&topic, "sub", &partition, 4));
        let ranges = |gaps: Vec<Gap>| gaps.iter().map(|gap| (gap.first, gap.last)).collect::<Vec<_>>();
        assert_eq!(ranges(missing.of(&topic, "sub")), [(3, 3), (5, 6)]);
        assert_eq!(ranges(missing.acknowledge(&topic, "sub")), [(3, 3), (5, 6)]);
        assert!(missing.all().is_empty());
        missing.add(&topic, "sub", &partition, &(9..=9));
        assert!(missing.came(&topic, "sub", &partition, 9));
        assert!(missing.all().is_empty());
    }
}
