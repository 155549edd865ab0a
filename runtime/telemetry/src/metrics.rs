//! Every metric this process shows, by name.
//!
//! Names that Danube Connect has (`danube_connector_*`) mean the same here; what it does not have is `danube_wasm_*`, and
//! what components count themselves is `danube_guest_*`. Label values are connectors, configured topics and endpoints,
//! and closed sets: nothing that a sender or a component writes becomes a label.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use danube_wasm_model::ConnectorId;
use parking_lot::Mutex;
use prometheus::{
    CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder,
};

/// Upper bounds of duration buckets, in seconds: a group commit is a millisecond, a sandbox call tens of microseconds, a
/// remote database tens of milliseconds.
const SECONDS: &[f64] = &[
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of batch sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0];

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    received: CounterVec,
    processed: CounterVec,
    failed: CounterVec,
    retried: CounterVec,
    processing: HistogramVec,
    batch_size: HistogramVec,
    health: GaugeVec,
    http_requests: CounterVec,
    http_duration: HistogramVec,
    violations: CounterVec,
    flush: HistogramVec,
    guest_call: HistogramVec,
    guest_failures: CounterVec,
    guest_dropped: CounterVec,
    egress_write: HistogramVec,
    egress_failures: CounterVec,
    dead_letters: CounterVec,
    lag: GaugeVec,
    guest_own: Mutex<HashMap<String, Own>>,
}

/// A metric of a component's own.
enum Own {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

/// Totals for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Events and messages taken in.
    pub received: f64,
    /// Those that are done.
    pub processed: f64,
    /// Those that failed.
    pub failed: f64,
    /// Dead letters.
    pub dead_letters: f64,
}

impl Metrics {
    /// A registry of its own with every metric in it.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        let by_topic = &["connector", "topic"];
        let metrics = Self {
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
                &["connector", "topic", "error_type"],
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
                &["connector"],
                SECONDS,
            )?,
            batch_size: histogram(
                r,
                "danube_connector_batch_size",
                "Events or messages of a call.",
                &["connector"],
                SIZES,
            )?,
            health: gauge(
                r,
                "danube_connector_health",
                "1 when the connector works, else 0.",
                &["connector"],
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
            violations: counter(
                r,
                "danube_wasm_schema_violations_total",
                "Payloads that violate their schema.",
                &["connector", "topic", "subject"],
            )?,
            flush: histogram(
                r,
                "danube_wasm_publish_duration_seconds",
                "From handing records over until they are durable.",
                &["connector"],
                SECONDS,
            )?,
            guest_call: histogram(
                r,
                "danube_wasm_guest_call_duration_seconds",
                "A call into a component.",
                &["connector"],
                SECONDS,
            )?,
            guest_failures: counter(
                r,
                "danube_wasm_guest_failures_total",
                "Calls into a component that failed.",
                &["connector", "kind"],
            )?,
            guest_dropped: counter(
                r,
                "danube_wasm_guest_dropped_total",
                "What a component logged or counted over its quota.",
                &["connector", "what"],
            )?,
            egress_write: histogram(
                r,
                "danube_wasm_egress_write_duration_seconds",
                "A write to the target.",
                &["connector"],
                SECONDS,
            )?,
            egress_failures: counter(
                r,
                "danube_wasm_egress_failures_total",
                "Writes to the target that failed.",
                &["connector", "kind"],
            )?,
            dead_letters: counter(
                r,
                "danube_wasm_dead_letters_total",
                "Dead letters.",
                &["connector", "reason"],
            )?,
            lag: gauge(
                r,
                "danube_wasm_subscription_lag_messages",
                "Messages that a subscription has not acknowledged.",
                &["topic", "subscription"],
            )?,
            guest_own: Mutex::default(),
            registry,
        };
        let build = gauge(&metrics.registry, "danube_wasm_build_info", "1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Ok(Arc::new(metrics))
    }

