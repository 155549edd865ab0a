//! Connections with MQTT brokers, and what becomes of their messages beside records.

use prometheus::CounterVec;

use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration},
};

/// Connections with MQTT brokers.
pub(in crate::metrics) struct MqttMetrics {
    pub(in crate::metrics) connections: CounterVec,
    pub(in crate::metrics) sessions_lost: CounterVec,
    pub(in crate::metrics) recognised: CounterVec,
    pub(in crate::metrics) left_out: CounterVec,
}

impl MqttMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("MQTT brokers");
        Ok(Self {
            connections: r.counter(
                "danube_wasm_mqtt_connections_total",
                Unit::Connections,
                "Connections that were accepted and subscribed, by the version of the protocol and by whether the broker had kept the \
                 session (`resumed`) or not (`new`).",
                &[CONNECTOR, "version", "session"],
            )?,
            sessions_lost: r.counter(
                "danube_wasm_mqtt_sessions_lost_total",
                Unit::Sessions,
                "Times that the broker no longer had the session, and with it what had waited there.",
                &[CONNECTOR],
            )?,
            recognised: r.counter(
                "danube_wasm_mqtt_messages_recognised_total",
                Unit::Messages,
                "Messages that the broker sent again and that were known to be events that had come before.",
                &[CONNECTOR],
            )?,
            left_out: r.counter(
                "danube_wasm_mqtt_messages_left_out_total",
                Unit::Messages,
                "Messages that were acknowledged and became no event: `retained` where the route skips these, `unrouted`, or `unfit`, \
                 which is too large or cannot be read.",
                &[CONNECTOR, "reason"],
            )?,
        })
    }
}
