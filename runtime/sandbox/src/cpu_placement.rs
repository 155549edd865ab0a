//! Keeps workers on different processors while an isolated call is running.
//!
//! The operating system moves a thread that waits for its processor to an idle processor at once, but to one that runs
//! a thread of high niceness only when it next balances load, dozens of milliseconds later. An isolated call keeps a
//! processor from being idle, however high its niceness. So two workers could share one of two processors for a hundred
//! milliseconds while the other runs only the isolated call. Therefore a worker that is about to call, and finds
//! another worker on its processor, moves to a processor without one.
//!
//! The thread may be moved on at once: its affinity is set to one processor and then back to all that it had before.
//! Threads that it starts inherit that. Processors that the process is given later are not among those. Nothing is
//! moved while no isolated call is running.

use std::{
    cell::Cell,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Marks a worker that has nothing to do.
const IDLE: usize = usize::MAX;

thread_local!(static WORKER: Cell<Option<usize>> = const { Cell::new(None) });

/// Which processors the workers of one pool call from.
pub(crate) struct CpuPlacement {
    /// Isolated calls that are running.
    isolated_calls: AtomicUsize,
    /// For each worker, the processor that it called from last, or [`IDLE`].
    seen: Vec<AtomicUsize>,
}

/// Counts an isolated call until it is dropped.
pub(crate) struct IsolatedCall(Arc<CpuPlacement>);

impl CpuPlacement {
    /// For a pool of this many workers.
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            isolated_calls: AtomicUsize::new(0),
            seen: (0..workers).map(|_| AtomicUsize::new(IDLE)).collect(),
        })
    }

    /// Registers this thread as worker `number`; numbers past the pool's size are ignored.
    pub(crate) fn register_worker(&self, number: usize) {
        WORKER.set((number < self.seen.len()).then_some(number));
    }

    /// Marks this worker as idle.
    pub(crate) fn mark_idle(&self) {
        if let Some(own) = WORKER.get() {
            self.seen[own].store(IDLE, Relaxed);
        }
    }

    /// Counts an isolated call until the guard is dropped.
    pub(crate) fn isolated_call(self: &Arc<Self>) -> IsolatedCall {
        self.isolated_calls.fetch_add(1, Relaxed);
        IsolatedCall(Arc::clone(self))
    }

    /// Called by a worker before a call. It is a best effort: other workers may move to the same processor meanwhile,
    /// the operating system may have moved one since, and a call that continues after a wait is not counted.
    pub(crate) fn avoid_busy_cpu(&self) {
        let Some(own) = WORKER.get() else { return };
        let here = sched_getcpu();
        self.seen[own].store(here, Relaxed);
        if self.isolated_calls.load(Relaxed) == 0 {
            return;
        }
        let is_taken = |cpu: usize| {
            let mut seen = self.seen.iter().enumerate();
            seen.any(|(worker, seen)| worker != own && seen.load(Relaxed) == cpu)
        };
        // If the system does not allow it, the worker stays where it is.
        if is_taken(here)
            && let Ok(Some(free)) = move_to_first(|cpu| !is_taken(cpu))
        {
            self.seen[own].store(free, Relaxed);
        }
    }
}

impl Drop for IsolatedCall {
    fn drop(&mut self) {
        self.0.isolated_calls.fetch_sub(1, Relaxed);
    }
}

/// Moves this thread to the first allowed processor that passes `is_fine`, then restores its affinity. Returns the
/// processor.
fn move_to_first(is_fine: impl Fn(usize) -> bool) -> io::Result<Option<usize>> {
    let all = sched_getaffinity(None)?;
    let free = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu) && is_fine(*cpu));
    if let Some(free) = free {
        let mut one = CpuSet::new();
        one.set(free);
        sched_setaffinity(None, &one)?;
        sched_setaffinity(None, &all)?;
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Calls from a new thread that is worker 1, on the processor of worker 0. Returns both processors, and whether the
    /// thread's affinity is unchanged.
    fn called_beside(placement: &CpuPlacement) -> (usize, usize, bool) {
        let beside = || {
            placement.register_worker(1);
            let all = sched_getaffinity(None).expect("processors");
            let here = move_to_first(|_| true).expect("allowed").expect("a processor");
            placement.seen[0].store(here, Relaxed);
            placement.avoid_busy_cpu();
            let unchanged = sched_getaffinity(None).expect("processors") == all;
            (here, placement.seen[1].load(Relaxed), unchanged)
        };
        thread::scope(|scope| scope.spawn(beside).join().expect("no panic"))
    }

    #[test]
    fn a_worker_leaves_where_another_one_is_while_somebody_is_called_apart() {
        let available = sched_getaffinity(None).expect("processors").count();
        let placement = CpuPlacement::new(2);
        let (theirs, own, _) = called_beside(&placement);
        assert_eq!(own, theirs, "no call is isolated");
        let isolated = placement.isolated_call();
        let (theirs, own, unchanged) = called_beside(&placement);
        assert!(own != IDLE && unchanged);
        assert_eq!(own != theirs, available > 1);
        drop(isolated);
        assert_eq!(placement.isolated_calls.load(Relaxed), 0);
    }

    #[test]
    fn workers_that_rest_are_in_nobodys_way() {
        let placement = CpuPlacement::new(2);
        let _guard = placement.isolated_call();
        let resting = || {
            placement.register_worker(0);
            placement.avoid_busy_cpu();
            let seen = placement.seen[0].load(Relaxed);
            placement.mark_idle();
            seen
        };
        let seen = thread::scope(|scope| scope.spawn(resting).join().expect("no panic"));
        assert_ne!(seen, IDLE);
        assert_eq!(placement.seen[0].load(Relaxed), IDLE);
    }

    #[test]
    fn threads_that_block_are_no_workers() {
        let placement = CpuPlacement::new(1);
        let _guard = placement.isolated_call();
        let blocking = || {
            placement.register_worker(1);
            placement.avoid_busy_cpu();
            placement.mark_idle();
        };
        placement.seen[0].store(7, Relaxed);
        thread::scope(|scope| scope.spawn(blocking).join().expect("no panic"));
        assert_eq!(placement.seen[0].load(Relaxed), 7);
    }
}
