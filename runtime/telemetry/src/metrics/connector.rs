//! The metrics of one connector.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use prometheus::{Gauge, Histogram};

use super::Metrics;

/// The metrics of one connector. Cheap to clone.
#[derive(Clone)]
pub struct ConnectorMetrics {
    metrics: Arc<Metrics>,
    id: Arc<str>,
    processing: Histogram,
    batch_size: Histogram,
    in_flight: Gauge,
    health: Gauge,
    publish: Histogram,
    guest_call: Histogram,
    egress_write: Histogram,
}

/// What a connector is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorState {
    /// Waits for its turn to start.
    Pending,
    /// Is being started.
    Starting,
    /// Works.
    Running,
    /// Is held up.
    Degraded,
    /// Does nothing for now.
    Down,
    /// Has stopped by itself.
    Failed,
    /// Was told to stop.
    Stopped,
}

impl ConnectorState {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::Degraded,
        Self::Down,
        Self::Failed,
        Self::Stopped,
    ];

    /// Closed metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl ConnectorMetrics {
    pub(super) fn new(metrics: Arc<Metrics>, id: &ConnectorId) -> Self {
        let (id, f) = (id.as_str(), &metrics.families);
        Self {
            processing: f.processing.with_label_values(&[id]),
            batch_size: f.batch_size.with_label_values(&[id]),
            in_flight: f.in_flight.with_label_values(&[id]),
            health: f.health.with_label_values(&[id]),
            publish: f.publish.with_label_values(&[id]),
            guest_call: f.guest_call.with_label_values(&[id]),
            egress_write: f.egress_write.with_label_values(&[id]),
            id: id.into(),
            metrics,
        }
    }

    /// `n` events or messages were taken in. `topic` is a source's endpoint or a sink's topic.
    pub fn received(&self, topic: &str, n: usize) {
        let received = &self.metrics.families.received;
        received.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// `n` are done.
    pub fn processed(&self, topic: &str, n: usize) {
        let processed = &self.metrics.families.processed;
        processed.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// The broker has skipped so many messages of a sink's topic.
    pub fn gap(&self, topic: &str, messages: u64) {
        let gaps = &self.metrics.families.gaps;
        gaps.with_label_values(&[&*self.id, topic]).inc_by(messages as f64);
    }

    /// One failed. `error_type` is of a closed set.
    pub fn failed(&self, topic: &str, error_type: &'static str) {
        let failed = &self.metrics.families.failed;
        failed.with_label_values(&[&self.id, topic, error_type]).inc();
    }

    /// `n` are tried again.
    pub fn retried(&self, topic: &str, n: usize) {
        let retried = &self.metrics.families.retried;
        retried.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// So many events and messages are taken in and not yet done.
    pub fn set_in_flight(&self, n: usize) {
        self.in_flight.set(n as f64);
    }

    /// A payload violated a schema.
    pub fn violation(&self, topic: &str, subject: &str) {
        let violations = &self.metrics.families.violations;
        violations.with_label_values(&[&self.id, topic, subject]).inc();
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
        self.publish.observe(elapsed.as_secs_f64());
    }

    /// A component was called. `failure` is of a closed set.
    pub fn guest_call(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.guest_call.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            let failures = &self.metrics.families.guest_failures;
            failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// The target was written to. `failure` is of a closed set.
    pub fn egress_write(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.egress_write.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            let failures = &self.metrics.families.egress_failures;
            failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// `n` writes of a component are to what is not a target of its sink.
    pub fn foreign_writes(&self, n: usize) {
        let foreign = &self.metrics.families.foreign_writes;
        foreign.with_label_values(&[&*self.id]).inc_by(n as f64);
    }

    /// A dead letter. `reason` is of a closed set.
    pub fn dead_letter(&self, reason: &'static str) {
        let dead_letters = &self.metrics.families.dead_letters;
        dead_letters.with_label_values(&[&*self.id, reason]).inc();
    }

    /// The circuit to what is behind it is closed (0), half-open (1) or open (2). `behind` is of a closed set.
    pub fn set_circuit(&self, behind: &'static str, state: u8) {
        let circuit = &self.metrics.families.circuit;
        circuit.with_label_values(&[&*self.id, behind]).set(f64::from(state));
    }

    /// So many lanes may write to the target at a time.
    pub fn set_concurrency(&self, limit: usize) {
        let concurrency = &self.metrics.families.concurrency;
        concurrency.with_label_values(&[&*self.id]).set(limit as f64);
    }

    /// A batch failed as a whole, and every part of it passed.
    pub fn exhausted(&self) {
        let exhausted = &self.metrics.families.exhausted;
        exhausted.with_label_values(&[&*self.id]).inc();
    }

    /// It was started again after a crash so many times.
    pub fn set_restarts(&self, restarts: u64) {
        let gauge = &self.metrics.families.restarts;
        gauge.with_label_values(&[&*self.id]).set(restarts as f64);
    }

    /// Whether it works.
    pub fn set_health(&self, works: bool) {
        self.health.set(f64::from(u8::from(works)));
    }

    /// What state it is in.
    pub fn set_state(&self, state: ConnectorState) {
        for each in ConnectorState::ALL {
            let gauge = &self.metrics.families.state;
            let gauge = gauge.with_label_values(&[&*self.id, each.as_str()]);
            gauge.set(f64::from(u8::from(each == state)));
        }
    }

    /// What a component logged or counted over its quota. `what` is of a closed set.
    pub fn guest_dropped(&self, what: &'static str, n: u64) {
        let dropped = &self.metrics.families.guest_dropped;
        dropped.with_label_values(&[&*self.id, what]).inc_by(n as f64);
    }

    /// Adds to a component's own counter.
    pub fn guest_counter(&self, name: &str, value: u64) {
        self.metrics.own.add(&self.metrics.registry, &self.id, name, value);
    }

    /// Sets a component's own gauge.
    pub fn guest_gauge(&self, name: &str, value: f64) {
        self.metrics.own.set(&self.metrics.registry, &self.id, name, value);
    }

    /// Adds an observation to a component's own histogram.
    pub fn guest_observe(&self, name: &str, value: f64) {
        self.metrics.own.observe(&self.metrics.registry, &self.id, name, value);
    }
}
