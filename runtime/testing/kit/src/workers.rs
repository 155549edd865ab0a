//! Threads of a load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Threads that work until they are stopped, each with a result.
pub struct Workers<T> {
    stop: Stop,
    threads: Vec<JoinHandle<T>>,
}

/// Whether a worker is to end.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether it is.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<T: Send + 'static> Workers<T> {
    /// One for each of these jobs, which ends soon after it is to stop.
    pub fn start<J: FnOnce(Stop) -> T + Send + 'static>(jobs: impl IntoIterator<Item = J>) -> Self {
        let stop = Stop::default();
        let threads = jobs.into_iter().map(|job| {
            let stop = stop.clone();
            thread::spawn(move || job(stop))
        });
        Self {
            threads: threads.collect(),
            stop,
        }
    }

    /// Their results, when all have ended.
    ///
    /// # Panics
    /// When one of them has.
    pub fn stop(self) -> Vec<T> {
        self.stop.0.store(true, Ordering::Release);
        let results = self.threads.into_iter();
        results.map(|thread| thread.join().expect("a worker")).collect()
    }
}
