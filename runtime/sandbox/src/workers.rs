//! The threads that components run on: not those of the I/O, so that a busy component delays no socket. Where they run
//! themselves, see [`crate::places`].

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
};

use rustix::{process::Pid, thread::gettid};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::{places::Places, priority::stand_back};

/// Fewest threads for those that are called apart: each may be held by one call, while newcomers are called there, too.
const APART_MIN: usize = 4;

/// Two pools of named threads.
pub(crate) struct Workers {
    among: Pool,
    apart: Pool,
    places: Arc<Places>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let (among, workers) = Pool::start("guest", threads.max(1), || {})?;
        let (apart, _) = Pool::start("guest-apart", threads.max(APART_MIN), stand_back)?;
        Ok(Self {
            among,
            apart,
            places: Places::new(workers),
        })
    }

    /// Where connectors run among each other.
    pub(crate) fn among(&self) -> &Handle {
        &self.among.handle
    }

    /// Runs what would hold the others up, and what nobody knows yet: see [`crate::conduct`].
    pub(crate) fn spawn_apart<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let settled = self.places.settle(&self.apart.handle);
        self.apart.handle.spawn(async move {
            let _settled = settled;
            future.await
        })
    }
}

struct Pool {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Pool {
    /// Also its workers, each of which is there when this returns.
    fn start(name: &'static str, threads: usize, begin: fn()) -> io::Result<(Self, Vec<Pid>)> {
        let count = AtomicUsize::new(0);
        let (started, starting) = mpsc::channel();
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name_fn(move || format!("{name}-{}", count.fetch_add(1, Relaxed)))
            .on_thread_start(move || {
                begin();
                // Threads that block come later, when nobody listens any more.
                let _ = started.send(gettid());
            })
            // Apart: reading and writing artifacts, and checking components.
            .max_blocking_threads(4)
            .enable_all()
            .build()?;
        let pool = Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        };
        Ok((pool, starting.iter().take(threads).collect()))
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
