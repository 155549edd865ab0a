//! What one source counts beside what all sources do.

use std::sync::Arc;

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;

use crate::packets::Version;

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

    pub(crate) fn connected(&self, version: Version, is_resumed: bool) {
        let version = if version == Version::V5 { "5" } else { "3.1.1" };
        let session = if is_resumed { "resumed" } else { "new" };
        self.metrics.mqtt_connected(&self.connector, version, session);
    }

    pub(crate) fn session_lost(&self) {
        self.metrics.mqtt_session_lost(&self.connector);
    }

    pub(crate) fn recognised(&self) {
        self.metrics.mqtt_recognised(&self.connector);
    }

    pub(crate) fn left_out(&self, reason: &'static str) {
        self.metrics.mqtt_left_out(&self.connector, reason);
    }
}
