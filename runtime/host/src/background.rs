//! The host's own background tasks: a task that panics is restarted.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use danube_wasm_pipeline::BackoffPolicy;
use danube_wasm_sandbox::Sandbox;
use danube_wasm_telemetry::Health;
use futures_util::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

/// Panics in a row after which a task counts as dead: by then it has been restarted for minutes.
const PANICS_MAX: u32 = 10;
/// After this time without a panic, the next one counts as the first.
const PANIC_WINDOW: Duration = Duration::from_secs(60);
/// How often to check whether the components' threads make progress.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Longest time until the components' threads run a new task. Calls end far sooner, or move to threads of their own.
const WORKERS_TIMEOUT: Duration = Duration::from_secs(60);

/// Tasks that run until this is dropped.
pub(crate) struct Background {
    tasks: JoinSet<()>,
    health: Health,
}

impl Background {
    pub(crate) fn new(health: Health) -> Self {
        Self {
            tasks: JoinSet::new(),
            health,
        }
    }

    /// Runs a task, and restarts it when it panics. The process counts as dead when a task panics too often.
    pub(crate) fn spawn<F>(&mut self, name: &'static str, task: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let health = self.health.clone();
        self.tasks.spawn(async move {
            let mut backoff = BackoffPolicy::default().start();
            loop {
                let begun = Instant::now();
                if AssertUnwindSafe(task()).catch_unwind().await.is_ok() {
                    return;
                }
                if begun.elapsed() >= PANIC_WINDOW {
                    backoff = BackoffPolicy::default().start();
                    health.set_alive(name);
                }
                let wait = backoff.next(None);
                if backoff.tries() >= PANICS_MAX {
                    health.set_dead(name, "it panics again and again; the log has the panics");
                }
                tracing::error!(
                    task = name,
                    panics = backoff.tries(),
                    "a task of the process panicked; it begins again"
                );
                sleep(wait).await;
            }
        });
    }
}

/// Monitors whether the threads that connectors run on make progress.
pub(crate) async fn watch_workers(sandbox: Arc<Sandbox>, health: Health) {
    let mut ticks = interval(CHECK_INTERVAL);
    loop {
        ticks.tick().await;
        match timeout(WORKERS_TIMEOUT, sandbox.spawn(async {})).await {
            Ok(Ok(())) => health.set_alive("workers"),
            Ok(Err(error)) => health.set_dead("workers", error.to_string()),
            Err(_) => health.set_dead("workers", "the threads of components have done nothing for a minute"),
        }
    }
}
