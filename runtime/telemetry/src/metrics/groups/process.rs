//! The process itself.

use prometheus::{CounterVec, GaugeVec};

use crate::metrics::{manual::Unit, registration::Registration};

/// The process itself.
pub(in crate::metrics) struct HostMetrics {
    pub(in crate::metrics) panics: CounterVec,
    pub(in crate::metrics) spans_lost: CounterVec,
    pub(in crate::metrics) build: GaugeVec,
    pub(in crate::metrics) started: GaugeVec,
}

impl HostMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("The process");
        Ok(Self {
            panics: r.counter(
                "danube_wasm_host_panics_total",
                Unit::Panics,
                "Panics in tasks of the host: each is a defect.",
                &[],
            )?,
            spans_lost: r.counter(
                "danube_wasm_trace_spans_lost_total",
                Unit::Spans,
                "Spans of traces that could not be exported.",
                &[],
            )?,
            build: r.gauge(
                "danube_wasm_build_info",
                Unit::State,
                "Always 1; the label says which version runs.",
                &["version"],
            )?,
            started: r.gauge(
                "danube_wasm_start_time_seconds",
                Unit::Seconds,
                "When this process began, since 1970-01-01 UTC.",
                &[],
            )?,
        })
    }
}
