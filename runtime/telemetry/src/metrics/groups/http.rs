//! HTTP requests.

use prometheus::{CounterVec, HistogramVec};

use crate::metrics::{
    manual::Unit,
    registration::{Registration, SECONDS},
};

/// HTTP requests.
pub(in crate::metrics) struct HttpMetrics {
    pub(in crate::metrics) requests: CounterVec,
    pub(in crate::metrics) duration: HistogramVec,
    pub(in crate::metrics) ids_reused: CounterVec,
}

impl HttpMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("HTTP requests");
        Ok(Self {
            requests: r.counter(
                "danube_wasm_http_requests_total",
                Unit::Requests,
                "Requests that were answered, refused ones too.",
                &["endpoint", "status"],
            )?,
            duration: r.histogram(
                "danube_wasm_http_request_duration_seconds",
                Unit::Seconds,
                "Time from a request's head to its answer.",
                &["endpoint"],
                SECONDS,
            )?,
            ids_reused: r.counter(
                "danube_wasm_event_ids_reused_total",
                Unit::Messages,
                "Events whose id came with another body before.",
                &["endpoint"],
            )?,
        })
    }
}
