//! Subscriptions that no sink reads any more: what is left of a sink that was removed, or whose subscription got another
//! name. Such a subscription keeps every message of its topic.

use std::path::Path;

use danube_wasm_broker::Broker;
use danube_wasm_config::{Pipeline, ServiceUrl};
use danube_wasm_model::TopicName;

/// Whether a subscription on the pipeline's own log is read by no sink of its. Those of dead letters are read by
/// `danube-wasm dlq`. On a cluster, others have subscriptions too.
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

/// What is to be said of one: `place` is where it was looked for.
pub fn warning(place: &Path, topic: &str, subscription: &str, lag: u64) -> String {
    let (place, force) = (place.display(), if lag > 0 { " --force" } else { "" });
    format!(
        "no sink of {place} reads subscription `{subscription}` of {topic}: it keeps every message of the topic on disk, \
         {lag} so far. If nothing else is to read it, delete it: `danube-wasm subscriptions delete {place} {topic} \
         {subscription}{force}`"
    )
}

/// Says which there are, at a start and after a reload.
pub(crate) async fn warn(pipeline: &Pipeline, place: &Path, broker: &dyn Broker) {
    if !matches!(pipeline.service_url, ServiceUrl::Embedded { .. }) {
        return;
    }
    // A log that is down is told by its health.
    for lag in broker.lag().await.unwrap_or_default() {
        if is_unused(pipeline, lag.topic.as_str(), &lag.subscription) {
            tracing::warn!(
                "{}",
                warning(place, lag.topic.as_str(), &lag.subscription, lag.messages)
            );
        }
    }
}
