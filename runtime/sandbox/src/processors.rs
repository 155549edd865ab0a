//! Workers out of each other's way while somebody is called apart.
//!
//! The system moves a thread that waits for its processor to an idle one at once, but to one that runs a thread of high
//! niceness only when it next compares them, dozens of milliseconds later. A call apart keeps a processor from being idle,
//! however nice it is. So two workers would share one of two processors for a hundred milliseconds, and the other one would
//! run nothing but the call apart. Therefore a worker that is about to call, and finds itself where another one is at work,
//! goes to a processor where none is.
//!
//! It may leave that again at once, if the system knows better; and so may the threads that it starts, which inherit where
//! it may run: all that it could use before. Processors that the process is given later are not among those. Without calls
//! apart nobody is moved: what else is in the way then, only the system knows.

use std::{
    cell::Cell,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Of a worker that has nothing to do.
const NOWHERE: usize = usize::MAX;

thread_local!(static WORKER: Cell<Option<usize>> = const { Cell::new(None) });

/// The workers of one pool.
pub(crate) struct Processors {
    /// Calls apart that are under way.
    apart: AtomicUsize,
    /// For each worker, the processor that it called from last, or [`NOWHERE`].
    seen: Vec<AtomicUsize>,
}

/// A call apart is under way while this is there.
pub(crate) struct Apart(Arc<Processors>);

impl Processors {
    /// For so many workers.
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            apart: AtomicUsize::new(0),
            seen: (0..workers).map(|_| AtomicUsize::new(NOWHERE)).collect(),
        })
    }

    /// This thread is the worker of that number, if there is one.
    pub(crate) fn enter(&self, number: usize) {
        WORKER.set((number < self.seen.len()).then_some(number));
    }

    /// This worker has nothing to do.
    pub(crate) fn rest(&self) {
        if let Some(own) = WORKER.get() {
            self.seen[own].store(NOWHERE, Relaxed);
        }
    }

    /// A call apart begins.
    pub(crate) fn apart(self: &Arc<Self>) -> Apart {
        self.apart.fetch_add(1, Relaxed);
        Apart(Arc::clone(self))
    }

    /// This worker is about to call. Others may go to the same place meanwhile, the system may have moved one since it was
    /// seen, and a call that went on after a wait is not seen: there is a next call.
    pub(crate) fn spread(&self) {
        let Some(own) = WORKER.get() else { return };
        let here = sched_getcpu();
        self.seen[own].store(here, Relaxed);
        if self.apart.load(Relaxed) == 0 {
            return;
        }
        let is_taken = |cpu: usize| {
            let mut seen = self.seen.iter().enumerate();
            seen.any(|(worker, seen)| worker != own && seen.load(Relaxed) == cpu)
        };
        // If the system does not allow it, the worker stays where it is.
        if is_taken(here)
            && let Ok(Some(free)) = go(|cpu| !is_taken(cpu))
        {
            self.seen[own].store(free, Relaxed);
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.0.apart.fetch_sub(1, Relaxed);
    }
}

/// Moves this thread to the first such processor that it may use, and lets the system move it on; where it went.
fn go(is_fine: impl Fn(usize) -> bool) -> io::Result<Option<usize>> {
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

    /// Calls from a new thread that is worker 1, on the processor on which worker 0 is. Both processors, and whether it may
    /// run as before.
    fn called_beside(processors: &Processors) -> (usize, usize, bool) {
        let beside = || {
            processors.enter(1);
            let all = sched_getaffinity(None).expect("processors");
            let here = go(|_| true).expect("allowed").expect("a processor");
            processors.seen[0].store(here, Relaxed);
            processors.spread();
            let unchanged = sched_getaffinity(None).expect("processors") == all;
            (here, processors.seen[1].load(Relaxed), unchanged)
        };
        thread::scope(|scope| scope.spawn(beside).join().expect("no panic"))
    }

    #[test]
    fn a_worker_leaves_where_another_one_is_while_somebody_is_called_apart() {
        let available = sched_getaffinity(None).expect("processors").count();
        let processors = Processors::new(2);
        let (theirs, own, _) = called_beside(&processors);
        assert_eq!(own, theirs, "nobody is called apart");
        let apart = processors.apart();
        let (theirs, own, unchanged) = called_beside(&processors);
        assert!(own != NOWHERE && unchanged);
        assert_eq!(own != theirs, available > 1);
        drop(apart);
        assert_eq!(processors.apart.load(Relaxed), 0);
    }

    #[test]
    fn workers_that_rest_are_in_nobodys_way() {
        let processors = Processors::new(2);
        let _apart = processors.apart();
        let resting = || {
            processors.enter(0);
            processors.spread();
            let seen = processors.seen[0].load(Relaxed);
            processors.rest();
            seen
        };
        let seen = thread::scope(|scope| scope.spawn(resting).join().expect("no panic"));
        assert_ne!(seen, NOWHERE);
        assert_eq!(processors.seen[0].load(Relaxed), NOWHERE);
    }

    #[test]
    fn threads_that_block_are_no_workers() {
        let processors = Processors::new(1);
        let _apart = processors.apart();
        let blocking = || {
            processors.enter(1);
            processors.spread();
            processors.rest();
        };
        processors.seen[0].store(7, Relaxed);
        thread::scope(|scope| scope.spawn(blocking).join().expect("no panic"));
        assert_eq!(processors.seen[0].load(Relaxed), 7);
    }
}
