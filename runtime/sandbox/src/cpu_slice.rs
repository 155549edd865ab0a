//! Measures how long a worker has been busy for one call without yielding.
//!
//! A tick interrupts a component, but not the host while it works for one: filling its memory, copying a log line,
//! reading what it returned. So a slice can be longer than a tick. It is measured twice: in processor time of the
//! thread, which is charged to the call's budget (time for which the operating system stops the thread is not charged),
//! and in ticks, once for each of which the call yields to other tasks. Long slices count against the connector
//! ([`CpuClass`]).

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;

use crate::{cpu_class::CpuClass, limits::TICK};

/// The current slice of a call: from its start, or from the last yield.
#[derive(Debug, Clone)]
pub(crate) struct CpuSlice(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ticks: Arc<AtomicU64>,
    cpu_class: Arc<CpuClass>,
    /// The tick at which it began.
    began: AtomicU64,
    sample: Mutex<CpuSample>,
}

/// Thread, time and processor time at the start of a slice.
#[derive(Debug, Clone, Copy)]
struct CpuSample {
    thread: ThreadId,
    /// When the slice began, or up to half a tick earlier ([`CpuSample::cached`]).
    at: Instant,
    /// Processor time of the thread at that moment.
    cpu_time: Duration,
}

impl CpuSlice {
    /// The first slice of a call.
    pub(crate) fn start(ticks: &Arc<AtomicU64>, cpu_class: &Arc<CpuClass>) -> Self {
        Self(Arc::new(Inner {
            ticks: Arc::clone(ticks),
            cpu_class: Arc::clone(cpu_class),
            began: ticks.load(Relaxed).into(),
            sample: Mutex::new(CpuSample::cached()),
        }))
    }

    /// Starts a new slice.
    pub(crate) fn resume(&self) {
        self.0.began.store(self.0.ticks.load(Relaxed), Relaxed);
        *self.0.sample.lock() = CpuSample::now();
    }

    /// Ends the slice: returns the whole ticks of processor time that it took, and records them for the connector.
    pub(crate) fn end(&self) -> u64 {
        let sample = *self.0.sample.lock();
        // Most slices are short; and one that moved to another thread has waited.
        if sample.at.elapsed() < TICK || sample.thread != thread::current().id() {
            return 0;
        }
        let took = thread_cpu_time().saturating_sub(sample.cpu_time);
        let ticks = u64::try_from(took.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
        self.0.cpu_class.record_slice(ticks, self.0.ticks.load(Relaxed));
        ticks
    }

    /// Yields to other tasks, once for each whole tick that the slice took.
    pub(crate) async fn yield_to_others(&self) {
        for _ in 0..self.elapsed_ticks() {
            tokio::task::yield_now().await;
        }
    }

    /// Whole ticks since it began.
    fn elapsed_ticks(&self) -> u64 {
        let passed = self.0.ticks.load(Relaxed).saturating_sub(self.0.began.load(Relaxed));
        // The first tick may have followed right after the start.
        passed.saturating_sub(1)
    }
}

/// Processor time of this thread so far.
fn thread_cpu_time() -> Duration {
    // Every thread has this clock.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

impl CpuSample {
    /// This thread, now.
    fn now() -> Self {
        Self {
            thread: thread::current().id(),
            at: Instant::now(),
            cpu_time: thread_cpu_time(),
        }
    }

    /// A sample of this thread that is up to half a tick old, because taking one costs as much as a call. Its age is
    /// measured in wall-clock time: ticks are late when the machine is busy.
    fn cached() -> Self {
        thread_local!(static CACHED: Cell<Option<CpuSample>> = const { Cell::new(None) });
        match CACHED.get() {
            Some(sample) if sample.at.elapsed() < TICK / 2 => sample,
            _ => {
                let now = Self::now();
                CACHED.set(Some(now));
                now
            }
        }
    }
}

/// Keeps the processor busy for this processor time.
#[cfg(test)]
pub(crate) fn burn_cpu(time: Duration) {
    let begun = thread_cpu_time();
    while thread_cpu_time() < begun + time {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice() -> (CpuSlice, Arc<AtomicU64>) {
        let ticks = Arc::<AtomicU64>::default();
        (CpuSlice::start(&ticks, &Arc::new(CpuClass::new(0))), ticks)
    }

    #[test]
    fn what_the_processor_did_is_charged_and_waiting_is_not() {
        let (slice, _) = slice();
        burn_cpu(5 * TICK);
        let worked = slice.end();
        assert!(worked >= 5, "{worked}");
        slice.resume();
        thread::park_timeout(20 * TICK);
        let worked = slice.end();
        assert!(worked < 10, "{worked}");
    }

    #[test]
    fn calls_pay_for_next_to_nothing_of_what_was_before_them() {
        let (ticks, cpu_class) = (Arc::<AtomicU64>::default(), Arc::new(CpuClass::new(0)));
        CpuSlice::start(&ticks, &cpu_class);
        burn_cpu(20 * TICK);
        let worked = CpuSlice::start(&ticks, &cpu_class).end();
        assert!(worked < 20, "{worked}");
    }

    #[test]
    fn a_worker_that_the_system_stopped_was_not_held() {
        let (ticks, cpu_class) = (Arc::<AtomicU64>::default(), Arc::new(CpuClass::new(0)));
        let slice = CpuSlice::start(&ticks, &cpu_class);
        thread::park_timeout(20 * TICK);
        slice.end();
        assert!(!cpu_class.is_isolated(0), "{cpu_class:?}");
        burn_cpu(20 * TICK);
        slice.end();
        assert!(cpu_class.is_isolated(0), "{cpu_class:?}");
    }

    #[tokio::test]
    async fn whoever_took_long_lets_others_go_first_as_often() {
        let (slice, ticks) = slice();
        ticks.fetch_add(4, Relaxed);
        let turns = Arc::<AtomicU64>::default();
        let others = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                loop {
                    turns.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        };
        slice.yield_to_others().await;
        assert_eq!(turns.load(Relaxed), 3);
        others.abort();
    }
}
