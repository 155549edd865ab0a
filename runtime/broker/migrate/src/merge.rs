//! The order in which records are handed over. It follows from the source alone, keeps the order of each partition, and puts
//! first what subscriptions have acknowledged, so that their positions are as simple as they can be.
//!
//! Partitions are merged by publish time, in phases: first what the subscription that is furthest behind has passed, then
//! what the next one has, and so on. A target whose messages have one sequence then keeps nearly every position as one number,
//! also where a subscription is far ahead in one partition and far behind in another.

use std::collections::VecDeque;

use danube_wasm_broker::{
    Result,
    copying::{CopiedTopic, CopySource, PartitionReader, StoredMessage},
};

/// For each phase the number of messages of each partition that come before it ends.
pub(crate) type Phases = Vec<Vec<u64>>;

/// The phases for subscriptions that have passed so many messages of each partition.
pub(crate) fn phases(mut passed: Vec<Vec<u64>>) -> Phases {
    passed.sort_by_key(|passed| passed.iter().sum::<u64>());
    let mut phases: Phases = Vec::new();
    for next in passed {
        let next = match phases.last() {
            Some(last) => last.iter().zip(&next).map(|(last, next)| *last.max(next)).collect(),
            None => next,
        };
        if phases.last() != Some(&next) {
            phases.push(next);
        }
    }
    phases
}

/// Reads a topic in this order.
pub(crate) struct Merge {
    partitions: Vec<Partition>,
    phases: Phases,
    newest_ms: u64,
}

struct Partition {
    reader: Box<dyn PartitionReader>,
    waiting: VecDeque<StoredMessage>,
    given: u64,
    ended: bool,
}

/// The next message of a topic.
pub(crate) struct Next {
    pub(crate) partition: u32,
    pub(crate) stored: StoredMessage,
    /// The newest publish time of this and all before it.
    pub(crate) newest_ms: u64,
}

impl Merge {
    pub(crate) async fn new(from: &dyn CopySource, topic: &CopiedTopic, phases: Phases) -> Result<Self> {
        let mut partitions = Vec::new();
        for partition in 0..topic.partitions.max(1) {
            partitions.push(Partition {
                reader: from.read(topic, partition).await?,
                waiting: VecDeque::new(),
                given: 0,
                ended: false,
            });
        }
        Ok(Self {
            partitions,
            phases,
            newest_ms: 0,
        })
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Next>> {
        for partition in &mut self.partitions {
            if partition.waiting.is_empty() && !partition.ended {
                partition.waiting.extend(partition.reader.next().await?);
                partition.ended = partition.waiting.is_empty();
            }
        }
        let key = |index: usize, partition: &Partition| {
            let first = partition.waiting.front()?;
            let phase = self.phases.iter().filter(|ends| partition.given >= ends[index]).count();
            Some((phase, first.message.publish_time_ms, index))
        };
        let partitions = self.partitions.iter().enumerate();
        let Some((_, _, index)) = partitions.filter_map(|(index, partition)| key(index, partition)).min() else {
            return Ok(None);
        };
        let partition = &mut self.partitions[index];
        partition.given += 1;
        let next = partition.waiting.pop_front().map(|stored| {
            self.newest_ms = self.newest_ms.max(stored.message.publish_time_ms);
            Next {
                partition: u32::try_from(index).unwrap_or(u32::MAX),
                stored,
                newest_ms: self.newest_ms,
            }
        });
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_end_where_subscriptions_are() {
        assert_eq!(phases(vec![vec![3, 1]]), [vec![3, 1]]);
        assert_eq!(phases(vec![vec![5, 5], vec![3, 1]]), [vec![3, 1], vec![5, 5]]);
        // Neither is behind in both.
        assert_eq!(phases(vec![vec![9, 0], vec![0, 4]]), [vec![0, 4], vec![9, 4]]);
        assert_eq!(phases(vec![vec![2, 2], vec![2, 2]]), [vec![2, 2]]);
        assert_eq!(phases(Vec::new()), Phases::new());
    }
}
