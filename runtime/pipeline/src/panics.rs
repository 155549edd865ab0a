//! Panics of the host's own tasks: a connector whose task has panicked says so and ends, so that it is started again.

use std::{any::Any, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::status::StatusCell;

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it says nothing".to_owned())
}

/// What a connector's tasks have in common.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) status: StatusCell,
    /// Asks the other tasks to finish what they have. `None` for a source whose senders wait: its tasks end when it is drained.
    pub(crate) stop: Option<CancellationToken>,
}

impl Guard {
    /// Runs one of the connector's tasks. A panic is the end of the connector, and said in its status.
    pub(crate) async fn run(self, what: &'static str, task: impl Future<Output = ()>) {
        if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
            self.crashed(format!("{what} panicked: {}", message(&*panic)));
        }
    }

    /// A fresh start is needed.
    pub(crate) fn crashed(&self, why: String) {
        self.status.crashed(why);
        if let Some(stop) = &self.stop {
            stop.cancel();
        }
    }
}
