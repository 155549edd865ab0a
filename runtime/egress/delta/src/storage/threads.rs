//! The threads on which stores are asked.

use std::io;

use tokio::runtime::{Handle, Runtime};

/// The threads on which a sink asks its stores: of its own, because those who wait for them block.
#[derive(Debug)]
pub(crate) struct StoreThreads(Option<Runtime>, Handle);

impl StoreThreads {
    /// Starts them.
    pub(crate) fn start() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(2)
            .thread_name("delta-store")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    /// What to wait with.
    pub(crate) fn handle(&self) -> &Handle {
        &self.1
    }
}

/// Wherever that is: also where blocking is not allowed.
impl Drop for StoreThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
