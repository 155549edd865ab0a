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

/// The state of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorState {
    /// Waits for its turn to start.
    Pending,
    /// Is being started.
    Starting,
    /// Works.
    Running,
    /// Works with errors or waits; expected to recover.
    Degraded,
    /// Does not work at present.
    Down,
    /// Takes nothing new until an operator resumes it.
    Paused,
    /// Stopped because of an error.
    Failed,
    /// Stopped on request.
    Stopped,
}

impl ConnectorState {
    pub(super) const ALL: [Self; 8] = [
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::Degraded,
        Self::Down,
        Self::Paused,
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
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl ConnectorMetrics {
    pub(super) fn new(metrics: Arc<Metrics>, id: &ConnectorId) -> Self {
        let (id, f) = (id.as_str(), &metrics.families);
        Self {
            processing: f.connectors.processing.with_label_values(&[id]),
            batch_size: f.connectors.batch_size.with_label_values(&[id]),
            in_flight: f.connectors.in_flight.with_label_values(&[id]),
            health: f.connectors.health.with_label_values(&[id]),
            publish: f.calls.publish.with_label_values(&[id]),
            guest_call: f.calls.guest_call.with_label_values(&[id]),
            egress_write: f.calls.egress_write.with_label_values(&[id]),
            id: id.into(),
            metrics,
        }
    }

    /// Counts `n` events or messages that arrived. `topic` is a source's endpoint or a sink's topic.
    pub fn received(&self, topic: &str, n: usize) {
        let received = &self.metrics.families.messages.received;
        received.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// Counts `n` events or messages that are done.
    pub fn processed(&self, topic: &str, n: usize) {
        let processed = &self.metrics.families.messages.processed;
        processed.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// Counts messages of a sink's topic that the broker skipped.
    pub fn gap(&self, topic: &str, messages: u64) {
        let gaps = &self.metrics.families.messages.gaps;
        gaps.with_label_values(&[&*self.id, topic]).inc_by(messages as f64);
    }

    /// Counts a failed event or message. `error_type` is of a closed set.
    pub fn failed(&self, topic: &str, error_type: &'static str) {
        let failed = &self.metrics.families.messages.failed;
        failed.with_label_values(&[&self.id, topic, error_type]).inc();
    }

    /// Counts `n` retried messages.
    pub fn retried(&self, topic: &str, n: usize) {
        let retried = &self.metrics.families.messages.retried;
        retried.with_label_values(&[&self.id, topic]).inc_by(n as f64);
    }

    /// Sets the number of events and messages in flight.
    pub fn set_in_flight(&self, n: usize) {
        self.in_flight.set(n as f64);
    }

    /// Sets how many events were read from an upstream that are not confirmed, and since when the oldest of them is here.
    pub fn set_unconfirmed(&self, n: usize, oldest: Duration) {
        let sources = &self.metrics.families.sources;
        sources.unconfirmed.with_label_values(&[&*self.id]).set(n as f64);
        sources
            .oldest_age
            .with_label_values(&[&*self.id])
            .set(oldest.as_secs_f64());
    }

    /// Counts a try to make a new session with an upstream.
    pub fn reconnected(&self) {
        let reconnects = &self.metrics.families.sources.reconnects;
        reconnects.with_label_values(&[&*self.id]).inc();
    }

    /// Counts a confirmation that an upstream did not take. `kind` is of a closed set.
    pub fn confirm_failed(&self, kind: &'static str) {
        let failures = &self.metrics.families.sources.confirm_failures;
        failures.with_label_values(&[&*self.id, kind]).inc();
    }

    /// Sets what the upstream keeps of each stream, messages and bytes, where it says so. Series of other streams are
    /// removed.
    pub fn set_backlogs<'a>(&self, backlogs: impl IntoIterator<Item = (&'a str, [Option<u64>; 2])>) {
        self.metrics.families.set_backlogs(&self.id, backlogs);
    }

    /// Counts a payload that violates its schema.
    pub fn violation(&self, topic: &str, subject: &str) {
        let violations = &self.metrics.families.messages.schema_violations;
        violations.with_label_values(&[&self.id, topic, subject]).inc();
    }

    /// Records the size of a batch.
    pub fn batch(&self, size: usize) {
        self.batch_size.observe(size as f64);
    }

    /// Records the duration of a batch.
    pub fn processing(&self, elapsed: Duration) {
        self.processing.observe(elapsed.as_secs_f64());
    }

    /// Records the duration of a publish.
    pub fn publish(&self, elapsed: Duration) {
        self.publish.observe(elapsed.as_secs_f64());
    }

    /// Records a call of a component. `failure` is of a closed set.
    pub fn guest_call(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.guest_call.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            let failures = &self.metrics.families.calls.guest_failures;
            failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// Records a write to the target. `failure` is of a closed set.
    pub fn egress_write(&self, elapsed: Duration, failure: Option<&'static str>) {
        self.egress_write.observe(elapsed.as_secs_f64());
        if let Some(kind) = failure {
            let failures = &self.metrics.families.calls.egress_failures;
            failures.with_label_values(&[&*self.id, kind]).inc();
        }
    }

    /// Counts `n` writes of a component to targets that its sink does not have.
    pub fn foreign_writes(&self, n: usize) {
        let foreign = &self.metrics.families.calls.foreign_writes;
        foreign.with_label_values(&[&*self.id]).inc_by(n as f64);
    }

    /// Counts a dead letter. `reason` is of a closed set.
    pub fn dead_letter(&self, reason: &'static str) {
        let dead_letters = &self.metrics.families.messages.dead_letters;
        dead_letters.with_label_values(&[&*self.id, reason]).inc();
    }

    /// Sets the state of a circuit breaker: closed (0), half-open (1) or open (2). `behind` is of a closed set.
    pub fn set_circuit(&self, behind: &'static str, state: u8) {
        let circuit = &self.metrics.families.connectors.circuit;
        circuit.with_label_values(&[&*self.id, behind]).set(f64::from(state));
    }

    /// Sets the number of lanes that may write to the target at a time.
    pub fn set_concurrency(&self, limit: usize) {
        let concurrency = &self.metrics.families.connectors.concurrency;
        concurrency.with_label_values(&[&*self.id]).set(limit as f64);
    }

    /// Counts a batch that failed as a whole although every part of it succeeded.
    pub fn exhausted(&self) {
        let exhausted = &self.metrics.families.connectors.batch_exhaustions;
        exhausted.with_label_values(&[&*self.id]).inc();
    }

    /// Sets the number of restarts after a crash.
    pub fn set_restarts(&self, restarts: u64) {
        let gauge = &self.metrics.families.connectors.restarts;
        gauge.with_label_values(&[&*self.id]).set(restarts as f64);
    }

    /// Whether it works.
    pub fn set_health(&self, works: bool) {
        self.health.set(f64::from(u8::from(works)));
    }

    /// Sets the state.
    pub fn set_state(&self, state: ConnectorState) {
        for each in ConnectorState::ALL {
            let gauge = &self.metrics.families.connectors.state;
            let gauge = gauge.with_label_values(&[&*self.id, each.as_str()]);
            gauge.set(f64::from(u8::from(each == state)));
        }
    }

    /// Counts log lines or metrics of a component over its quota. `what` is of a closed set.
    pub fn guest_dropped(&self, what: &'static str, n: u64) {
        let dropped = &self.metrics.families.calls.guest_dropped;
        dropped.with_label_values(&[&*self.id, what]).inc_by(n as f64);
    }

    /// Counts an instance that is replaced because it is near its limit of memory.
    pub fn guest_replaced(&self) {
        let replaced = &self.metrics.families.calls.guest_replaced;
        replaced.with_label_values(&[&*self.id]).inc();
    }

    /// Counts a request of a component. `outcome` is of a closed set.
    pub fn guest_http(&self, outcome: &'static str, bytes: usize, elapsed: Duration) {
        let calls = &self.metrics.families.calls;
        let http = calls.guest_http.with_label_values(&[&*self.id, outcome]);
        http.observe(elapsed.as_secs_f64());
        calls
            .guest_http_bytes
            .with_label_values(&[&*self.id])
            .inc_by(bytes as f64);
    }

    /// Adds to a component's own counter.
    pub fn guest_counter(&self, name: &str, value: u64) {
        self.metrics.guest.add(&self.metrics.registry, &self.id, name, value);
    }

    /// Sets a component's own gauge.
    pub fn guest_gauge(&self, name: &str, value: f64) {
        self.metrics.guest.set(&self.metrics.registry, &self.id, name, value);
    }

    /// Adds an observation to a component's own histogram.
    pub fn guest_observe(&self, name: &str, value: f64) {
        self.metrics
            .guest
            .observe(&self.metrics.registry, &self.id, name, value);
    }
}