    /// The metrics of one connector.
    pub fn connector(self: &Arc<Self>, id: &ConnectorId) -> ConnectorMetrics {
        let id = id.as_str();
        ConnectorMetrics {
            processing: self.processing.with_label_values(&[id]),
            batch_size: self.batch_size.with_label_values(&[id]),
            health: self.health.with_label_values(&[id]),
            flush: self.flush.with_label_values(&[id]),
            guest_call: self.guest_call.with_label_values(&[id]),
            egress_write: self.egress_write.with_label_values(&[id]),
            metrics: self.clone(),
            id: id.into(),
        }
    }

    /// A request was answered. `endpoint` is a configured path, or a fixed word for all others.
    pub fn http_request(&self, endpoint: &str, status: u16, elapsed: Duration) {
        let mut digits = [0; 5];
        self.http_requests
            .with_label_values(&[endpoint, decimal(status, &mut digits)])
            .inc();
        self.http_duration
            .with_label_values(&[endpoint])
            .observe(elapsed.as_secs_f64());
    }

    /// How far a subscription is behind.
    pub fn set_lag(&self, topic: &str, subscription: &str, messages: u64) {
        self.lag.with_label_values(&[topic, subscription]).set(messages as f64);
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Totals of all connectors.
    pub fn totals(&self) -> Totals {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for family in self.registry.gather() {
            let sum = family.get_metric().iter().map(|m| m.get_counter().get_value()).sum();
            sums.insert(family.name().to_owned(), sum);
        }
        let sum = |name: &str| sums.get(name).copied().unwrap_or_default();
        Totals {
            received: sum("danube_connector_messages_received_total"),
            processed: sum("danube_connector_messages_processed_total"),
            failed: sum("danube_connector_messages_failed_total"),
            dead_letters: sum("danube_wasm_dead_letters_total"),
        }
    }

    /// Runs `with` on a component's own metric, making it at its first use. The sandbox has checked the name and bounded
    /// how many there are; one that was another kind before is left alone.
    fn own(&self, name: &str, make: impl Fn(&str) -> Result<Own, prometheus::Error>, with: impl Fn(&Own)) {
        let mut own = self.guest_own.lock();
        if let Some(metric) = own.get(name) {
            return with(metric);
        }
        match make(&format!("danube_guest_{name}")) {
            Ok(metric) => with(own.entry(name.to_owned()).or_insert(metric)),
            Err(error) => tracing::warn!(name, %error, "a component's metric could not be made"),
        }
    }
}

/// The metrics of one connector. Cheap to clone.
#[derive(Clone)]
pub struct ConnectorMetrics {
    metrics: Arc<Metrics>,
    id: Arc<str>,
    processing: Histogram,
    batch_size: Histogram,
    health: Gauge,
    flush: Histogram,
    guest_call: Histogram,
    egress_write: Histogram,
}

impl ConnectorMetrics {
    /// `n` events or messages were taken in. `topic` is a source's endpoint or a sink's topic.
    pub fn received(&self, topic: &str, n: usize) {
        self.metrics
            .received
            .with_label_values(&[&self.id, topic])
            .inc_by(n as f64);
    }

    /// `n` are done.
    pub fn processed(&self, topic: &str, n: usize) {
        self.metrics
            .processed
            .with_label_values(&[&self.id, topic])
            .inc_by(n as f64);
    }

    /// One failed. `error_type` is of a closed set.
    pub fn failed(&self, topic: &str, error_type: &'static str) {
        self.metrics
            .failed
            .with_label_values(&[&self.id, topic, error_type])
            .inc();
    }

    /// `n` are tried again.
    pub fn retried(&self, topic: &str, n: usize) {
        self.metrics
            .retried
            .with_label_values(&[&self.id, topic])
            .inc_by(n as f64);
    }

    /// A payload violated a schema.
    pub fn violation(&self, topic: &str, subject: &str) {
        self.metrics
            .violations
            .with_label_values(&[&self.id, topic, subject])
            .inc();
    }

