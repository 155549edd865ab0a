//! Calls of components, of the broker and of targets.

use prometheus::{CounterVec, HistogramVec};

use super::BY_CONNECTOR;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration, SECONDS},
};

/// Calls of the broker, of components and of targets.
pub(in crate::metrics) struct CallMetrics {
    pub(in crate::metrics) publish: HistogramVec,
    pub(in crate::metrics) guest_call: HistogramVec,
    pub(in crate::metrics) guest_failures: CounterVec,
    pub(in crate::metrics) guest_dropped: CounterVec,
    pub(in crate::metrics) guest_replaced: CounterVec,
    pub(in crate::metrics) guest_http: HistogramVec,
    pub(in crate::metrics) guest_http_bytes: CounterVec,
    pub(in crate::metrics) egress_write: HistogramVec,
    pub(in crate::metrics) egress_failures: CounterVec,
    pub(in crate::metrics) foreign_writes: CounterVec,
}

impl CallMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Calls of components, broker and target");
        Ok(Self {
            publish: r.histogram(
                "danube_wasm_publish_duration_seconds",
                Unit::Seconds,
                "Time from handing records to the broker until it has answered.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            guest_call: r.histogram(
                "danube_wasm_guest_call_duration_seconds",
                Unit::Seconds,
                "Time of a call into a component.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            guest_failures: r.counter(
                "danube_wasm_guest_failures_total",
                Unit::Calls,
                "Calls into a component that failed.",
                &[CONNECTOR, "kind"],
            )?,
            guest_dropped: r.counter(
                "danube_wasm_guest_dropped_total",
                Unit::Items,
                "Log lines and numbers of a component that were dropped: over its quota, or not well-formed.",
                &[CONNECTOR, "what"],
            )?,
            guest_replaced: r.counter(
                "danube_wasm_guest_instances_replaced_total",
                Unit::Instances,
                "Instances of a component that were replaced between two calls, because their memory had grown over three \
                 quarters of its limit. Growing all the time, it is a leak; nothing is lost.",
                BY_CONNECTOR,
            )?,
            guest_http: r.histogram(
                "danube_wasm_guest_http_duration_seconds",
                Unit::Seconds,
                "Time of a request of a component to a host that it is granted, with its answer. `outcome` is `answered`, \
                 `denied`, `limit`, `timeout`, `unreachable` or, in a replay, `not_recorded`.",
                &[CONNECTOR, "outcome"],
                SECONDS,
            )?,
            guest_http_bytes: r.counter(
                "danube_wasm_guest_http_response_bytes_total",
                Unit::Bytes,
                "Bytes of the bodies of answers to components' requests.",
                BY_CONNECTOR,
            )?,
            egress_write: r.histogram(
                "danube_wasm_egress_write_duration_seconds",
                Unit::Seconds,
                "Time of a write of a batch to the target.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            egress_failures: r.counter(
                "danube_wasm_egress_failures_total",
                Unit::Calls,
                "Writes of a batch to the target that failed.",
                &[CONNECTOR, "kind"],
            )?,
            foreign_writes: r.counter(
                "danube_wasm_foreign_writes_total",
                Unit::Writes,
                "Writes of a component that were refused because their target is not one of its sink's.",
                BY_CONNECTOR,
            )?,
        })
    }
}
