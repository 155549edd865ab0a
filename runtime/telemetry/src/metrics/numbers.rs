//! What the metrics say of one connector, for `status` and `top`.

use prometheus::{core::Collector, proto::Metric};
use serde::Serialize;

use super::{Metrics, registration::CONNECTOR};

/// Totals of one connector since the process started, and what it has now.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ConnectorNumbers {
    /// Events or messages taken in.
    pub received: f64,
    /// Events whose records are in the broker; messages that are acknowledged.
    pub processed: f64,
    /// Those that were not processed.
    pub failed: f64,
    /// Messages of a sink that were tried again.
    pub retried: f64,
    /// Inputs that were kept as dead letters.
    pub dead_letters: f64,
    /// Taken in and not yet done.
    pub in_flight: f64,
    /// Calls into the component.
    pub guest_calls: f64,
    /// Time of these calls, in seconds.
    pub guest_seconds: f64,
    /// What an upstream keeps that is not confirmed, in messages, where it counts them.
    pub upstream_lag: Option<f64>,
}

impl Metrics {
    /// The numbers of the connector with this id.
    pub fn numbers(&self, connector: &str) -> ConnectorNumbers {
        let f = &self.families;
        let counted = |family: &dyn Collector| sum(family, connector, |metric| metric.get_counter().get_value());
        let gauge = |family: &dyn Collector| sum(family, connector, |metric| metric.get_gauge().get_value());
        let calls = &f.calls.guest_call;
        ConnectorNumbers {
            received: counted(&f.messages.received).unwrap_or_default(),
            processed: counted(&f.messages.processed).unwrap_or_default(),
            failed: counted(&f.messages.failed).unwrap_or_default(),
            retried: counted(&f.messages.retried).unwrap_or_default(),
            dead_letters: counted(&f.messages.dead_letters).unwrap_or_default(),
            in_flight: gauge(&f.connectors.in_flight).unwrap_or_default(),
            guest_calls: sum(calls, connector, |metric| {
                metric.get_histogram().get_sample_count() as f64
            })
            .unwrap_or_default(),
            guest_seconds: sum(calls, connector, |metric| metric.get_histogram().get_sample_sum()).unwrap_or_default(),
            upstream_lag: gauge(&f.sources.lag),
        }
    }
}

/// The sum of a connector's series, if there is one.
fn sum(family: &dyn Collector, connector: &str, value: impl Fn(&Metric) -> f64) -> Option<f64> {
    let families = family.collect();
    let metrics = families.iter().flat_map(|family| family.get_metric());
    let is_its = |metric: &&Metric| {
        let mut labels = metric.get_label().iter();
        labels.any(|label| label.name() == CONNECTOR && label.value() == connector)
    };
    metrics
        .filter(is_its)
        .map(value)
        .fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}
