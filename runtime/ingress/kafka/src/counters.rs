//! What one source counts beside what all sources do.

use std::sync::Arc;

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;

/// See the module.
#[derive(Clone)]
pub(crate) struct Counters {
    metrics: Arc<Metrics>,
    connector: ConnectorId,
}

impl Counters {
    pub(crate) fn new(metrics: Arc<Metrics>, connector: ConnectorId) -> Self {
        Self { metrics, connector }
    }

    /// Partitions became ours, were given up, or were lost; so many are ours now.
    pub(crate) fn moved(&self, how: &'static str, partitions: usize, now: usize) {
        self.metrics.kafka_partitions_moved(&self.connector, how, partitions);
        self.metrics.set_kafka_partitions(&self.connector, now);
    }

    pub(crate) fn committed(&self, is_ok: bool) {
        let outcome = if is_ok { "ok" } else { "failed" };
        self.metrics.kafka_committed(&self.connector, outcome);
    }

    /// Partitions were paused because there was no room.
    pub(crate) fn paused(&self) {
        self.metrics.kafka_paused(&self.connector);
    }

    /// The group's offset was not there, and another was taken.
    pub(crate) fn repositioned(&self) {
        self.metrics.kafka_repositioned(&self.connector);
    }
}
