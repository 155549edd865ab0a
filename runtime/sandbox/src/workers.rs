//! The threads that components run on: not those of the I/O, so that a busy component delays no socket.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::priority::stand_back;

/// Fewest threads for those that are called apart: each may be held by one call, while newcomers are called there, too.
const APART_MIN: usize = 4;

/// Two pools of named threads.
pub(crate) struct Workers {
    among: Pool,
    apart: Pool,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        Ok(Self {
            among: Pool::start("guest", threads.max(1), || {})?,
            apart: Pool::start("guest-apart", threads.max(APART_MIN), stand_back)?,
        })
    }

    /// Where connectors run among each other.
    pub(crate) fn among(&self) -> &Handle {
        &self.among.handle
    }

    /// Where those run that would hold the others up, and those that nobody knows yet: see [`crate::conduct`].
    pub(crate) fn apart(&self) -> &Handle {
        &self.apart.handle
    }
}

struct Pool {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Pool {
    fn start(name: &'static str, threads: usize, begin: fn()) -> io::Result<Self> {
        let count = AtomicUsize::new(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name_fn(move || format!("{name}-{}", count.fetch_add(1, Relaxed)))
            .on_thread_start(begin)
            // Apart: reading and writing artifacts, and checking components.
            .max_blocking_threads(4)
            .enable_all()
            .build()?;
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
