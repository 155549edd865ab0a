//! Detects offsets of a partition that the broker skipped in a session.
//!
//! Danube's offsets are contiguous, and so are those that one consumer gets, except for:
//!
//! * messages dispatched before the session started: they come first, with holes where others were acknowledged. So a
//!   jump counts only after a message that was published after the session started;
//! * messages out of order: those that several publishers sent side by side, and those that could not be sent at first.
//!   So a jump counts only when it was not filled for a while;
//! * messages that other consumers of a `Shared` subscription get. Danube delivers round-robin, so that no consumer
//!   gets two in a row while there is another. So a jump counts only between two runs of [`ALONE_RUN_MIN`]: before and
//!   after it, this consumer was the only one. Of several jumps in quick succession none counts;
//! * messages that other consumers of a `KeyShared` subscription get, by key: gaps cannot be detected there.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

use crate::{limits::ALONE_RUN_MIN, options::DanubeOptions};

/// See the module.
#[derive(Debug)]
pub(super) struct GapDetector {
    kind: SubscriptionType,
    /// When the session started, in milliseconds since 1970.
    since_ms: u64,
    /// The next offset, once a message of this session has arrived.
    next: Option<u64>,
    /// Number of consecutive offsets received.
    run: u64,
    /// By first offset.
    open: BTreeMap<u64, OpenGap>,
    /// After this time a jump counts as a gap.
    filled_within: Duration,
}

#[derive(Debug)]
struct OpenGap {
    last: u64,
    since: Instant,
    run_before: u64,
    /// Set when another jump ends the run.
    run_after: Option<u64>,
}

impl GapDetector {
    /// A message that another consumer of a `Shared` subscription has is delivered here after the ack timeout when that
    /// one is gone.
    pub(super) fn new(kind: SubscriptionType, options: &DanubeOptions) -> Self {
        let filled_within = match kind {
            SubscriptionType::Shared => options.ack_timeout + options.gap_filled_within,
            _ => options.gap_filled_within,
        };
        Self {
            kind,
            since_ms: 0,
            next: None,
            run: 0,
            open: BTreeMap::new(),
            filled_within,
        }
    }

    /// Starts a session.
    pub(super) fn start_session(&mut self, now_ms: u64) {
        (self.since_ms, self.next, self.run) = (now_ms, None, 0);
        // A restarted broker delivers skipped messages if it still has them.
        self.open.values_mut().for_each(|open| open.since = Instant::now());
    }

    /// Records a message.
    pub(super) fn arrived(&mut self, offset: u64, published_ms: u64) {
        match self.next {
            Some(next) if offset >= next => self.advance(next, offset),
            Some(_) => self.fill_gap(offset),
            None if published_ms >= self.since_ms => (self.next, self.run) = (Some(offset + 1), 1),
            None => self.fill_gap(offset),
        }
    }

    fn advance(&mut self, next: u64, offset: u64) {
        if offset == next {
            self.run += 1;
        } else {
            if let Some(mut latest) = self.open.last_entry() {
                latest.get_mut().run_after.get_or_insert(self.run);
            }
            let open = OpenGap {
                last: offset - 1,
                since: Instant::now(),
                run_before: self.run,
                run_after: None,
            };
            self.open.insert(next, open);
            self.run = 1;
        }
        self.next = Some(offset + 1);
    }

    /// A message that arrives late.
    fn fill_gap(&mut self, offset: u64) {
        let Some((&first, open)) = self.open.range_mut(..=offset).next_back() else {
            return;
        };
        if offset > open.last {
            return;
        }
        let rest = Some(OpenGap { ..*open }).filter(|open| offset < open.last);
        match offset == first {
            true => drop(self.open.remove(&first)),
            false => open.last = offset - 1,
        }
        if let Some(rest) = rest {
            self.open.insert(offset + 1, rest);
        }
    }

    /// Removes and returns the gaps that were not filled in time.
    pub(super) fn take_confirmed(&mut self) -> Vec<RangeInclusive<u64>> {
        self.take_older_than(self.filled_within)
    }

