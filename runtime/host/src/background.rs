//! Tasks of the host's own: a panic of one is seen, and it begins again.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use danube_wasm_pipeline::BackoffPolicy;
use danube_wasm_sandbox::Sandbox;
use danube_wasm_telemetry::Health;
use futures_util::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

/// Panics in a row after which a task counts as dead: by then it has been tried for minutes.
const PANICS_DEAD: u32 = 10;
/// After so long without a panic, the next one counts as the first.
const PANICS_FORGOTTEN: Duration = Duration::from_secs(60);
/// How often it is looked whether components' threads do anything.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Longest time for components' threads to come to a task. Calls end far sooner, or go to threads of their own.
const WORKERS_SILENT_MAX: Duration = Duration::from_secs(60);

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

    /// Runs a task, again when it panics. One that only panics makes the process a dead one.
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
                if begun.elapsed() >= PANICS_FORGOTTEN {
                    backoff = BackoffPolicy::default().start();
                    health.set_alive(name);
                }
                let wait = backoff.next(None);
                if backoff.tries() >= PANICS_DEAD {
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

/// Whether the threads that connectors run on do anything at all.
pub(crate) async fn watch_workers(sandbox: Arc<Sandbox>, health: Health) {
    let mut ticks = interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        match timeout(WORKERS_SILENT_MAX, sandbox.spawn(async {})).await {
            Ok(Ok(())) => health.set_alive("workers"),
            Ok(Err(error)) => health.set_dead("workers", error.to_string()),
            Err(_) => health.set_dead("workers", "the threads of components have done nothing for a minute"),
        }
    }
}
