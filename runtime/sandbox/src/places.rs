//! Which processor each worker runs on while somebody is called apart.
//!
//! A thread that waits for its processor is moved to an idle one at once, but to one that is busy with something of little
//! weight only when the system next compares them, dozens of milliseconds later. A call apart keeps a processor from being
//! idle, however far it stands back. So two workers would share one of two processors for a hundred milliseconds, and the
//! other one would do nothing but what stands back. Therefore each worker stays on a processor of its own while there are
//! calls apart. At other times the system places them, because it knows what other programs do: a worker that may not leave a
//! processor that one of them uses waits for it.

use std::{mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rustix::{
    process::{Pid, getpid},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use tokio::runtime::Handle;

/// How long after the last call apart the workers stay where they are: settling them for each would cost more than the call.
const LINGER: Duration = Duration::from_secs(1);

/// The workers of one pool.
pub(crate) struct Places {
    workers: Vec<Pid>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Calls apart that are under way.
    calls: usize,
    /// Whether there was one since this was last asked.
    lately: bool,
    settled: bool,
}

/// The workers stay on their processors while this is there.
pub(crate) struct Settled(Arc<Places>);

impl Places {
    /// Of these threads.
    pub(crate) fn new(workers: Vec<Pid>) -> Arc<Self> {
        Arc::new(Self {
            workers,
            state: Mutex::default(),
        })
    }

    /// A call apart begins. Some time after the last one, the workers are released by a task on that runtime.
    pub(crate) fn settle(self: &Arc<Self>, on: &Handle) -> Settled {
        let mut state = self.state.lock();
        state.calls += 1;
        if !mem::replace(&mut state.settled, true) {
            self.to_one_each();
            let this = Arc::clone(self);
            on.spawn(async move {
                while !this.try_release() {
                    tokio::time::sleep(LINGER).await;
                }
            });
        }
        Settled(Arc::clone(self))
    }

    /// Releases the workers if there was no call apart since this was last asked.
    fn try_release(&self) -> bool {
        let mut state = self.state.lock();
        if state.calls > 0 || mem::take(&mut state.lately) {
            return false;
        }
        state.settled = false;
        if let Some((all, _)) = allowed() {
            self.workers.iter().for_each(|worker| place(*worker, &all));
        }
        true
    }

    /// Where there are as many processors as workers. Where there are more, some are idle; where there are fewer, workers
    /// have to share.
    fn to_one_each(&self) {
        let Some((_, each)) = allowed() else { return };
        if each.len() == self.workers.len() {
            let placed = self.workers.iter().zip(&each);
            placed.for_each(|(worker, one)| place(*worker, one));
        }
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.calls -= 1;
        state.lately = true;
    }
}

/// The processors that the process may use as it was started, which are its main thread's; and each of them.
fn allowed() -> Option<(CpuSet, Vec<CpuSet>)> {
    let all = sched_getaffinity(Some(getpid())).ok()?;
    let each = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).map(|cpu| {
        let mut one = CpuSet::new();
        one.set(cpu);
        one
    });
    Some((all, each.collect()))
}

/// If the system does not allow it, the thread stays where the system likes.
fn place(thread: Pid, on: &CpuSet) {
    let _ = sched_setaffinity(Some(thread), on);
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use rustix::thread::gettid;

    use super::*;

    /// Checks the places of so many threads, which do nothing.
    fn with_threads(threads: usize, check: impl FnOnce(&Arc<Places>)) {
        let (started, starting) = mpsc::channel();
        thread::scope(|scope| {
            let idle = || {
                let (end, ended) = mpsc::channel::<()>();
                let started = started.clone();
                scope.spawn(move || {
                    started.send(gettid()).expect("the test");
                    let _ = ended.recv();
                });
                end
            };
            // They end when these are dropped, also by a check that fails.
            let _ends: Vec<_> = (0..threads).map(|_| idle()).collect();
            check(&Places::new(starting.iter().take(threads).collect()));
        });
    }

    fn places(of: &Places) -> Vec<CpuSet> {
        let place = |worker: &Pid| sched_getaffinity(Some(*worker)).expect("a live thread");
        of.workers.iter().map(place).collect()
    }

    #[tokio::test]
    async fn workers_have_a_processor_each_until_some_time_after_the_last_call_apart() {
        let (all, each) = allowed().expect("processors");
        let on = Handle::current();
        with_threads(each.len(), |workers| {
            let first = workers.settle(&on);
            let second = workers.settle(&on);
            assert_eq!(places(workers), each);
            drop(first);
            assert!(!workers.try_release(), "another call is under way");
            drop(second);
            assert!(!workers.try_release(), "one was a moment ago");
            assert_eq!(places(workers), each);
            assert!(workers.try_release());
            assert!(places(workers).iter().all(|place| *place == all));
        });
    }

    #[tokio::test(start_paused = true)]
    async fn workers_are_released_without_being_asked() {
        let workers = Places::new(Vec::new());
        drop(workers.settle(&Handle::current()));
        assert!(workers.state.lock().settled);
        tokio::time::sleep(3 * LINGER).await;
        assert!(!workers.state.lock().settled);
    }

    #[tokio::test]
    async fn workers_that_have_to_share_go_where_the_system_likes() {
        let (all, each) = allowed().expect("processors");
        let on = Handle::current();
        with_threads(each.len() + 1, |workers| {
            let _settled = workers.settle(&on);
            assert!(places(workers).iter().all(|place| *place == all));
        });
    }
}
