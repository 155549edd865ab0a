//! Sources that read from an upstream.

use prometheus::{CounterVec, GaugeVec};

use super::BY_CONNECTOR;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration},
};

/// Labels of what an upstream says of its streams.
const BY_STREAM: &[&str] = &[CONNECTOR, "stream"];

/// What is read and not confirmed, and what the upstream keeps.
pub(in crate::metrics) struct SourceMetrics {
    pub(in crate::metrics) unconfirmed: GaugeVec,
    pub(in crate::metrics) oldest_age: GaugeVec,
    pub(in crate::metrics) reconnects: CounterVec,
    pub(in crate::metrics) confirm_failures: CounterVec,
    pub(in crate::metrics) lag: GaugeVec,
    pub(in crate::metrics) retained: GaugeVec,
}

impl SourceMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Sources that read from an upstream");
        Ok(Self {
            unconfirmed: r.gauge(
                "danube_wasm_source_unconfirmed_messages",
                Unit::Messages,
                "Events that were read from the upstream and are not yet confirmed to it.",
                BY_CONNECTOR,
            )?,
            oldest_age: r.gauge(
                "danube_wasm_source_oldest_unconfirmed_age_seconds",
                Unit::Seconds,
                "Time since the oldest event was read that is not yet confirmed; 0 when there is none.",
                BY_CONNECTOR,
            )?,
            reconnects: r.counter(
                "danube_wasm_source_reconnects_total",
                Unit::Sessions,
                "Tries to make a new session with the upstream, after one had ended or could not be made.",
                BY_CONNECTOR,
            )?,
            confirm_failures: r.counter(
                "danube_wasm_source_confirm_failures_total",
                Unit::Calls,
                "Confirmations that the upstream did not take. What they were of is confirmed again, or comes again.",
                &[CONNECTOR, "kind"],
            )?,
            lag: r.gauge(
                "danube_wasm_source_lag_messages",
                Unit::Messages,
                "Messages of the upstream that are not confirmed, read or not. Only where there is a session and the upstream \
                 counts them.",
                BY_STREAM,
            )?,
            retained: r.gauge(
                "danube_wasm_source_retained_bytes",
                Unit::Bytes,
                "Bytes that the upstream keeps on its disk because they are not confirmed. Only where there is a session and the \
                 upstream says so.",
                BY_STREAM,
            )?,
        })
    }
}
