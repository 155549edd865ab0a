//! Events and messages of connectors.

use prometheus::CounterVec;

use super::BY_TOPIC;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration},
};

/// Events and messages of a connector.
pub(in crate::metrics) struct MessageMetrics {
    pub(in crate::metrics) received: CounterVec,
    pub(in crate::metrics) processed: CounterVec,
    pub(in crate::metrics) failed: CounterVec,
    pub(in crate::metrics) retried: CounterVec,
    pub(in crate::metrics) schema_violations: CounterVec,
    pub(in crate::metrics) dead_letters: CounterVec,
    pub(in crate::metrics) gaps: CounterVec,
}

impl MessageMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Events and messages");
        Ok(Self {
            received: r.counter(
                "danube_connector_messages_received_total",
                Unit::Messages,
                "Events and messages taken in.",
                BY_TOPIC,
            )?,
            processed: r.counter(
                "danube_connector_messages_processed_total",
                Unit::Messages,
                "Events whose records are in the broker; messages that are acknowledged.",
                BY_TOPIC,
            )?,
            failed: r.counter(
                "danube_connector_messages_failed_total",
                Unit::Messages,
                "Events and messages that were not processed, with the reason.",
                &[CONNECTOR, "topic", "error_type"],
            )?,
            retried: r.counter(
                "danube_connector_messages_retried_total",
                Unit::Messages,
                "Messages of a sink that were tried again.",
                BY_TOPIC,
            )?,
            schema_violations: r.counter(
                "danube_wasm_schema_violations_total",
                Unit::Messages,
                "Payloads that a schema refused.",
                &[CONNECTOR, "topic", "subject"],
            )?,
            dead_letters: r.counter(
                "danube_wasm_dead_letters_total",
                Unit::Messages,
                "Inputs that were kept as dead letters.",
                &[CONNECTOR, "reason"],
            )?,
            gaps: r.counter(
                "danube_wasm_broker_gap_messages_total",
                Unit::Messages,
                "Messages that the broker skipped: they were in the topic and were not given to the sink.",
                BY_TOPIC,
            )?,
        })
    }
}
