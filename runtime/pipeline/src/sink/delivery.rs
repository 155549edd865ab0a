//! What the broker owes a subscription: counted, and shown as the sink's status.

use std::sync::Arc;

use danube_wasm_broker::Delivery;
use danube_wasm_model::TopicName;
use tokio::sync::watch;

use super::Shared;
use crate::status::Cause;

/// Runs as long as the consumer lives.
pub(super) async fn follow(shared: Arc<Shared>, mut deliveries: watch::Receiver<Delivery>, topic: TopicName) {
    let mut counted = 0;
    loop {
        let delivery = deliveries.borrow_and_update().clone();
        let more = delivery.gap_messages.saturating_sub(counted);
        if more > 0 {
            shared.instruments.gap(topic.as_str(), more);
            counted = delivery.gap_messages;
        }
        show(&shared, Cause::Gap(shared.subscription), delivery.gap);
        show(&shared, Cause::Standstill(shared.subscription), delivery.standstill);
        if deliveries.changed().await.is_err() {
            return;
        }
    }
}

fn show(shared: &Shared, cause: Cause, why: Option<String>) {
    match why {
        Some(why) => shared.status.degrade(cause, why),
        None => shared.status.recover(cause),
    }
}
