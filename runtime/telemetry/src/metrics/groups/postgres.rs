//! Slots of PostgreSQL servers, and what becomes of their changes beside records.

use prometheus::{CounterVec, GaugeVec};

use super::BY_CONNECTOR;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration},
};

/// Slots of PostgreSQL servers.
pub(in crate::metrics) struct PostgresMetrics {
    pub(in crate::metrics) connections: CounterVec,
    pub(in crate::metrics) flushed: GaugeVec,
    pub(in crate::metrics) lag: GaugeVec,
    pub(in crate::metrics) retained: GaugeVec,
    pub(in crate::metrics) snapshot_rows: CounterVec,
    pub(in crate::metrics) left_out: CounterVec,
}

impl PostgresMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("PostgreSQL servers");
        Ok(Self {
            connections: r.counter(
                "danube_wasm_postgres_connections_total",
                Unit::Connections,
                "Times that the stream of a slot was started; each but the first is a reconnection.",
                BY_CONNECTOR,
            )?,
            flushed: r.gauge(
                "danube_wasm_postgres_flush_position_bytes",
                Unit::Bytes,
                "Position in the server's log up to which everything is durable, as the server was told: the LSN as a number.",
                BY_CONNECTOR,
            )?,
            lag: r.gauge(
                "danube_wasm_postgres_lag_bytes",
                Unit::Bytes,
                "How much of its log the server has sent that is not durable yet.",
                BY_CONNECTOR,
            )?,
            retained: r.gauge(
                "danube_wasm_postgres_retained_bytes",
                Unit::Bytes,
                "How much of its log the server keeps on its disk for the slot.",
                BY_CONNECTOR,
            )?,
            snapshot_rows: r.counter(
                "danube_wasm_postgres_snapshot_rows_total",
                Unit::Messages,
                "Rows that were read for a snapshot.",
                BY_CONNECTOR,
            )?,
            left_out: r.counter(
                "danube_wasm_postgres_changes_left_out_total",
                Unit::Messages,
                "Changes that were passed over and became no event: `unrouted`, of a table or message that the publication has and \
                 the source does not.",
                &[CONNECTOR, "reason"],
            )?,
        })
    }
}
