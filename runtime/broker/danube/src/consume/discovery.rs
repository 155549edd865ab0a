//! Finds partitions that were added to a topic after it was subscribed to.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use super::{attach, shared::Core};

/// Runs until the consumer is dropped.
pub(super) async fn watch(core: Arc<Core>) {
    let stopped = core.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = run(core) => {}
    }
}

async fn run(core: Arc<Core>) {
    let mut ticks = interval(core.shared.options.discovery_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    loop {
        ticks.tick().await;
        // A cluster out of reach is noticed by the sessions.
        let Ok(layout) = core.shared.layout(&core.options.topic).await else {
            continue;
        };
        for name in layout.names(&core.options.topic) {
            let known = core.partitions.read().contains_key(&core.shared.number(&name));
            if known {
                continue;
            }
            tracing::info!(topic = %name, "a partition was added");
            if let Err(error) = attach::add_partition(core.clone(), name).await {
                tracing::warn!(%error, "cannot consume the added partition; trying again later");
            }
        }
    }
}
