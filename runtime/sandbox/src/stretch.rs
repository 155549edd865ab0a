//! How long a worker has been busy for one call without a break.
//!
//! A tick interrupts a component, but not the host while it works for one: filling its memory, copying a line that it
//! logs, reading what it returned. So a stretch can be longer than a tick. It is measured twice: in processor time, which
//! is what the call's budget is charged, because a worker that the system stops is not the component's doing; and in
//! ticks, for as many of which the call lets everybody else go first. Long ones count against the connector ([`Conduct`]).

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

use crate::{conduct::Conduct, limits::TICK};

/// The stretch that a call is in.
#[derive(Debug, Clone)]
pub(crate) struct Stretch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ticks: Arc<AtomicU64>,
    conduct: Arc<Conduct>,
    /// The tick that it began at.
    began: AtomicU64,
    worker: Mutex<Worker>,
}

/// The worker that a stretch is on.
#[derive(Debug, Clone, Copy)]
struct Worker {
    thread: ThreadId,
    /// How much it had worked when the stretch began.
    before: Duration,
}

impl Stretch {
    /// The first stretch of a call.
    pub(crate) fn begin(ticks: &Arc<AtomicU64>, conduct: &Arc<Conduct>) -> Self {
        let worker = Worker {
            thread: thread::current().id(),
            before: worked_before(),
        };
        Self(Arc::new(Inner {
            ticks: Arc::clone(ticks),
            conduct: Arc::clone(conduct),
            began: ticks.load(Relaxed).into(),
            worker: Mutex::new(worker),
        }))
    }

    /// A new stretch begins here and now.
    pub(crate) fn resume(&self) {
        self.0.began.store(self.0.ticks.load(Relaxed), Relaxed);
        *self.0.worker.lock() = Worker {
            thread: thread::current().id(),
            before: worked(),
        };
    }

    /// Slices of a tick that it took of the processor, at least one.
    pub(crate) fn slices(&self) -> u64 {
        let Worker { thread, before } = *self.0.worker.lock();
        let took = match thread == thread::current().id() {
            true => worked().saturating_sub(before),
            false => TICK,
        };
        let slices = took.as_nanos() / TICK.as_nanos();
        u64::try_from(slices).unwrap_or(u64::MAX).max(1)
    }

    /// It ends here: how long it held its worker goes to the connector's account.
    pub(crate) fn end(&self) {
        if self.passed() > 0 {
            self.0.conduct.held(self.slices(), self.0.ticks.load(Relaxed));
        }
    }

    /// Lets everybody else go first, once for each whole tick that it took.
    pub(crate) async fn give_way(&self) {
        for _ in 0..self.passed() {
            tokio::task::yield_now().await;
        }
    }

    /// Whole ticks since it began.
    fn passed(&self) -> u64 {
        let passed = self.0.ticks.load(Relaxed).saturating_sub(self.0.began.load(Relaxed));
        // The first of them may have been over as soon as it began.
        passed.saturating_sub(1)
    }
}

/// Processor time of this thread so far.
fn worked() -> Duration {
    // Every thread has this clock.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The same, or what it was up to half a tick before: looking costs as much as a call does. By the clock on the wall, because
/// ticks are late when the machine is busy, and a call would pay for others before it.
fn worked_before() -> Duration {
    thread_local!(static LOOKED: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) });
    let now = Instant::now();
    match LOOKED.get() {
        Some((at, worked)) if now < at + TICK / 2 => worked,
        _ => {
            let worked = worked();
            LOOKED.set(Some((now, worked)));
            worked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch() -> (Stretch, Arc<AtomicU64>) {
        let ticks = Arc::<AtomicU64>::default();
        (Stretch::begin(&ticks, &Arc::default()), ticks)
    }

    fn work(time: Duration) {
        let begun = worked();
        while worked() < begun + time {}
    }

    #[test]
    fn what_the_processor_did_is_charged_and_waiting_is_not() {
        let (stretch, _) = stretch();
        work(5 * TICK);
        assert!(stretch.slices() >= 5, "{}", stretch.slices());
        stretch.resume();
        thread::park_timeout(20 * TICK);
        assert!(stretch.slices() < 10, "{}", stretch.slices());
    }

    #[test]
    fn calls_pay_for_next_to_nothing_of_what_was_before_them() {
        let (ticks, conduct) = (Arc::<AtomicU64>::default(), Arc::default());
        Stretch::begin(&ticks, &conduct);
        work(20 * TICK);
        let slices = Stretch::begin(&ticks, &conduct).slices();
        assert!(slices < 20, "{slices}");
    }

    #[test]
    fn a_worker_that_the_system_stopped_was_not_held() {
        let (ticks, conduct) = (Arc::<AtomicU64>::default(), Arc::new(Conduct::known()));
        let stretch = Stretch::begin(&ticks, &conduct);
        thread::park_timeout(20 * TICK);
        ticks.fetch_add(20, Relaxed);
        stretch.end();
        assert!(!conduct.is_apart(20), "{conduct:?}");
        work(20 * TICK);
        stretch.end();
        assert!(conduct.is_apart(20), "{conduct:?}");
    }

    #[tokio::test]
    async fn whoever_took_long_lets_others_go_first_as_often() {
        let (stretch, ticks) = stretch();
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
        stretch.give_way().await;
        assert_eq!(turns.load(Relaxed), 3);
        others.abort();
    }
}
