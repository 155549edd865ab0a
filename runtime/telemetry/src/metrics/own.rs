//! What components count themselves: `danube_guest_<name>`, made at the first use of a name.
//!
//! The sandbox has checked the name and bounded how many a connector has; the connector is the only label.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus::{CounterVec, GaugeVec, HistogramVec, Registry};

use super::families::{CONNECTOR, SECONDS, counter, forget, gauge, histogram};

/// All of them, by name. Connectors that use a name share the metric; the first use decides which kind it is, and what
/// another connector does with it as another kind is left out.
#[derive(Default)]
pub(super) struct OwnMetrics(Mutex<HashMap<String, Own>>);

enum Own {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

impl OwnMetrics {
    pub(super) fn add(&self, registry: &Registry, connector: &str, name: &str, value: u64) {
        let make = |name: &str| counter(registry, name, "Counted by a component.", &[CONNECTOR]).map(Own::Counter);
        self.with(name, make, |own| {
            if let Own::Counter(metric) = own {
                metric.with_label_values(&[connector]).inc_by(value as f64);
            }
        });
    }

    pub(super) fn set(&self, registry: &Registry, connector: &str, name: &str, value: f64) {
        let make = |name: &str| gauge(registry, name, "Set by a component.", &[CONNECTOR]).map(Own::Gauge);
        self.with(name, make, |own| {
            if let Own::Gauge(metric) = own {
                metric.with_label_values(&[connector]).set(value);
            }
        });
    }

    /// What is not finite would spoil the sum for good, and is left out.
    pub(super) fn observe(&self, registry: &Registry, connector: &str, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let help = "Observed by a component.";
        let make = |name: &str| histogram(registry, name, help, &[CONNECTOR], SECONDS).map(Own::Histogram);
        self.with(name, make, |own| {
            if let Own::Histogram(metric) = own {
                metric.with_label_values(&[connector]).observe(value);
            }
        });
    }

    pub(super) fn forget(&self, connector: &str) {
        for own in self.0.lock().values() {
            match own {
                Own::Counter(metric) => forget(metric, connector),
                Own::Gauge(metric) => forget(metric, connector),
                Own::Histogram(metric) => forget(metric, connector),
            }
        }
    }

    fn with(&self, name: &str, make: impl Fn(&str) -> Result<Own, prometheus::Error>, with: impl Fn(&Own)) {
        let mut own = self.0.lock();
        if let Some(metric) = own.get(name) {
            return with(metric);
        }
        match make(&format!("danube_guest_{name}")) {
            Ok(metric) => with(own.entry(name.to_owned()).or_insert(metric)),
            Err(error) => tracing::debug!(name, %error, "a component's metric could not be made"),
        }
    }
}
