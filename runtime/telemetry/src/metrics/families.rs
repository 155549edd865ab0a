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
    pub(super) restarts: GaugeVec,
    pub(super) panics: CounterVec,
    pub(super) spans_lost: CounterVec,
    forgets: Vec<Forget>,
}

impl Families {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let mut r = Registering {
            registry,
            forgets: Vec::new(),
        };
        let by_topic = &[CONNECTOR, "topic"];
        let own = &[CONNECTOR];
        Ok(Self {
            received: r.counter(
                "danube_connector_messages_received_total",
                "Events and messages taken in.",
                by_topic,
            )?,
            processed: r.counter(
                "danube_connector_messages_processed_total",
                "Events whose records are durable, messages that are acknowledged.",
                by_topic,
            )?,
            failed: r.counter(
                "danube_connector_messages_failed_total",
                "Events and messages that failed.",
                &[CONNECTOR, "topic", "error_type"],
            )?,
            retried: r.counter(
                "danube_connector_messages_retried_total",
                "Messages that were tried again.",
                by_topic,
            )?,
            processing: r.histogram(
                "danube_connector_processing_duration_seconds",
                "From taking a batch up to its end.",
                own,
                SECONDS,
            )?,
            batch_size: r.histogram(
                "danube_connector_batch_size",
                "Events or messages of a call.",
                own,
                SIZES,
            )?,
            in_flight: r.gauge(
                "danube_connector_inflight_messages",
                "Events and messages taken in and not yet done.",
                own,
            )?,
            health: r.gauge("danube_connector_health", "1 when the connector works, else 0.", own)?,
            state: r.gauge(
                "danube_wasm_connector_state",
                "1 for the state that the connector is in: pending, starting, running, degraded, down, failed or stopped; else 0.",
                &[CONNECTOR, "state"],
            )?,
            http_requests: r.counter(
                "danube_wasm_http_requests_total",
                "Requests answered.",
                &["endpoint", "status"],
            )?,
            http_duration: r.histogram(
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
            violations: r.counter(
                "danube_wasm_schema_violations_total",
                "Payloads that violate their schema.",
                &[CONNECTOR, "topic", "subject"],
            )?,
            publish: r.histogram(
                "danube_wasm_publish_duration_seconds",
                "From handing records over until they are durable.",
                own,
                SECONDS,
            )?,
            guest_call: r.histogram(
                "danube_wasm_guest_call_duration_seconds",
                "A call into a component.",
                own,
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
                own,
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
                own,
            )?,
            dead_letters: r.counter(
                "danube_wasm_dead_letters_total",
                "Dead letters.",
                &[CONNECTOR, "reason"],
            )?,
            circuit: r.gauge(
                "danube_wasm_circuit_state",
                "0 closed, 1 half-open, 2 open: whether calls to the target, the broker or the component pause.",
                &[CONNECTOR, "behind"],
            )?,
            concurrency: r.gauge(
                "danube_wasm_target_concurrency",
                "Lanes that may write to the target at a time: as many as make it faster.",
                own,
            )?,
            exhausted: r.counter(
                "danube_wasm_batch_exhaustions_total",
                "Batches that failed as a whole, and of which every part passed.",
                own,
            )?,
            spool_bytes: r.gauge(
                "danube_wasm_spool_bytes",
                "Bytes that wait on this disk for the broker or the target.",
                own,
            )?,
            spool_records: r.gauge(
                "danube_wasm_spool_records",
                "Records and messages that wait on this disk for the broker or the target.",
                own,
            )?,
            spool_refused: r.gauge(
                "danube_wasm_spool_refused_records",
                "Records on this disk that the broker will never accept.",
                own,
            )?,
            spool_oldest: r.gauge(
                "danube_wasm_spool_oldest_age_seconds",
                "Age of the oldest record or message that waits on this disk; 0 when none does.",
                own,
            )?,
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
            gaps: r.counter(
                "danube_wasm_broker_gap_messages_total",
                "Messages that the broker skipped: they were in the topic and were not given to the sink.",
                by_topic,
            )?,
            restarts: r.gauge(
                "danube_wasm_connector_restarts",
                "How often a connector was started again after a crash, since it was added.",
                own,
            )?,
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
            forgets: r.forgets,
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

    /// Takes away a connector's series of its spool.
    pub(super) fn forget_spool(&self, connector: &str) {
        for gauge in [
            &self.spool_bytes,
            &self.spool_records,
            &self.spool_refused,
            &self.spool_oldest,
        ] {
            forget(gauge, connector);
        }
    }

    /// Takes away every series of a connector.
    pub(super) fn forget(&self, connector: &str) {
        self.forgets.iter().for_each(|forget| forget(connector));
    }
}

/// Takes a connector's series of one metric away.
type Forget = Box<dyn Fn(&str) + Send + Sync>;

/// Registers metrics, and remembers those that connectors have series of: none can be left out when one goes.
struct Registering<'a> {
    registry: &'a Registry,
    forgets: Vec<Forget>,
}

impl Registering<'_> {
    fn counter(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
        let metric = counter(self.registry, name, help, labels)?;
        self.remember(&metric, labels);
        Ok(metric)
    }

    fn gauge(&mut self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
        let metric = gauge(self.registry, name, help, labels)?;
        self.remember(&metric, labels);
        Ok(metric)
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let metric = histogram(self.registry, name, help, labels, buckets)?;
        self.remember(&metric, labels);
        Ok(metric)
    }

    fn remember<T: MetricVecBuilder + 'static>(&mut self, family: &MetricVec<T>, labels: &[&str]) {
        if labels.contains(&CONNECTOR) {
            let family = family.clone();
            self.forgets.push(Box::new(move |connector| forget(&family, connector)));
        }
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
