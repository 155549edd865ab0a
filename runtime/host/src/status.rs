//! What each connector of a running pipeline does, as `status` and `top` show it.

use std::collections::BTreeMap;

use danube_wasm_config::Pipeline;
use danube_wasm_model::{ConnectorId, TopicName};
use danube_wasm_telemetry::Connector;
use serde_json::{Value, json};

use crate::launcher::Services;

/// Lags by topic and subscription.
type Lags = BTreeMap<(TopicName, String), u64>;

/// Returns one value for each connector of the pipeline, sources first.
pub(crate) async fn values(services: &Services, pipeline: &Pipeline) -> Vec<Value> {
    // A broker that does not answer is part of the status, not an error of the question.
    let lags = services.brokers.main().lag().await.unwrap_or_default();
    let lags: Lags = (lags.into_iter())
        .map(|lag| ((lag.topic, lag.subscription), lag.messages))
        .collect();
    let health = services.health.connectors();
    let mut values = Vec::new();
    for source in &pipeline.sources {
        let mut value = common(services, &source.id, health.get(source.id.as_str()));
        value["direction"] = json!("source");
        value["kind"] = json!(source.connector.kind());
        value["component"]["name"] = json!(source.component.to_string());
        value["lag"] = json!(services.metrics.numbers(source.id.as_str()).upstream_lag);
        values.push(value);
    }
    for sink in &pipeline.sinks {
        let mut value = common(services, &sink.id, health.get(sink.id.as_str()));
        let consumers: Vec<_> = sink.mappings().into_iter().map(|mapping| mapping.consumer).collect();
        let mut keys: Vec<_> = consumers.into_iter().map(|c| (c.topic, c.subscription)).collect();
        keys.sort();
        keys.dedup();
        let known: Vec<_> = keys.iter().filter_map(|key| lags.get(key)).collect();
        value["direction"] = json!("sink");
        value["kind"] = json!(sink.connector.kind());
        value["component"]["name"] = json!(sink.component.to_string());
        value["lag"] = match known.is_empty() {
            true => Value::Null,
            false => json!(known.into_iter().sum::<u64>()),
        };
        values.push(value);
    }
    values
}

/// What is said of every connector.
fn common(services: &Services, id: &ConnectorId, health: Option<&Connector>) -> Value {
    let numbers = services.metrics.numbers(id.as_str());
    let rate = services.rates.of(id.as_str());
    let running = services.components.facts(id);
    json!({
        "connector": id.as_str(),
        "state": health.map_or("pending", |health| health.state),
        "reason": health.and_then(|health| health.reason.as_deref()),
        "restarts": health.map_or(0, |health| health.restarts),
        "paused": services.pauses.is_paused(id),
        "received_per_sec": rate.received,
        "processed_per_sec": rate.processed,
        "guest_seconds_per_sec": rate.guest,
        "received": numbers.received as u64,
        "processed": numbers.processed as u64,
        "failed": numbers.failed as u64,
        "retried": numbers.retried as u64,
        "dead_letters": numbers.dead_letters as u64,
        "in_flight": numbers.in_flight as u64,
        "guest_calls": numbers.guest_calls as u64,
        "guest_seconds": numbers.guest_seconds,
        "component": {
            "sha256": running.as_ref().map(|facts| &facts.sha256),
            "memory_bytes_peak": running.as_ref().map(|facts| facts.memory_bytes_peak),
            "memory_bytes_max": running.as_ref().map(|facts| facts.memory_bytes_max),
        },
    })
}
