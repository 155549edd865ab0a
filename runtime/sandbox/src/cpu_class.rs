//! Decides whether a connector's calls share worker threads with those of other connectors, or run isolated.
//!
//! A tick interrupts a component, but not the host while it works for one, for example while it converts a million
//! names ([`crate::cpu_slice`]). Until that is done, tasks that were woken on the same worker wait, and other workers
//! cannot take all of them over. So a connector whose calls hold a worker for long runs isolated: on threads of a
//! second pool, where it delays only connectors like itself and new ones, and where the operating system divides the
//! processors. A new connector is isolated too. Waking those threads costs about ten microseconds a call. The pool is
//! chosen before a call begins, so the first long call of a connector that was quick until then does delay others.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Ticks for which a call may hold a shared worker: about as long as the operating system lets a thread wait for
/// another one.
const SHARED_TICKS_MAX: u64 = 3;
/// Ticks for which a connector is isolated, for each tick of a longer slice. After that it may delay others again, for
/// at most half a percent of the time.
const ISOLATED_PER_TICK: u64 = 200;
/// Upper bound of that, one minute. A connector that keeps holding workers stays isolated.
const ISOLATED_TICKS_MAX: u64 = 60_000;

/// How long one connector's calls have held their workers so far.
#[derive(Debug)]
pub(crate) struct CpuClass {
    /// Number of isolated calls before a connector may share workers.
    calls_to_know: u32,
    /// Calls since it was loaded or last held a worker for too long; counted up to `calls_to_know`.
    calls: AtomicU32,
    /// The tick until which its calls are isolated.
    isolated_until: AtomicU64,
}

impl CpuClass {
    /// For a connector that may share workers after so many calls.
    pub(crate) fn new(calls_to_know: u32) -> Self {
        Self {
            calls_to_know,
            calls: AtomicU32::default(),
            isolated_until: AtomicU64::default(),
        }
    }

    /// Whether its next call runs isolated. `tick` is the current tick.
    pub(crate) fn is_isolated(&self, tick: u64) -> bool {
        self.calls.load(Relaxed) < self.calls_to_know || tick < self.isolated_until.load(Relaxed)
    }

    /// Counts a call that ended.
    pub(crate) fn record_call(&self) {
        // Calls end concurrently, and most are past counting. A lost update does no harm: `isolated_until` decides as
        // well.
        let calls = self.calls.load(Relaxed);
        if calls < self.calls_to_know {
            self.calls.store(calls + 1, Relaxed);
        }
    }

    /// Records a slice that ended at `tick` and held its worker for `ticks`.
    pub(crate) fn record_slice(&self, ticks: u64, tick: u64) {
        if ticks <= SHARED_TICKS_MAX {
            return;
        }
        let more = ticks.saturating_mul(ISOLATED_PER_TICK);
        let longer = |until: u64| {
            Some(
                until
                    .max(tick)
                    .saturating_add(more)
                    .min(tick.saturating_add(ISOLATED_TICKS_MAX)),
            )
        };
        // The closure always has an answer.
        let _ = self.isolated_until.fetch_update(Relaxed, Relaxed, longer);
        self.calls.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connector_is_apart_until_it_is_known() {
        let cpu_class = CpuClass::new(16);
        for _ in 0..16 {
            assert!(cpu_class.is_isolated(0));
            cpu_class.record_call();
        }
        assert!(!cpu_class.is_isolated(0));
    }

    #[test]
    fn whoever_holds_a_worker_pays_with_time_and_is_new_again() {
        let cpu_class = CpuClass::new(1);
        cpu_class.record_call();
        cpu_class.record_slice(SHARED_TICKS_MAX, 1_000);
        assert!(!cpu_class.is_isolated(1_000), "as long as it may");
        cpu_class.record_slice(10, 1_000);
        cpu_class.record_slice(5, 1_000);
        let until = 1_000 + 15 * ISOLATED_PER_TICK;
        assert!(cpu_class.is_isolated(until), "new again");
        cpu_class.record_call();
        assert!(cpu_class.is_isolated(until - 1));
        assert!(!cpu_class.is_isolated(until));
    }

    #[test]
    fn nobody_pays_for_ever() {
        let cpu_class = CpuClass::new(0);
        (0..1_000).for_each(|_| cpu_class.record_slice(70, 5));
        assert!(cpu_class.is_isolated(5 + ISOLATED_TICKS_MAX - 1));
        assert!(!cpu_class.is_isolated(5 + ISOLATED_TICKS_MAX));
    }
}
