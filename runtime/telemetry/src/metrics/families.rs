//! Every metric by its name, and how a connector's are taken away.

use std::collections::{BTreeSet, HashMap};

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry,
    core::{Collector, MetricVec, MetricVecBuilder},
    proto::{LabelPair, Metric},
};

/// Upper bounds of duration buckets, in seconds: a group commit is a millisecond, a sandbox call tens of microseconds, a
/// remote database tens of milliseconds.
pub(super) const SECONDS: &[f64] = &[
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of batch sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0];

/// Label of everything that belongs to one connector.
pub(super) const CONNECTOR: &str = "connector";

/// All metrics of the host.
pub(super) struct Families {
    pub(super) received: CounterVec,
    pub(super) processed: CounterVec,
    pub(super) failed: CounterVec,
    pub(super) retried: CounterVec,
    pub(super) processing: HistogramVec,
    pub(super) batch_size: HistogramVec,
    pub(super) in_flight: GaugeVec,
    pub(super) health: GaugeVec,
    pub(super) state: GaugeVec,
    pub(super) http_requests: CounterVec,
    pub(super) http_duration: HistogramVec,
    pub(super) ids_reused: CounterVec,
    pub(super) violations: CounterVec,
    pub(super) publish: HistogramVec,
    pub(super) guest_call: HistogramVec,
    pub(super) guest_failures: CounterVec,
    pub(super) guest_dropped: CounterVec,
    pub(super) egress_write: HistogramVec,
    pub(super) egress_failures: CounterVec,
    pub(super) foreign_writes: CounterVec,
    pub(super) dead_letters: CounterVec,
    pub(super) circuit: GaugeVec,
    pub(super) concurrency: GaugeVec,
    pub(super) exhausted: CounterVec,
    pub(super) spool_bytes: GaugeVec,
    pub(super) spool_records: GaugeVec,
    pub(super) spool_refused: GaugeVec,
    pub(super) spool_oldest: GaugeVec,
    pub(super) lag: GaugeVec,
    pub(super) topic_messages: GaugeVec,
    pub(super) topic_consumed: GaugeVec,
    pub(super) topic_bytes: GaugeVec,
    pub(super) gaps: CounterVec,
}

impl Families {
    pub(super) fn register(r: &Registry) -> Result<Self, prometheus::Error> {
        let by_topic = &[CONNECTOR, "topic"];
        let own = &[CONNECTOR];
        Ok(Self {
            received: counter(
                r,
                "danube_connector_messages_received_total",
                "Events and messages taken in.",
                by_topic,
            )?,
            processed: counter(
                r,
                "danube_connector_messages_processed_total",
                "Events whose records are durable, messages that are acknowledged.",
                by_topic,
            )?,
            failed: counter(
                r,
                "danube_connector_messages_failed_total",
                "Events and messages that failed.",
                &[CONNECTOR, "topic", "error_type"],
            )?,
            retried: counter(
                r,
                "danube_connector_messages_retried_total",
                "Messages that were tried again.",
                by_topic,
            )?,
            processing: histogram(
                r,
                "danube_connector_processing_duration_seconds",
                "From taking a batch up to its end.",
                own,
                SECONDS,
            )?,
            batch_size: histogram(
                r,
                "danube_connector_batch_size",
                "Events or messages of a call.",
                own,
                SIZES,
            )?,
            in_flight: gauge(
                r,
                "danube_connector_inflight_messages",
                "Events and messages taken in and not yet done.",
                own,
            )?,
            health: gauge(r, "danube_connector_health", "1 when the connector works, else 0.", own)?,
            state: gauge(
                r,
                "danube_wasm_connector_state",
                "1 for the state that the connector is in: running, degraded, down, failed or stopped; else 0.",
                &[CONNECTOR, "state"],
            )?,
            http_requests: counter(
                r,
                "danube_wasm_http_requests_total",
                "Requests answered.",
                &["endpoint", "status"],
            )?,
            http_duration: histogram(
                r,
                "danube_wasm_http_request_duration_seconds",
                "From a request's head to its answer.",
                &["endpoint"],
                SECONDS,
            )?,
            ids_reused: counter(
                r,
                "danube_wasm_event_ids_reused_total",
                "Events whose id came with another body before.",
                &["endpoint"],
            )?,
            violations: counter(
                r,
                "danube_wasm_schema_violations_total",
                "Payloads that violate their schema.",
                &[CONNECTOR, "topic", "subject"],
            )?,
            publish: histogram(
                r,
                "danube_wasm_publish_duration_seconds",
                "From handing records over until they are durable.",
                own,
                SECONDS,
            )?,
            guest_call: histogram(
                r,
                "danube_wasm_guest_call_duration_seconds",
                "A call into a component.",
                own,
                SECONDS,
            )?,
            guest_failures: counter(
                r,
                "danube_wasm_guest_failures_total",
                "Calls into a component that failed.",
                &[CONNECTOR, "kind"],
            )?,
            guest_dropped: counter(
                r,
                "danube_wasm_guest_dropped_total",
                "What a component logged or counted over its quota.",
                &[CONNECTOR, "what"],
            )?,
            egress_write: histogram(
                r,
                "danube_wasm_egress_write_duration_seconds",
                "A write to the target.",
                own,
                SECONDS,
            )?,
            egress_failures: counter(
                r,
                "danube_wasm_egress_failures_total",
                "Writes to the target that failed.",
                &[CONNECTOR, "kind"],
            )?,
            foreign_writes: counter(
                r,
                "danube_wasm_foreign_writes_total",
                "Writes of a component that were refused because their target is not one of its sink's.",
                own,
            )?,
            dead_letters: counter(
                r,
                "danube_wasm_dead_letters_total",
                "Dead letters.",
                &[CONNECTOR, "reason"],
            )?,
            circuit: gauge(
                r,
                "danube_wasm_circuit_state",
                "0 closed, 1 half-open, 2 open: whether calls to the target, the broker or the component pause.",
                &[CONNECTOR, "behind"],
            )?,
            concurrency: gauge(
                r,
                "danube_wasm_target_concurrency",
                "Lanes that may write to the target at a time: as many as make it faster.",
                own,
            )?,
            exhausted: counter(
                r,
                "danube_wasm_batch_exhaustions_total",
                "Batches that failed as a whole, and of which every part passed.",
                own,
            )?,
            spool_bytes: gauge(
                r,
                "danube_wasm_spool_bytes",
                "Bytes that wait on this disk for the broker or the target.",
                own,
            )?,
            spool_records: gauge(
                r,
                "danube_wasm_spool_records",
                "Records and messages that wait on this disk for the broker or the target.",
                own,
            )?,
            spool_refused: gauge(
                r,
                "danube_wasm_spool_refused_records",
                "Records on this disk that the broker will never accept.",
                own,
            )?,
            spool_oldest: gauge(
                r,
                "danube_wasm_spool_oldest_age_seconds",
                "Age of the oldest record or message that waits on this disk; 0 when none does.",
                own,
            )?,
            lag: gauge(
                r,
                "danube_wasm_subscription_lag_messages",
                "Messages that a subscription has not acknowledged.",
                &["topic", "subscription"],
            )?,
            topic_messages: gauge(
                r,
                "danube_wasm_topic_messages",
                "Messages that the embedded log holds of a topic.",
                &["topic"],
            )?,
            topic_consumed: gauge(
                r,
                "danube_wasm_topic_consumed_messages",
                "Those of them that every subscription has acknowledged, and that are kept to be read again.",
                &["topic"],
            )?,
            topic_bytes: gauge(
                r,
                "danube_wasm_topic_bytes",
                "Bytes that the embedded log holds of a topic.",
                &["topic"],
            )?,
            gaps: counter(
                r,
                "danube_wasm_broker_gap_messages_total",
                "Messages that the broker skipped: they were in the topic and were not given to the sink.",
                by_topic,
            )?,
        })
    }

