//! The threads that components run on. They do no I/O, so a busy component delays no socket. See
//! [`crate::cpu_placement`] for the processors they use.

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

use crate::{cpu_placement::CpuPlacement, priority::lower_priority};

/// Fewest threads for isolated calls: one call may hold each, while new connectors are called there too.
const ISOLATED_MIN: usize = 4;

/// Two pools of named threads.
pub(crate) struct Workers {
    shared: Pool,
    isolated: Pool,
    placement: Arc<CpuPlacement>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let placement = CpuPlacement::new(threads);
        Ok(Self {
            shared: Pool::start("guest", threads, |pool| watch_threads(pool, &placement))?,
            isolated: Pool::start("guest-isolated", threads.max(ISOLATED_MIN), |pool| {
                pool.on_thread_start(lower_priority);
            })?,
            placement,
        })
    }

    /// The pool in which connectors share threads.
    pub(crate) fn shared(&self) -> &Handle {
        &self.shared.handle
    }

    /// The processors that the shared workers call from.
    pub(crate) fn placement(&self) -> &CpuPlacement {
        &self.placement
    }

    /// Runs an isolated call: see [`crate::cpu_class`].
    pub(crate) fn spawn_isolated<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let isolated = self.placement.isolated_call();
        self.isolated.handle.spawn(async move {
            let _guard = isolated;
            future.await
        })
    }
}

/// Tells `placement` when threads of a pool start and park. Workers have the first numbers, because blocking threads
/// are started later. If a blocking thread is quicker it takes a worker's number, and that worker is not placed.
fn watch_threads(pool: &mut Builder, placement: &Arc<CpuPlacement>) {
    let number = AtomicUsize::new(0);
    let (started, resting) = (Arc::clone(placement), Arc::clone(placement));
    pool.on_thread_start(move || started.register_worker(number.fetch_add(1, Relaxed)))
        .on_thread_park(move || resting.mark_idle());
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
