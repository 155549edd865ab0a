//! Whether a connector's calls may run among those of others.
//!
//! A tick takes a worker from a component, but not from the host while it works for one: a million names are converted in
//! one go ([`crate::stretch`]). Until that is done, tasks that the worker has woken wait, and not all of them can be taken
//! over by another one. So a connector whose calls hold their worker for long is called apart, on threads where they hold
//! up only their like and newcomers, and where the system shares out the processors. So is one that is not known yet.
//! Waking those threads takes some ten microseconds a call, which is little beside what put it there. Where a call runs is
//! settled before it begins: the first long one of a connector that was quick so far is felt by the others.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Ticks for which a call may hold a worker among others: about as long as the system lets a thread wait for another one,
/// so that nobody notices.
const TICKS_MAX: u64 = 3;
/// For each tick of a stretch that was longer, a connector stays apart for so many: what it does once it is back holds up
/// the others for half a hundredth of the time at most.
const APART_PER_TICK: u64 = 200;
/// It does not pay for more than this at once, a minute: it goes on to be apart for as long as it goes on to be slow.
const APART_TICKS_MAX: u64 = 60_000;

/// How one connector's calls have held their workers so far.
#[derive(Debug)]
pub(crate) struct Conduct {
    /// Calls that it makes apart before it is known.
    calls_to_know: u32,
    /// Calls since it was new, or held a worker for too long; as far as they matter.
    calls: AtomicU32,
    /// The tick until which it pays for that.
    apart_until: AtomicU64,
}

impl Conduct {
    /// Of a connector that is known after so many calls.
    pub(crate) fn new(calls_to_know: u32) -> Self {
        Self {
            calls_to_know,
            calls: AtomicU32::default(),
            apart_until: AtomicU64::default(),
        }
    }

    /// Whether its next call is to run apart.
    pub(crate) fn is_apart(&self, tick: u64) -> bool {
        self.calls.load(Relaxed) < self.calls_to_know || tick < self.apart_until.load(Relaxed)
    }

    /// A call is over.
    pub(crate) fn called(&self) {
        // Calls end beside each other, and most are past counting. One that is lost is no matter, nor is a beginning anew:
        // there is the time besides.
        let calls = self.calls.load(Relaxed);
        if calls < self.calls_to_know {
            self.calls.store(calls + 1, Relaxed);
        }
    }

    /// A stretch that ends at this tick held its worker for so many.
    pub(crate) fn held(&self, ticks: u64, tick: u64) {
        if ticks <= TICKS_MAX {
            return;
        }
        let more = ticks.saturating_mul(APART_PER_TICK);
        let longer = |until: u64| {
            Some(
                until
                    .max(tick)
                    .saturating_add(more)
                    .min(tick.saturating_add(APART_TICKS_MAX)),
            )
        };
        // The closure always has an answer.
        let _ = self.apart_until.fetch_update(Relaxed, Relaxed, longer);
        self.calls.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connector_is_apart_until_it_is_known() {
        let conduct = Conduct::new(16);
        for _ in 0..16 {
            assert!(conduct.is_apart(0));
            conduct.called();
        }
        assert!(!conduct.is_apart(0));
    }

    #[test]
    fn whoever_holds_a_worker_pays_with_time_and_is_new_again() {
        let conduct = Conduct::new(1);
        conduct.called();
        conduct.held(TICKS_MAX, 1_000);
        assert!(!conduct.is_apart(1_000), "as long as it may");
        conduct.held(10, 1_000);
        conduct.held(5, 1_000);
        let until = 1_000 + 15 * APART_PER_TICK;
        assert!(conduct.is_apart(until), "new again");
        conduct.called();
        assert!(conduct.is_apart(until - 1));
        assert!(!conduct.is_apart(until));
    }

    #[test]
    fn nobody_pays_for_ever() {
        let conduct = Conduct::new(0);
        (0..1_000).for_each(|_| conduct.held(70, 5));
        assert!(conduct.is_apart(5 + APART_TICKS_MAX - 1));
        assert!(!conduct.is_apart(5 + APART_TICKS_MAX));
    }
}
