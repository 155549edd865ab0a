//! What one source counts beside what all sources do.

use std::sync::Arc;

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;

use crate::lsn::Lsn;

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

    /// The stream of a slot was started.
    pub(crate) fn connected(&self) {
        self.metrics.postgres_connected(&self.connector);
    }

    /// The server may forget everything up to here; so many bytes that it has sent are not confirmed.
    pub(crate) fn flushed(&self, upto: Lsn, lag_bytes: u64) {
        self.metrics.set_postgres_flushed(&self.connector, upto.0, lag_bytes);
    }

    /// The server keeps so many bytes of its log for the slot.
    pub(crate) fn retained(&self, bytes: u64) {
        self.metrics.set_postgres_retained(&self.connector, bytes);
    }

    pub(crate) fn snapshot_rows(&self, rows: usize) {
        self.metrics.postgres_snapshot_rows(&self.connector, rows);
    }

    pub(crate) fn left_out(&self, reason: &'static str) {
        self.metrics.postgres_left_out(&self.connector, reason);
    }
}
