//! The threads that components run on: not those of the I/O, so that a busy component delays no socket. Which
//! processors they run on: see [`crate::processors`].

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::{priority::stand_back, processors::Processors};

/// Fewest threads for those that are called apart: each may be held by one call, while newcomers are called there, too.
const APART_MIN: usize = 4;

/// Two pools of named threads.
pub(crate) struct Workers {
    among: Pool,
    apart: Pool,
    processors: Arc<Processors>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let processors = Processors::new(threads);
        Ok(Self {
            among: Pool::start("guest", threads, |pool| spread(pool, &processors))?,
            apart: Pool::start("guest-apart", threads.max(APART_MIN), |pool| {
                pool.on_thread_start(stand_back);
            })?,
            processors,
        })
    }

    /// Where connectors run among each other.
    pub(crate) fn among(&self) -> &Handle {
        &self.among.handle
    }

    /// The processors that the workers among those call from.
    pub(crate) fn processors(&self) -> &Processors {
        &self.processors
    }

    /// Runs what would hold the others up, and what nobody knows yet: see [`crate::conduct`].
    pub(crate) fn spawn_apart<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let apart = self.processors.apart();
        self.apart.handle.spawn(async move {
            let _apart = apart;
            future.await
        })
    }
}

/// Tells these processors what the threads of a pool do. Workers have the first numbers, because threads that block are
/// started later; one that is quicker than a worker takes its number, and that worker is not spread.
fn spread(pool: &mut Builder, processors: &Arc<Processors>) {
    let number = AtomicUsize::new(0);
    let (started, resting) = (Arc::clone(processors), Arc::clone(processors));
    pool.on_thread_start(move || started.enter(number.fetch_add(1, Relaxed)))
        .on_thread_park(move || resting.rest());
}

struct Pool {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Pool {
    fn start(name: &'static str, threads: usize, prepare: impl FnOnce(&mut Builder)) -> io::Result<Self> {
        let count = AtomicUsize::new(0);
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(threads)
            .thread_name_fn(move || format!("{name}-{}", count.fetch_add(1, Relaxed)))
            // Apart: reading and writing artifacts, and checking components.
            .max_blocking_threads(4)
            .enable_all();
        prepare(&mut builder);
        let runtime = builder.build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // May happen on any thread, one of these included; so it must not wait for them.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
