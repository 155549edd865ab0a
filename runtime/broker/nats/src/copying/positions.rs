//! Gathers, while records come, what a subscription has acknowledged of them. Pure.

use crate::limits::{ACK_PENDING_MAX, BUCKETS};
use danube_wasm_model::SubscriptionType;

/// Open messages that a consumer may have below acknowledged ones: with more, the server would give nothing new.
const OPEN_MAX: u64 = ACK_PENDING_MAX as u64 - 4_096;

/// The position of a subscription: what each of its consumers in the server has.
pub(super) struct Gathered {
    by_bucket: bool,
    consumers: Vec<Acknowledged>,
}

/// What a consumer has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Acknowledged {
    first_open: Option<u64>,
    /// The last sequence that has come, of any consumer.
    end: u64,
    /// Sequences behind the first open one that are acknowledged, first and last.
    ranges: Vec<(u64, u64)>,
    /// How many these are.
    acknowledged: u64,
    /// Open ones between the first open one and the last acknowledged one.
    open: u64,
    /// Open ones behind the last acknowledged one.
    open_behind: u64,
    /// Acknowledged ones that are too far behind open ones.
    again: u64,
}

impl Gathered {
    pub(super) fn new(kind: SubscriptionType) -> Self {
        let by_bucket = kind == SubscriptionType::KeyShared;
        let number = if by_bucket { BUCKETS as usize } else { 1 };
        Self {
            by_bucket,
            consumers: vec![Acknowledged::default(); number],
        }
    }

    /// The next message, and whether it is acknowledged.
    pub(super) fn next(&mut self, sequence: u64, bucket: u32, acknowledged: bool) {
        let place = if self.by_bucket { bucket as usize } else { 0 };
        if let Some(consumer) = self.consumers.get_mut(place) {
            consumer.next(sequence, acknowledged);
        }
        for consumer in &mut self.consumers {
            consumer.end = sequence;
        }
    }

    pub(super) fn consumers(&self) -> impl Iterator<Item = (Option<u32>, &Acknowledged)> {
        let buckets = (0..BUCKETS).map(|bucket| self.by_bucket.then_some(bucket));
        buckets.zip(&self.consumers)
    }

    /// Acknowledged messages that are delivered again.
    pub(super) fn again(&self) -> u64 {
        self.consumers.iter().map(|consumer| consumer.again).sum()
    }
}

impl Acknowledged {
    fn next(&mut self, sequence: u64, acknowledged: bool) {
        match (acknowledged, self.first_open) {
            (true, None) => {}
            (false, _) => {
                self.first_open.get_or_insert(sequence);
                self.open_behind += 1;
            }
            (true, Some(_)) if self.open + self.open_behind > OPEN_MAX => {
                self.again += 1;
                // From here on it is open.
                self.open_behind += 1;
            }
            (true, Some(_)) => {
                self.open += std::mem::take(&mut self.open_behind);
                self.acknowledged += 1;
                match self.ranges.last_mut() {
                    Some((_, last)) if *last + 1 == sequence => *last = sequence,
                    _ => self.ranges.push((sequence, sequence)),
                }
            }
        }
    }

    /// The first sequence that is not acknowledged.
    pub(super) fn first_open(&self) -> u64 {
        self.first_open.unwrap_or(self.end + 1)
    }

    /// The last sequence behind the first open one that is acknowledged.
    pub(super) fn last(&self) -> Option<u64> {
        self.ranges.last().map(|(_, last)| *last)
    }

    /// Messages of this consumer from the first open one to the last acknowledged one.
    pub(super) fn span(&self) -> u64 {
        self.acknowledged + self.open
    }

    /// Whether it has acknowledged a message behind the first open one.
    pub(super) fn has(&self, sequence: u64) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < sequence);
        self.ranges.get(at).is_some_and(|(first, _)| *first <= sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(kind: SubscriptionType, messages: &[(u32, bool)]) -> Gathered {
        let mut gathered = Gathered::new(kind);
        for (sequence, (bucket, acknowledged)) in (1..).zip(messages) {
            gathered.next(sequence, *bucket, *acknowledged);
        }
        gathered
    }

    fn only(gathered: &Gathered) -> Acknowledged {
        let consumers: Vec<_> = gathered.consumers().collect();
        assert_eq!(consumers.len(), 1);
        consumers[0].1.clone()
    }

    #[test]
    fn a_position_is_a_floor_and_what_is_acknowledged_behind_it() {
        let marks = [true, true, false, true, true, false, true, false].map(|acknowledged| (0, acknowledged));
        let position = only(&gathered(SubscriptionType::Shared, &marks));
        assert_eq!(
            (position.first_open(), position.last(), position.span()),
            (3, Some(7), 5)
        );
        let has: Vec<u64> = (3..=8).filter(|sequence| position.has(*sequence)).collect();
        assert_eq!(has, [4, 5, 7]);
    }

    #[test]
    fn everything_and_nothing_are_positions_too() {
        let all = only(&gathered(SubscriptionType::Exclusive, &[(0, true); 3]));
        assert_eq!((all.first_open(), all.last(), all.span()), (4, None, 0));
        let none = only(&gathered(SubscriptionType::Exclusive, &[(0, false); 3]));
        assert_eq!((none.first_open(), none.last(), none.span()), (1, None, 0));
        let empty = only(&gathered(SubscriptionType::Exclusive, &[]));
        assert_eq!((empty.first_open(), empty.last()), (1, None));
    }

    #[test]
    fn each_bucket_of_keys_has_its_own() {
        let messages = [(0, true), (1, false), (0, false), (1, true), (0, true)];
        let gathered = gathered(SubscriptionType::KeyShared, &messages);
        let consumers: Vec<_> = gathered.consumers().collect();
        assert_eq!(consumers.len(), BUCKETS as usize);
        let of = |n: usize| {
            (
                consumers[n].1.first_open(),
                consumers[n].1.last(),
                consumers[n].1.span(),
            )
        };
        assert_eq!(of(0), (3, Some(5), 2));
        assert_eq!(of(1), (2, Some(4), 2));
        assert_eq!(of(2), (6, None, 0));
    }

    #[test]
    fn what_is_too_far_behind_open_messages_comes_again() {
        let mut gathered = Gathered::new(SubscriptionType::Shared);
        for sequence in 1..=OPEN_MAX + 1 {
            gathered.next(sequence, 0, false);
        }
        gathered.next(OPEN_MAX + 2, 0, true);
        assert_eq!((gathered.again(), only(&gathered).last()), (1, None));
    }
}
