//! Endpoints of HTTP sinks.

use prometheus::{CounterVec, GaugeVec, HistogramVec};

use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration, SECONDS},
};

const BY_ENDPOINT: &[&str] = &[CONNECTOR, "endpoint"];

/// Endpoints of HTTP sinks.
pub(in crate::metrics) struct EndpointMetrics {
    pub(in crate::metrics) requests: CounterVec,
    pub(in crate::metrics) duration: HistogramVec,
    pub(in crate::metrics) concurrency: GaugeVec,
    pub(in crate::metrics) held: GaugeVec,
}

impl EndpointMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Endpoints of HTTP sinks");
        Ok(Self {
            requests: r.counter(
                "danube_wasm_endpoint_requests_total",
                Unit::Requests,
                "Requests that were sent to an endpoint, by the status that it answered; `none` without an answer.",
                &[CONNECTOR, "endpoint", "status"],
            )?,
            duration: r.histogram(
                "danube_wasm_endpoint_request_duration_seconds",
                Unit::Seconds,
                "Time from sending a request to an endpoint until its answer was read, or was not waited for any more.",
                BY_ENDPOINT,
                SECONDS,
            )?,
            concurrency: r.gauge(
                "danube_wasm_endpoint_concurrency",
                Unit::Requests,
                "Requests that an endpoint may get at a time: as many as it answers without becoming slower.",
                BY_ENDPOINT,
            )?,
            held: r.gauge(
                "danube_wasm_endpoint_held",
                Unit::State,
                "1 while nothing but a trial is sent to an endpoint, because it does not take what is sent, else 0.",
                BY_ENDPOINT,
            )?,
        })
    }
}
