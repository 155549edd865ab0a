//! The state of connectors, and their batches.

use prometheus::{CounterVec, GaugeVec, HistogramVec};

use super::BY_CONNECTOR;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration, SECONDS},
};

/// Upper bounds of batch sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0];

/// The state of connectors and their batches.
pub(in crate::metrics) struct ConnectorFamilies {
    pub(in crate::metrics) processing: HistogramVec,
    pub(in crate::metrics) batch_size: HistogramVec,
    pub(in crate::metrics) in_flight: GaugeVec,
    pub(in crate::metrics) health: GaugeVec,
    pub(in crate::metrics) state: GaugeVec,
    pub(in crate::metrics) restarts: GaugeVec,
    pub(in crate::metrics) batch_exhaustions: CounterVec,
    pub(in crate::metrics) circuit: GaugeVec,
    pub(in crate::metrics) concurrency: GaugeVec,
}

impl ConnectorFamilies {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Connectors");
        Ok(Self {
            processing: r.histogram(
                "danube_connector_processing_duration_seconds",
                Unit::Seconds,
                "Time of a sink from taking a batch of messages up to its end.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            batch_size: r.histogram(
                "danube_connector_batch_size",
                Unit::Messages,
                "Events or messages in a call of the component.",
                BY_CONNECTOR,
                SIZES,
            )?,
            in_flight: r.gauge(
                "danube_connector_inflight_messages",
                Unit::Messages,
                "Events and messages taken in and not yet done.",
                BY_CONNECTOR,
            )?,
            health: r.gauge(
                "danube_connector_health",
                Unit::State,
                "1 when the connector works, else 0.",
                BY_CONNECTOR,
            )?,
            state: r.gauge(
                "danube_wasm_connector_state",
                Unit::State,
                "1 for the state that the connector is in, 0 for the others.",
                &[CONNECTOR, "state"],
            )?,
            restarts: r.gauge(
                "danube_wasm_connector_restarts",
                Unit::Restarts,
                "How often a connector was started again after a crash, since it was added.",
                BY_CONNECTOR,
            )?,
            batch_exhaustions: r.counter(
                "danube_wasm_batch_exhaustions_total",
                Unit::Batches,
                "Batches that failed as a whole although each part of them passed alone.",
                BY_CONNECTOR,
            )?,
            circuit: r.gauge(
                "danube_wasm_circuit_state",
                Unit::State,
                "Whether calls pause: 0 closed (they do not), 1 half-open (one call tries), 2 open (they do).",
                &[CONNECTOR, "behind"],
            )?,
            concurrency: r.gauge(
                "danube_wasm_target_concurrency",
                Unit::Lanes,
                "Lanes that may write to the target at a time: as many as make it faster.",
                BY_CONNECTOR,
            )?,
        })
    }
}
