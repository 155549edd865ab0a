//! What is well again though nothing came to find out.
//!
//! A connector learns that something works from the next event or message. But a source that is not ready is sent no
//! events by a load balancer, and a topic may be idle: what held such a connector up would count for ever.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use tokio::time::{Instant, sleep};

use crate::status::{Cause, Status, StatusCell};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so long without a failure, the broker's word is taken.
const BROKER_QUIET: Duration = Duration::from_secs(2);
/// Longer than calls into a component ever pause: whoever still sends has had it tried again, and fail again, meanwhile.
const COMPONENT_QUIET: Duration = Duration::from_secs(60);

/// Ends what nothing has confirmed for a while, for as long as the connector lives. With the broker of a source.
pub(crate) async fn tend(status: StatusCell, broker: Option<Arc<dyn Broker>>) {
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
    }
}

/// When this was last in the way, if that is so long ago.
fn quiet(status: &StatusCell, cause: Cause, time: Duration) -> Option<Instant> {
    status.last(cause).filter(|last| last.elapsed() >= time)
}
