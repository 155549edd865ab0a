//! What is well again though nothing came to find out.
//!
//! A connector learns that something works from the next event or message. But a source that is not ready is sent no
//! events by a load balancer, and a topic may be idle: what held such a connector up would count for ever.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use danube_wasm_model::door::{Egress, EgressError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::status::{Cause, Status, StatusCell};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so long without a failure, the broker's word is taken.
const BROKER_QUIET: Duration = Duration::from_secs(2);
/// A target that did not answer is asked again after so long.
const TARGET_QUIET: Duration = Duration::from_secs(2);
/// Longer than calls into a component ever pause: whoever still sends has had it tried again, and fail again, meanwhile.
const COMPONENT_QUIET: Duration = Duration::from_secs(60);

/// Looks once whether the target is there, then ends what nothing has confirmed for a while, for as long as the connector
/// lives. With the broker of a source, or the target of a sink and what stops it.
pub(crate) async fn tend(
    status: StatusCell,
    broker: Option<Arc<dyn Broker>>,
    target: Option<(Arc<dyn Egress>, CancellationToken)>,
) {
    if let Some((target, halt)) = &target {
        look(&status, &**target, halt).await;
    }
    let mut news = status.subscribe();
    let held_up = |status: &Status| matches!(status, Status::Degraded(_) | Status::Down(_));
    while news.wait_for(held_up).await.is_ok() {
        sleep(LOOK_EVERY).await;
        if quiet(&status, Cause::Component, COMPONENT_QUIET).is_some() {
            status.well(Cause::Component);
        }
        if let (Some(broker), Some(last)) = (&broker, quiet(&status, Cause::Broker, BROKER_QUIET)) {
            let is_ready = broker.ready().await.is_ok();
            // Unless it failed again while it was asked.
            if is_ready && status.last(Cause::Broker) == Some(last) {
                status.well(Cause::Broker);
            }
        }
        if let (Some((target, halt)), Some(_)) = (&target, quiet(&status, Cause::Unreachable, TARGET_QUIET)) {
            look(&status, &**target, halt).await;
        }
    }
}

/// Asks the target: a wrong host is said before the first message is there. Its answer says nothing of writes, which it may
/// refuse all the same.
async fn look(status: &StatusCell, target: &dyn Egress, halt: &CancellationToken) {
    match target.ready().await {
        Ok(()) => status.well(Cause::Unreachable),
        Err(EgressError::Transient { message, .. }) => {
            if status.last(Cause::Unreachable).is_none() {
                tracing::warn!(error = %message, "the target is out of reach; messages wait in the broker");
            }
            status.held_up(Cause::Unreachable, message);
        }
        Err(EgressError::Configuration { message }) => {
            tracing::error!(reason = %message, "the connector has stopped");
            status.failed(message);
            halt.cancel();
        }
    }
}

/// When this was last in the way, if that is so long ago.
fn quiet(status: &StatusCell, cause: Cause, time: Duration) -> Option<Instant> {
    status.last(cause).filter(|last| last.elapsed() >= time)
}
