//! Registers metrics, and removes the series of a connector from all of them.

use std::collections::HashMap;

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry,
    core::{Collector, MetricVec, MetricVecBuilder},
    proto::{LabelPair, Metric},
};

use super::manual::{Kind, MetricManual, Section, Unit};

/// Upper bounds of duration buckets, in seconds: a group commit is a millisecond, a sandbox call tens of microseconds, a
/// remote database tens of milliseconds.
pub(super) const SECONDS: &[f64] = &[
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Label of all metrics of one connector.
pub(super) const CONNECTOR: &str = "connector";

/// Removes a connector's series of one metric.
pub(super) type RemoveSeries = Box<dyn Fn(&str) + Send + Sync>;

/// Registers metrics, and collects what the reference page says of each, and the removal of a connector's series for each
/// metric with that label: none is forgotten.
pub(super) struct Registration<'a> {
    pub(super) registry: &'a Registry,
    pub(super) removals: Vec<RemoveSeries>,
    pub(super) manual: Vec<Section>,
}

impl<'a> Registration<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            removals: Vec::new(),
            manual: Vec::new(),
        }
    }

    /// What is registered from here on is of this subject.
    pub(super) fn section(&mut self, title: &'static str) {
        let metrics = Vec::new();
        self.manual.push(Section { title, metrics });
    }

    pub(super) fn counter(
        &mut self,
        name: &str,
        unit: Unit,
        help: &str,
        labels: &[&str],
    ) -> Result<CounterVec, prometheus::Error> {
        let metric = counter(self.registry, name, help, labels)?;
        self.track(&metric, labels);
        self.describe(name, Kind::Counter, unit, help, labels, &[]);
        Ok(metric)
    }

    pub(super) fn gauge(
        &mut self,
        name: &str,
        unit: Unit,
        help: &str,
        labels: &[&str],
    ) -> Result<GaugeVec, prometheus::Error> {
        let metric = gauge(self.registry, name, help, labels)?;
        self.track(&metric, labels);
        self.describe(name, Kind::Gauge, unit, help, labels, &[]);
        Ok(metric)
    }

    pub(super) fn histogram(
        &mut self,
        name: &str,
        unit: Unit,
        help: &str,
        labels: &[&str],
        buckets: &'static [f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let metric = histogram(self.registry, name, help, labels, buckets)?;
        self.track(&metric, labels);
        self.describe(name, Kind::Histogram, unit, help, labels, buckets);
        Ok(metric)
    }

    fn describe(&mut self, name: &str, kind: Kind, unit: Unit, help: &str, labels: &[&str], buckets: &'static [f64]) {
        let metric = MetricManual {
            name: name.to_owned(),
            kind,
            unit,
            help: help.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            buckets,
        };
        if let Some(section) = self.manual.last_mut() {
            section.metrics.push(metric);
        }
    }

    fn track<T: MetricVecBuilder + 'static>(&mut self, family: &MetricVec<T>, labels: &[&str]) {
        if labels.contains(&CONNECTOR) {
            let family = family.clone();
            self.removals
                .push(Box::new(move |connector| remove_connector(&family, connector)));
        }
    }
}

/// Removes a connector's series of one metric.
pub(super) fn remove_connector<T: MetricVecBuilder>(family: &MetricVec<T>, connector: &str) {
    for metric in family.collect().iter().flat_map(|family| family.get_metric()) {
        let is_its = |label: &LabelPair| label.name() == CONNECTOR && label.value() == connector;
        if metric.get_label().iter().any(is_its) {
            remove_series(family, metric);
        }
    }
}

/// Removes one series.
pub(super) fn remove_series<T: MetricVecBuilder>(family: &MetricVec<T>, metric: &Metric) {
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
