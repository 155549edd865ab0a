//! The metrics by subject, each with its name, help and labels.

use prometheus::{CounterVec, GaugeVec, HistogramVec};

use super::registration::{CONNECTOR, Registration, SECONDS};

/// Upper bounds of batch sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0];

/// Labels of metrics by connector.
const BY_CONNECTOR: &[&str] = &[CONNECTOR];
/// Labels of metrics by connector and topic, or endpoint.
const BY_TOPIC: &[&str] = &[CONNECTOR, "topic"];

/// Events and messages of a connector.
pub(super) struct MessageMetrics {
    pub(super) received: CounterVec,
    pub(super) processed: CounterVec,
    pub(super) failed: CounterVec,
    pub(super) retried: CounterVec,
    pub(super) schema_violations: CounterVec,
    pub(super) dead_letters: CounterVec,
    pub(super) gaps: CounterVec,
}

impl MessageMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            received: r.counter(
                "danube_connector_messages_received_total",
                "Events and messages taken in.",
                BY_TOPIC,
            )?,
            processed: r.counter(
                "danube_connector_messages_processed_total",
                "Events whose records are durable, messages that are acknowledged.",
                BY_TOPIC,
            )?,
            failed: r.counter(
                "danube_connector_messages_failed_total",
                "Events and messages that failed.",
                &[CONNECTOR, "topic", "error_type"],
            )?,
            retried: r.counter(
                "danube_connector_messages_retried_total",
                "Messages that were tried again.",
                BY_TOPIC,
            )?,
            schema_violations: r.counter(
                "danube_wasm_schema_violations_total",
                "Payloads that violate their schema.",
                &[CONNECTOR, "topic", "subject"],
            )?,
            dead_letters: r.counter(
                "danube_wasm_dead_letters_total",
                "Dead letters.",
                &[CONNECTOR, "reason"],
            )?,
            gaps: r.counter(
                "danube_wasm_broker_gap_messages_total",
                "Messages that the broker skipped: they were in the topic and were not given to the sink.",
                BY_TOPIC,
            )?,
        })
    }
}

/// The state of connectors and their batches.
pub(super) struct ConnectorFamilies {
    pub(super) processing: HistogramVec,
    pub(super) batch_size: HistogramVec,
    pub(super) in_flight: GaugeVec,
    pub(super) health: GaugeVec,
    pub(super) state: GaugeVec,
    pub(super) restarts: GaugeVec,
    pub(super) batch_exhaustions: CounterVec,
    pub(super) circuit: GaugeVec,
    pub(super) concurrency: GaugeVec,
}

impl ConnectorFamilies {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            processing: r.histogram(
                "danube_connector_processing_duration_seconds",
                "From taking a batch up to its end.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            batch_size: r.histogram(
                "danube_connector_batch_size",
                "Events or messages of a call.",
                BY_CONNECTOR,
                SIZES,
            )?,
            in_flight: r.gauge(
                "danube_connector_inflight_messages",
                "Events and messages taken in and not yet done.",
                BY_CONNECTOR,
            )?,
            health: r.gauge("danube_connector_health", "1 when the connector works, else 0.", BY_CONNECTOR)?,
            state: r.gauge(
                "danube_wasm_connector_state",
                "1 for the state that the connector is in: pending, starting, running, degraded, down, failed or stopped; else 0.",
                &[CONNECTOR, "state"],
            )?,
            restarts: r.gauge(
                "danube_wasm_connector_restarts",
                "How often a connector was started again after a crash, since it was added.",
                BY_CONNECTOR,
            )?,
            batch_exhaustions: r.counter(
                "danube_wasm_batch_exhaustions_total",
                "Batches that failed as a whole, and of which every part passed.",
                BY_CONNECTOR,
            )?,
            circuit: r.gauge(
                "danube_wasm_circuit_state",
                "0 closed, 1 half-open, 2 open: whether calls to the target, the broker or the component pause.",
                &[CONNECTOR, "behind"],
            )?,
            concurrency: r.gauge(
                "danube_wasm_target_concurrency",
                "Lanes that may write to the target at a time: as many as make it faster.",
                BY_CONNECTOR,
            )?,
        })
    }
}

/// HTTP requests.
pub(super) struct HttpMetrics {
    pub(super) requests: CounterVec,
    pub(super) duration: HistogramVec,
    pub(super) ids_reused: CounterVec,
}

