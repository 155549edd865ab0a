//! Topics, subscriptions, and what waits for a broker.

use prometheus::GaugeVec;

use super::BY_CONNECTOR;
use crate::metrics::{manual::Unit, registration::Registration};

/// Spools, by connector.
pub(in crate::metrics) struct SpoolMetrics {
    pub(in crate::metrics) bytes: GaugeVec,
    pub(in crate::metrics) records: GaugeVec,
    pub(in crate::metrics) refused: GaugeVec,
    pub(in crate::metrics) oldest_age: GaugeVec,
}

impl SpoolMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Buffers on disk");
        Ok(Self {
            bytes: r.gauge(
                "danube_wasm_spool_bytes",
                Unit::Bytes,
                "Bytes that wait on this disk for the broker or the target.",
                BY_CONNECTOR,
            )?,
            records: r.gauge(
                "danube_wasm_spool_records",
                Unit::Messages,
                "Records and messages that wait on this disk for the broker or the target.",
                BY_CONNECTOR,
            )?,
            refused: r.gauge(
                "danube_wasm_spool_refused_records",
                Unit::Messages,
                "Records on this disk that the broker will never accept.",
                BY_CONNECTOR,
            )?,
            oldest_age: r.gauge(
                "danube_wasm_spool_oldest_age_seconds",
                Unit::Seconds,
                "Age of the oldest record or message that waits on this disk; 0 when none does.",
                BY_CONNECTOR,
            )?,
        })
    }
}

/// Topics and subscriptions of the broker.
pub(in crate::metrics) struct BrokerMetrics {
    pub(in crate::metrics) lag: GaugeVec,
    pub(in crate::metrics) topic_messages: GaugeVec,
    pub(in crate::metrics) topic_consumed: GaugeVec,
    pub(in crate::metrics) topic_bytes: GaugeVec,
}

impl BrokerMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Topics and subscriptions");
        Ok(Self {
            lag: r.gauge(
                "danube_wasm_subscription_lag_messages",
                Unit::Messages,
                "Messages that a subscription of the embedded log has not acknowledged.",
                &["topic", "subscription"],
            )?,
            topic_messages: r.gauge(
                "danube_wasm_topic_messages",
                Unit::Messages,
                "Messages that the embedded log holds of a topic.",
                &["topic"],
            )?,
            topic_consumed: r.gauge(
                "danube_wasm_topic_consumed_messages",
                Unit::Messages,
                "Messages that the embedded log keeps although every subscription of the topic has acknowledged them, to be read again.",
                &["topic"],
            )?,
            topic_bytes: r.gauge(
                "danube_wasm_topic_bytes",
                Unit::Bytes,
                "Bytes that the embedded log holds of a topic.",
                &["topic"],
            )?,
        })
    }
}
