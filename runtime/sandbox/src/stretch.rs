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
    /// When the stretch began, or up to half a tick before.
    at: Instant,
    /// How much the worker had worked then.
    before: Duration,
}

impl Stretch {
    /// The first stretch of a call.
    pub(crate) fn begin(ticks: &Arc<AtomicU64>, conduct: &Arc<Conduct>) -> Self {
        Self(Arc::new(Inner {
            ticks: Arc::clone(ticks),
            conduct: Arc::clone(conduct),
            began: ticks.load(Relaxed).into(),
            worker: Mutex::new(Worker::looked_at_lately()),
        }))
    }

    /// A new stretch begins here and now.
    pub(crate) fn resume(&self) {
        self.0.began.store(self.0.ticks.load(Relaxed), Relaxed);
        *self.0.worker.lock() = Worker::now();
    }

    /// It ends here, which goes to the connector's account: for how many whole ticks it had the processor.
    pub(crate) fn end(&self) -> u64 {
        let worker = *self.0.worker.lock();
        // Most stretches are short; and one that moved to another thread has waited.
        if worker.at.elapsed() < TICK || worker.thread != thread::current().id() {
            return 0;
        }
        let took = worked().saturating_sub(worker.before);
        let ticks = u64::try_from(took.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
        self.0.conduct.held(ticks, self.0.ticks.load(Relaxed));
        ticks
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

impl Worker {
    /// This thread, now.
    fn now() -> Self {
        Self {
            thread: thread::current().id(),
            at: Instant::now(),
            before: worked(),
        }
    }

    /// This thread, as it was up to half a tick ago: looking costs as much as a call does. By the clock on the wall, because
    /// ticks are late when the machine is busy, and a call would pay for those before it.
    fn looked_at_lately() -> Self {
        thread_local!(static LOOKED: Cell<Option<Worker>> = const { Cell::new(None) });
        match LOOKED.get() {
            Some(worker) if worker.at.elapsed() < TICK / 2 => worker,
            _ => {
                let now = Self::now();
                LOOKED.set(Some(now));
                now
            }
        }
    }
}

/// Keeps the processor busy for so long.
#[cfg(test)]
pub(crate) fn work(time: Duration) {
    let begun = worked();
    while worked() < begun + time {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch() -> (Stretch, Arc<AtomicU64>) {
        let ticks = Arc::<AtomicU64>::default();
        (Stretch::begin(&ticks, &Arc::new(Conduct::new(0))), ticks)
    }

    #[test]
    fn what_the_processor_did_is_charged_and_waiting_is_not() {
        let (stretch, _) = stretch();
        work(5 * TICK);
        let worked = stretch.end();
        assert!(worked >= 5, "{worked}");
        stretch.resume();
        thread::park_timeout(20 * TICK);
        let worked = stretch.end();
        assert!(worked < 10, "{worked}");
    }

    #[test]
    fn calls_pay_for_next_to_nothing_of_what_was_before_them() {
        let (ticks, conduct) = (Arc::<AtomicU64>::default(), Arc::new(Conduct::new(0)));
        Stretch::begin(&ticks, &conduct);
        work(20 * TICK);
        let worked = Stretch::begin(&ticks, &conduct).end();
        assert!(worked < 20, "{worked}");
    }

    #[test]
    fn a_worker_that_the_system_stopped_was_not_held() {
        let (ticks, conduct) = (Arc::<AtomicU64>::default(), Arc::new(Conduct::new(0)));
        let stretch = Stretch::begin(&ticks, &conduct);
        thread::park_timeout(20 * TICK);
        stretch.end();
        assert!(!conduct.is_apart(0), "{conduct:?}");
        work(20 * TICK);
        stretch.end();
        assert!(conduct.is_apart(0), "{conduct:?}");
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
