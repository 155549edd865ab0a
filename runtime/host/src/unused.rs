//! Subscriptions that no sink reads any more, because their sink was removed or got another subscription name. Such a
//! subscription retains every message of its topic.

use std::path::Path;

use danube_wasm_broker::Broker;
use danube_wasm_config::{Pipeline, ServiceUrl};
use danube_wasm_model::TopicName;

/// Whether no sink reads a subscription of the pipeline's own log. `danube-wasm dlq` reads those of dead letters. On a
/// cluster there are also subscriptions of others.
pub(crate) fn is_unused(pipeline: &Pipeline, topic: &str, subscription: &str) -> bool {
    let mut consumers = pipeline
        .sinks
        .iter()
        .flat_map(|sink| sink.mappings())
        .map(|mapping| mapping.consumer);
    let is_read = consumers.any(|consumer| consumer.topic.as_str() == topic && consumer.subscription == subscription);
    let is_for_dead_letters = topic.parse().is_ok_and(|topic: TopicName| topic.is_for_dead_letters());
    matches!(pipeline.service_url, ServiceUrl::Embedded { .. }) && !is_read && !is_for_dead_letters
}

/// Returns the warning about a subscription. `place` is the file or directory that was checked.
pub fn warning(place: &Path, topic: &str, subscription: &str, lag: u64) -> String {
    let (place, force) = (place.display(), if lag > 0 { " --force" } else { "" });
    format!(
        "no sink of {place} reads subscription `{subscription}` of {topic}: it keeps every message of the topic on disk, \
         {lag} so far. If nothing else is to read it, delete it: `danube-wasm subscriptions delete {place} {topic} \
         {subscription}{force}`"
    )
}

/// Warns about unused subscriptions, at the start and after a reload.
pub(crate) async fn warn(pipeline: &Pipeline, place: &Path, broker: &dyn Broker) {
    if !matches!(pipeline.service_url, ServiceUrl::Embedded { .. }) {
        return;
    }
    // Health shows a log that is down.
    for lag in broker.lag().await.unwrap_or_default() {
        if is_unused(pipeline, lag.topic.as_str(), &lag.subscription) {
            tracing::warn!(
                "{}",
                warning(place, lag.topic.as_str(), &lag.subscription, lag.messages)
            );
        }
    }
}