impl HttpMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: r.counter(
                "danube_wasm_http_requests_total",
                "Requests answered.",
                &["endpoint", "status"],
            )?,
            duration: r.histogram(
                "danube_wasm_http_request_duration_seconds",
                "From a request's head to its answer.",
                &["endpoint"],
                SECONDS,
            )?,
            ids_reused: r.counter(
                "danube_wasm_event_ids_reused_total",
                "Events whose id came with another body before.",
                &["endpoint"],
            )?,
        })
    }
}

/// Calls of the broker, of components and of targets.
pub(super) struct CallMetrics {
    pub(super) publish: HistogramVec,
    pub(super) guest_call: HistogramVec,
    pub(super) guest_failures: CounterVec,
    pub(super) guest_dropped: CounterVec,
    pub(super) egress_write: HistogramVec,
    pub(super) egress_failures: CounterVec,
    pub(super) foreign_writes: CounterVec,
}

impl CallMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            publish: r.histogram(
                "danube_wasm_publish_duration_seconds",
                "From handing records over until they are durable.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            guest_call: r.histogram(
                "danube_wasm_guest_call_duration_seconds",
                "A call into a component.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            guest_failures: r.counter(
                "danube_wasm_guest_failures_total",
                "Calls into a component that failed.",
                &[CONNECTOR, "kind"],
            )?,
            guest_dropped: r.counter(
                "danube_wasm_guest_dropped_total",
                "What a component logged or counted over its quota.",
                &[CONNECTOR, "what"],
            )?,
            egress_write: r.histogram(
                "danube_wasm_egress_write_duration_seconds",
                "A write to the target.",
                BY_CONNECTOR,
                SECONDS,
            )?,
            egress_failures: r.counter(
                "danube_wasm_egress_failures_total",
                "Writes to the target that failed.",
                &[CONNECTOR, "kind"],
            )?,
            foreign_writes: r.counter(
                "danube_wasm_foreign_writes_total",
                "Writes of a component that were refused because their target is not one of its sink's.",
                BY_CONNECTOR,
            )?,
        })
    }
}

/// Spools, by connector.
pub(super) struct SpoolMetrics {
    pub(super) bytes: GaugeVec,
    pub(super) records: GaugeVec,
    pub(super) refused: GaugeVec,
    pub(super) oldest_age: GaugeVec,
}

impl SpoolMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            bytes: r.gauge(
                "danube_wasm_spool_bytes",
                "Bytes that wait on this disk for the broker or the target.",
                BY_CONNECTOR,
            )?,
            records: r.gauge(
                "danube_wasm_spool_records",
                "Records and messages that wait on this disk for the broker or the target.",
                BY_CONNECTOR,
            )?,
            refused: r.gauge(
                "danube_wasm_spool_refused_records",
                "Records on this disk that the broker will never accept.",
                BY_CONNECTOR,
            )?,
            oldest_age: r.gauge(
                "danube_wasm_spool_oldest_age_seconds",
                "Age of the oldest record or message that waits on this disk; 0 when none does.",
                BY_CONNECTOR,
            )?,
        })
    }
}

/// Topics and subscriptions of the broker.
pub(super) struct BrokerMetrics {
    pub(super) lag: GaugeVec,
    pub(super) topic_messages: GaugeVec,
    pub(super) topic_consumed: GaugeVec,
    pub(super) topic_bytes: GaugeVec,
}

impl BrokerMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            lag: r.gauge(
                "danube_wasm_subscription_lag_messages",
                "Messages that a subscription has not acknowledged.",
                &["topic", "subscription"],
            )?,
            topic_messages: r.gauge(
                "danube_wasm_topic_messages",
                "Messages that the embedded log holds of a topic.",
                &["topic"],
            )?,
            topic_consumed: r.gauge(
                "danube_wasm_topic_consumed_messages",
                "Those of them that every subscription has acknowledged, and that are kept to be read again.",
                &["topic"],
            )?,
            topic_bytes: r.gauge(
                "danube_wasm_topic_bytes",
                "Bytes that the embedded log holds of a topic.",
                &["topic"],
            )?,
        })
    }
}

/// The process itself.
pub(super) struct HostMetrics {
    pub(super) panics: CounterVec,
    pub(super) spans_lost: CounterVec,
}

impl HostMetrics {
    pub(super) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            panics: r.counter(
                "danube_wasm_host_panics_total",
                "Panics in tasks of the host: each is a defect.",
                &[],
            )?,
            spans_lost: r.counter(
                "danube_wasm_trace_spans_lost_total",
                "Spans of traces that could not be exported.",
                &[],
            )?,
        })
    }
}