    fn take_older_than(&mut self, time: Duration) -> Vec<RangeInclusive<u64>> {
        let due: Vec<u64> = (self.open.iter())
            .filter(|(_, open)| open.since.elapsed() >= time)
            .map(|(first, _)| *first)
            .collect();
        let mut found = Vec::new();
        for first in due {
            if let Some(open) = self.open.remove(&first).filter(|open| self.is_real_gap(open)) {
                found.push(first..=open.last);
            }
        }
        found
    }

    fn is_real_gap(&self, open: &OpenGap) -> bool {
        match self.kind {
            SubscriptionType::Exclusive | SubscriptionType::Failover => true,
            SubscriptionType::Shared => {
                open.run_before >= ALONE_RUN_MIN && open.run_after.unwrap_or(self.run) >= ALONE_RUN_MIN
            }
            SubscriptionType::KeyShared => false,
        }
    }

    /// Whether this consumer is the only one, as far as can be seen.
    pub(super) fn is_alone(&self) -> bool {
        match self.kind {
            SubscriptionType::Exclusive | SubscriptionType::Failover => true,
            SubscriptionType::Shared => self.run >= ALONE_RUN_MIN,
            SubscriptionType::KeyShared => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED_MS: u64 = 1_000;

    fn gaps(kind: SubscriptionType, offsets: impl IntoIterator<Item = u64>) -> GapDetector {
        let mut gaps = GapDetector::new(kind, &DanubeOptions::new(["http://a"]));
        gaps.start_session(OPENED_MS);
        for offset in offsets {
            gaps.arrived(offset, OPENED_MS);
        }
        gaps
    }

    fn settled(gaps: &mut GapDetector) -> Vec<RangeInclusive<u64>> {
        gaps.take_older_than(Duration::ZERO)
    }

    #[test]
    fn what_an_only_consumer_did_not_get_is_missing() {
        for kind in [SubscriptionType::Exclusive, SubscriptionType::Failover] {
            let mut gaps = gaps(kind, [7, 8, 12, 13, 20]);
            assert!(gaps.take_confirmed().is_empty(), "it may come yet");
            assert_eq!(settled(&mut gaps), [9..=11, 14..=19]);
            assert!(settled(&mut gaps).is_empty(), "said once");
        }
    }

    #[test]
    fn what_comes_out_of_order_or_again_is_not_missing() {
        let mut gaps = gaps(SubscriptionType::Exclusive, [1, 2, 6, 4, 2, 3, 5, 7, 1]);
        assert!(settled(&mut gaps).is_empty());
        gaps.start_session(OPENED_MS);
        gaps.arrived(9, OPENED_MS);
        assert!(settled(&mut gaps).is_empty(), "another session");
    }

    #[test]
    fn what_was_dispatched_before_the_session_has_holes() {
        let mut gaps = gaps(SubscriptionType::Exclusive, []);
        for offset in [3, 9, 11] {
            gaps.arrived(offset, OPENED_MS - 1);
        }
        gaps.arrived(20, OPENED_MS);
        gaps.arrived(22, OPENED_MS);
        assert_eq!(settled(&mut gaps), [21..=21]);
    }

    #[test]
    fn others_of_a_shared_subscription_get_what_this_one_does_not() {
        let mut taking_turns = gaps(SubscriptionType::Shared, (0..500).map(|n| 2 * n));
        assert!(settled(&mut taking_turns).is_empty() && !taking_turns.is_alone());
        let joined_and_left = (0..50).chain((51..99).step_by(2)).chain(99..200);
        let mut joined_and_left = gaps(SubscriptionType::Shared, joined_and_left);
        assert!(settled(&mut joined_and_left).is_empty());
        let mut alone = gaps(SubscriptionType::Shared, (0..50).chain(60..110));
        assert_eq!(settled(&mut alone), [50..=59]);
        assert!(alone.is_alone());
    }

    #[test]
    fn keys_of_a_key_shared_subscription_are_with_others() {
        let mut gaps = gaps(SubscriptionType::KeyShared, (0..50).chain(60..110));
        assert!(settled(&mut gaps).is_empty() && !gaps.is_alone());
    }
}
