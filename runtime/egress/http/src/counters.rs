//! What a sink counts of its endpoints.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;

/// See the module. The default counts nothing.
#[derive(Clone, Default)]
pub struct Counters(Option<(Arc<Metrics>, ConnectorId)>);

impl Counters {
    /// Those of this connector.
    pub fn new(metrics: Arc<Metrics>, connector: ConnectorId) -> Self {
        Self(Some((metrics, connector)))
    }

    /// A request was answered with a status, or not at all.
    pub(crate) fn requested(&self, endpoint: &str, status: Option<u16>, elapsed: Duration) {
        if let Some((metrics, connector)) = &self.0 {
            metrics.endpoint_request(connector, endpoint, status, elapsed);
        }
    }

    /// How an endpoint is written to from now on.
    pub(crate) fn state(&self, endpoint: &str, concurrency: usize, is_held: bool) {
        if let Some((metrics, connector)) = &self.0 {
            metrics.endpoint_state(connector, endpoint, concurrency, is_held);
        }
    }
}
