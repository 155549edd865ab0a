//! Ends degradations that nothing else would end.
//!
//! A connector learns that something works again from the next event or message. But a load balancer sends no events to a
//! source that is not ready, and a topic may be idle: such a connector would stay degraded for ever.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use danube_wasm_model::door::{Egress, EgressError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::status::{Cause, Status, StatusCell};

const CHECK_EVERY: Duration = Duration::from_secs(1);
/// After so long without a failure, the broker is asked whether it is ready.
const BROKER_QUIET: Duration = Duration::from_secs(2);
/// A target that did not answer is asked again after so long.
const TARGET_QUIET: Duration = Duration::from_secs(2);
/// Longer than calls into a component ever pause: with any input it would have been called, and have failed, again.
const COMPONENT_QUIET: Duration = Duration::from_secs(60);

/// Asks the target once, then ends degradations that nothing has confirmed for a while, for as long as the connector
/// lives. With the broker of a source, or the target of a sink and its stop token.
pub(crate) async fn watch(
    status: StatusCell,
    broker: Option<Arc<dyn Broker>>,
    target: Option<(Arc<dyn Egress>, CancellationToken)>,
) {
    if let Some((target, stop)) = &target {
        check_target(&status, &**target, stop).await;
    }
    let mut changes = status.subscribe();
    let is_degraded = |status: &Status| matches!(status, Status::Degraded(_) | Status::Down(_));
    while changes.wait_for(is_degraded).await.is_ok() {
        sleep(CHECK_EVERY).await;
        if quiet(&status, Cause::Component, COMPONENT_QUIET).is_some() {
            status.recover(Cause::Component);
        }
        if let (Some(broker), Some(last)) = (&broker, quiet(&status, Cause::Broker, BROKER_QUIET)) {
            let is_ready = broker.ready().await.is_ok();
            // Unless it failed again while it was asked.
            if is_ready && status.last_seen(Cause::Broker) == Some(last) {
                status.recover(Cause::Broker);
            }
        }
        if let (Some((target, stop)), Some(_)) = (&target, quiet(&status, Cause::Unreachable, TARGET_QUIET)) {
            check_target(&status, &**target, stop).await;
        }
    }
}

/// Asks the target: a wrong host is reported before the first message is there. Its answer says nothing of writes, which it may
/// refuse all the same.
async fn check_target(status: &StatusCell, target: &dyn Egress, stop: &CancellationToken) {
    match target.ready().await {
        Ok(()) => status.recover(Cause::Unreachable),
        Err(EgressError::Transient { message, .. } | EgressError::Unfit { message, .. }) => {
            if status.last_seen(Cause::Unreachable).is_none() {
                tracing::warn!(error = %message, "the target is out of reach; messages wait in the broker");
            }
            status.degrade(Cause::Unreachable, message);
        }
        Err(EgressError::Configuration { message }) => {
            tracing::error!(reason = %message, "the connector has stopped");
            status.failed(message);
            stop.cancel();
        }
    }
}

/// When this last degraded the connector, if that is at least so long ago.
fn quiet(status: &StatusCell, cause: Cause, time: Duration) -> Option<Instant> {
    status.last_seen(cause).filter(|last| last.elapsed() >= time)
}
