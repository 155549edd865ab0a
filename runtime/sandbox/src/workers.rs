//! The threads that components run on: not those of the I/O, so that a busy component delays no socket.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// A pool of named threads.
pub(crate) struct Workers {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let count = AtomicUsize::new(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name_fn(move || format!("guest-{}", count.fetch_add(1, Ordering::Relaxed)))
            // Reading and writing artifacts, and checking components.
            .max_blocking_threads(4)
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // May happen on any thread, one of these included; so it must not wait for them.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
