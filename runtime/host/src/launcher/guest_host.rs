//! Passes the log lines and metrics of components to the log and the metrics page.

use std::time::Duration;

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{GuestHost, LogLevel, TracingHost};
use danube_wasm_telemetry::ConnectorMetrics;

/// Host functions `log` and `metrics` for one connector.
pub(super) struct ObservedHost(ConnectorMetrics);

impl ObservedHost {
    pub(super) fn new(metrics: ConnectorMetrics) -> Self {
        Self(metrics)
    }
}

impl GuestHost for ObservedHost {
    fn log_enabled(&self, id: &ConnectorId, level: LogLevel) -> bool {
        TracingHost.log_enabled(id, level)
    }

    fn log(&self, id: &ConnectorId, level: LogLevel, line: &str) {
        TracingHost.log(id, level, line);
    }

    fn counter_add(&self, _: &ConnectorId, name: &str, value: u64) {
        self.0.guest_counter(name, value);
    }

    fn gauge_set(&self, _: &ConnectorId, name: &str, value: f64) {
        self.0.guest_gauge(name, value);
    }

    fn observe(&self, _: &ConnectorId, name: &str, value: f64) {
        self.0.guest_observe(name, value);
    }

    fn dropped(&self, _: &ConnectorId, what: &'static str, n: u64) {
        self.0.guest_dropped(what, n);
    }

    fn http_request(&self, _: &ConnectorId, outcome: &'static str, bytes: usize, elapsed: Duration) {
        self.0.guest_http(outcome, bytes, elapsed);
    }

    fn replaced(&self, _: &ConnectorId) {
        self.0.guest_replaced();
    }
}
