//! The engine that reads and writes for the kernel.

use std::sync::Arc;

use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder, executor::tokio::TokioMultiThreadExecutor};

use crate::storage::TableStore;

/// It works on the threads of its sink.
pub(super) type TableEngine = DefaultEngine<TokioMultiThreadExecutor>;

pub(super) fn of(store: &TableStore) -> TableEngine {
    let executor = Arc::new(TokioMultiThreadExecutor::new(store.runtime().clone()));
    DefaultEngineBuilder::new(store.objects())
        .with_task_executor(executor)
        .build()
}