    /// Shows these topics and no other: messages, those of them that are consumed, bytes.
    pub(super) fn set_topics<'a>(&self, topics: impl IntoIterator<Item = (&'a str, [u64; 3])>) {
        let families = [&self.topic_messages, &self.topic_consumed, &self.topic_bytes];
        let mut there = BTreeSet::new();
        for (topic, values) in topics {
            there.insert(topic);
            for (family, value) in families.iter().zip(values) {
                family.with_label_values(&[topic]).set(value as f64);
            }
        }
        for family in families {
            let mut shown = family.collect();
            let metrics = shown.iter_mut().flat_map(|family| family.take_metric());
            let is_there = |metric: &Metric| metric.get_label().iter().any(|label| there.contains(label.value()));
            metrics
                .filter(|metric| !is_there(metric))
                .for_each(|metric| remove(family, &metric));
        }
    }

    /// Shows these subscriptions and no other.
    pub(super) fn set_lags<'a>(&self, lags: impl IntoIterator<Item = (&'a str, &'a str, u64)>) {
        let mut shown = self.lag.collect();
        let mut gone: Vec<_> = shown.iter_mut().flat_map(|family| family.take_metric()).collect();
        for (topic, subscription, messages) in lags {
            self.lag.with_label_values(&[topic, subscription]).set(messages as f64);
            gone.retain(|metric| {
                let is = |value: &str| metric.get_label().iter().any(|label| label.value() == value);
                !(is(topic) && is(subscription))
            });
        }
        for metric in gone {
            remove(&self.lag, &metric);
        }
    }

    /// Takes away every series of a connector.
    pub(super) fn forget(&self, connector: &str) {
        for counters in [
            &self.received,
            &self.processed,
            &self.failed,
            &self.retried,
            &self.violations,
            &self.guest_failures,
            &self.guest_dropped,
            &self.egress_failures,
            &self.foreign_writes,
            &self.dead_letters,
            &self.exhausted,
            &self.gaps,
        ] {
            forget(counters, connector);
        }
        for histograms in [
            &self.processing,
            &self.batch_size,
            &self.publish,
            &self.guest_call,
            &self.egress_write,
        ] {
            forget(histograms, connector);
        }
        for gauges in [
            &self.circuit,
            &self.concurrency,
            &self.spool_bytes,
            &self.spool_records,
            &self.spool_refused,
            &self.spool_oldest,
        ] {
            forget(gauges, connector);
        }
        forget(&self.in_flight, connector);
        forget(&self.health, connector);
    }
}

/// Takes away a connector's series of one metric.
pub(super) fn forget<T: MetricVecBuilder>(family: &MetricVec<T>, connector: &str) {
    for metric in family.collect().iter().flat_map(|family| family.get_metric()) {
        let is_its = |label: &LabelPair| label.name() == CONNECTOR && label.value() == connector;
        if metric.get_label().iter().any(is_its) {
            remove(family, metric);
        }
    }
}

/// Takes away one series.
fn remove<T: MetricVecBuilder>(family: &MetricVec<T>, metric: &Metric) {
    let labels = metric.get_label().iter();
    let labels: HashMap<&str, &str> = labels.map(|label| (label.name(), label.value())).collect();
    if let Err(error) = family.remove(&labels) {
        tracing::debug!(%error, "a series was gone already");
    }
}

pub(super) fn counter(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
    let metric = CounterVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub(super) fn gauge(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let metric = GaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub(super) fn histogram(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
    r.register(Box::new(metric.clone()))?;
    Ok(metric)
}