    /// A batch of this size was made.
    pub fn batch(&self, size: usize) {
        self.batch_size.observe(size as f64);
    }

    /// A batch came to its end.
    pub fn processing(&self, elapsed: Duration) {
        self.processing.observe(elapsed.as_secs_f64());
    }

    /// Records became durable, or not.
    pub fn publish(&self, elapsed: Duration) {
        self.flush.observe(elapsed.as_secs_f64());
    }

    /// A component was called. `failure` is of a closed set.
    pub fn guest_call(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.guest_call.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            self.metrics.guest_failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// The target was written to. `failure` is of a closed set.
    pub fn egress_write(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.egress_write.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            self.metrics.egress_failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// A dead letter. `reason` is of a closed set.
    pub fn dead_letter(&self, reason: &'static str) {
        self.metrics.dead_letters.with_label_values(&[&*self.id, reason]).inc();
    }

    /// Whether it works.
    pub fn set_health(&self, works: bool) {
        self.health.set(f64::from(u8::from(works)));
    }

    /// What a component logged or counted over its quota. `what` is of a closed set.
    pub fn guest_dropped(&self, what: &'static str, n: u64) {
        self.metrics
            .guest_dropped
            .with_label_values(&[&*self.id, what])
            .inc_by(n as f64);
    }

    /// Adds to a component's own counter.
    pub fn guest_counter(&self, name: &str, value: u64) {
        let help = "Counted by a component.";
        let make = |name: &str| counter(&self.metrics.registry, name, help, &["connector"]).map(Own::Counter);
        self.metrics.own(name, make, |own| {
            if let Own::Counter(metric) = own {
                metric.with_label_values(&[&self.id]).inc_by(value as f64);
            }
        });
    }

    /// Sets a component's own gauge.
    pub fn guest_gauge(&self, name: &str, value: f64) {
        let make =
            |name: &str| gauge(&self.metrics.registry, name, "Set by a component.", &["connector"]).map(Own::Gauge);
        self.metrics.own(name, make, |own| {
            if let Own::Gauge(metric) = own {
                metric.with_label_values(&[&self.id]).set(value);
            }
        });
    }

    /// Adds an observation to a component's own histogram.
    pub fn guest_observe(&self, name: &str, value: f64) {
        let help = "Observed by a component.";
        let make =
            |name: &str| histogram(&self.metrics.registry, name, help, &["connector"], SECONDS).map(Own::Histogram);
        self.metrics.own(name, make, |own| {
            if let Own::Histogram(metric) = own {
                metric.with_label_values(&[&self.id]).observe(value);
            }
        });
    }
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
    let metric = CounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let metric = GaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A status as text without allocating.
fn decimal(mut value: u16, digits: &mut [u8; 5]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_under_danube_connects_names() {
        let metrics = Metrics::new().expect("metrics");
        let connector = metrics.connector(&ConnectorId::try_new("p", "c").expect("valid"));
        connector.received("/ns/t", 3);
        connector.failed("/ns/t", "trap");
        connector.guest_counter("seen", 2);
        connector.guest_gauge("seen", 9.0);
        metrics.http_request("/hook", 200, Duration::from_millis(1));
        let text = metrics.render();
        for line in [
            "danube_connector_messages_received_total{connector=\"p/c\",topic=\"/ns/t\"} 3",
            "danube_connector_messages_failed_total{connector=\"p/c\",error_type=\"trap\",topic=\"/ns/t\"} 1",
            "danube_guest_seen{connector=\"p/c\"} 2",
            "danube_wasm_http_requests_total{endpoint=\"/hook\",status=\"200\"} 1",
            "danube_wasm_http_request_duration_seconds_bucket{endpoint=\"/hook\",le=\"0.001\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
        assert_eq!(metrics.totals().received, 3.0);
    }
}
