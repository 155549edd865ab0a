//! Components' own metrics: `danube_guest_<name>`, registered at the first use of a name.
//!
//! The sandbox has checked the name and bounded how many a connector has; the connector is the only label.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus::{CounterVec, GaugeVec, HistogramVec, Registry};

use super::{
    manual::Kind,
    registration::{CONNECTOR, SECONDS, counter, gauge, histogram, remove_connector},
};

/// What each type of them is for.
pub(super) const HELP: [(Kind, &str); 3] = [
    (Kind::Counter, COUNTED),
    (Kind::Gauge, SET),
    (Kind::Histogram, OBSERVED),
];
const COUNTED: &str = "Counted by a component.";
const SET: &str = "Set by a component.";
const OBSERVED: &str = "Observed by a component, in the buckets of seconds.";

/// All of them, by name. Connectors that use a name share the metric; the first use decides its kind, and values of
/// another kind are ignored.
#[derive(Default)]
pub(super) struct GuestMetrics(Mutex<HashMap<String, GuestMetric>>);

enum GuestMetric {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

impl GuestMetrics {
    pub(super) fn add(&self, registry: &Registry, connector: &str, name: &str, value: u64) {
        let make = |name: &str| counter(registry, name, COUNTED, &[CONNECTOR]).map(GuestMetric::Counter);
        self.with(name, make, |metric| {
            if let GuestMetric::Counter(metric) = metric {
                metric.with_label_values(&[connector]).inc_by(value as f64);
            }
        });
    }

    pub(super) fn set(&self, registry: &Registry, connector: &str, name: &str, value: f64) {
        let make = |name: &str| gauge(registry, name, SET, &[CONNECTOR]).map(GuestMetric::Gauge);
        self.with(name, make, |metric| {
            if let GuestMetric::Gauge(metric) = metric {
                metric.with_label_values(&[connector]).set(value);
            }
        });
    }

    /// A value that is not finite would spoil the sum for good, and is ignored.
    pub(super) fn observe(&self, registry: &Registry, connector: &str, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let make = |name: &str| histogram(registry, name, OBSERVED, &[CONNECTOR], SECONDS).map(GuestMetric::Histogram);
        self.with(name, make, |metric| {
            if let GuestMetric::Histogram(metric) = metric {
                metric.with_label_values(&[connector]).observe(value);
            }
        });
    }

    pub(super) fn remove_connector(&self, connector: &str) {
        for metric in self.0.lock().values() {
            match metric {
                GuestMetric::Counter(metric) => remove_connector(metric, connector),
                GuestMetric::Gauge(metric) => remove_connector(metric, connector),
                GuestMetric::Histogram(metric) => remove_connector(metric, connector),
            }
        }
    }

    fn with(
        &self,
        name: &str,
        make: impl Fn(&str) -> Result<GuestMetric, prometheus::Error>,
        with: impl Fn(&GuestMetric),
    ) {
        let mut metrics = self.0.lock();
        if let Some(metric) = metrics.get(name) {
            return with(metric);
        }
        match make(&format!("danube_guest_{name}")) {
            Ok(metric) => with(metrics.entry(name.to_owned()).or_insert(metric)),
            Err(error) => tracing::debug!(name, %error, "a component's metric could not be made"),
        }
    }
}
