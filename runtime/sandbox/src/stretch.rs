//! How long a worker has been busy for one call without a break.
//!
//! A tick interrupts a component, but not the host while it works for one: filling its memory, copying a line that it
//! logs, reading what it returned. So a stretch can be longer than a tick. It is measured twice: in processor time, which
//! is what the call's budget is charged, because a worker that the system stops is not the component's doing; and in
//! ticks, for as many of which the call lets everybody else go first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;

use crate::limits::TICK;

/// The stretch that a call is in.
#[derive(Debug, Clone)]
pub(crate) struct Stretch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ticks: Arc<AtomicU64>,
    /// The tick that it began at.
    began: AtomicU64,
    /// The worker that it is on, and how much that one had worked when it began. `None` for the first stretch of a
    /// call: most calls have no other, and looking costs as much as they do.
    worker: Mutex<Option<(ThreadId, Duration)>>,
}

impl Stretch {
    /// The first stretch of a call.
    pub(crate) fn begin(ticks: &Arc<AtomicU64>) -> Self {
        Self(Arc::new(Inner {
            began: ticks.load(Relaxed).into(),
            ticks: Arc::clone(ticks),
            worker: Mutex::default(),
        }))
    }

    /// A new stretch begins here and now.
    pub(crate) fn resume(&self) {
        self.0.began.store(self.0.ticks.load(Relaxed), Relaxed);
        *self.0.worker.lock() = worked().map(|worked| (thread::current().id(), worked));
    }

    /// Slices of a tick that it took of the processor, at least one.
    pub(crate) fn slices(&self) -> u64 {
        let began = *self.0.worker.lock();
        let took = match (began, worked()) {
            (Some((worker, before)), Some(now)) if worker == thread::current().id() => now.saturating_sub(before),
            _ => TICK,
        };
        u64::try_from(took.as_nanos() / TICK.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Lets everybody else go first, once for each whole tick that it took, and begins a new one.
    pub(crate) async fn give_way(&self) {
        let passed = self.0.ticks.load(Relaxed).saturating_sub(self.0.began.load(Relaxed));
        // The first of them may have been over as soon as it began.
        for _ in 1..passed {
            tokio::task::yield_now().await;
        }
    }
}

/// Processor time of this thread so far.
fn worked() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch() -> (Stretch, Arc<AtomicU64>) {
        let ticks = Arc::<AtomicU64>::default();
        (Stretch::begin(&ticks), ticks)
    }

    #[test]
    fn what_the_processor_did_is_charged_and_waiting_is_not() {
        let (stretch, _) = stretch();
        assert_eq!(stretch.slices(), 1, "the first of a call");
        stretch.resume();
        let begun = worked().expect("a clock");
        while worked().expect("a clock") < begun + 5 * TICK {}
        assert!(stretch.slices() >= 5, "{}", stretch.slices());
        stretch.resume();
        thread::park_timeout(20 * TICK);
        assert!(stretch.slices() < 10, "{}", stretch.slices());
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
