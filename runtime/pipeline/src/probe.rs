//! Numbers and traces of one connector: where this crate meets telemetry.
//!
//! A trace is handed on as a W3C `traceparent`: from the request in its event, from there in an attribute of its records.
//! Only sampled traces cost anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use danube_wasm_broker::{BrokerError, Message};
use danube_wasm_model::{
    door::{EgressError, GuestError},
    event::Event,
    identity::TRACE_ATTRIBUTE,
};
use danube_wasm_telemetry::{ConnectorMetrics, Tracing};

use crate::dead_letter::Reason;

/// Counts and traces for one connector; the default does neither.
#[derive(Clone, Default)]
pub struct Probe {
    metrics: Option<ConnectorMetrics>,
    tracing: Tracing,
}

impl Probe {
    /// Counts into `metrics` and records into `tracing`.
    pub fn new(metrics: ConnectorMetrics, tracing: Tracing) -> Self {
        Self {
            metrics: Some(metrics),
            tracing,
        }
    }

    /// Events came in, or a batch of messages was read.
    pub(crate) fn received(&self, topic: &str, n: usize) {
        self.with(|m| m.received(topic, n));
    }

    pub(crate) fn processed(&self, topic: &str, n: usize) {
        self.with(|m| m.processed(topic, n));
    }

    /// The broker has skipped so many messages.
    pub(crate) fn gap(&self, topic: &str, messages: u64) {
        self.with(|m| m.gap(topic, messages));
    }

    pub(crate) fn failed(&self, topic: &str, error_type: &'static str) {
        self.with(|m| m.failed(topic, error_type));
    }

    pub(crate) fn retried(&self, topic: &str, n: usize) {
        self.with(|m| m.retried(topic, n));
    }

    /// So many events or messages are in flight.
    pub(crate) fn in_flight(&self, n: usize) {
        self.with(|m| m.set_in_flight(n));
    }

    pub(crate) fn batch(&self, size: usize) {
        self.with(|m| m.batch(size));
    }

    pub(crate) fn batch_done(&self, started: SystemTime) {
        self.with(|m| m.processing(since(started)));
    }

    pub(crate) fn violation(&self, topic: &str, subject: &str) {
        self.with(|m| m.violation(topic, subject));
    }

    pub(crate) fn dead_letter(&self, reason: Reason) {
        self.with(|m| m.dead_letter(reason.as_str()));
    }

    /// So many writes of the component are to what is not a target of the sink.
    pub(crate) fn foreign_writes(&self, n: usize) {
        self.with(|m| m.foreign_writes(n));
    }

    /// A circuit is closed (0), half-open (1) or open (2).
    pub(crate) fn circuit(&self, behind: &'static str, state: u8) {
        self.with(|m| m.set_circuit(behind, state));
    }

    /// So many lanes may write to the target at a time.
    pub(crate) fn concurrency(&self, limit: usize) {
        self.with(|m| m.set_concurrency(limit));
    }

    /// A batch failed, and every part of it passed.
    pub(crate) fn exhausted(&self) {
        self.with(ConnectorMetrics::exhausted);
    }

    /// A source component was called. What follows from an event follows from this call.
    pub(crate) fn polled<'a>(
        &self,
        started: SystemTime,
        error: Option<&GuestError>,
        traceparents: impl Iterator<Item = &'a mut Option<String>>,
    ) {
        self.with(|m| m.guest_call(since(started), error.map(GuestError::kind)));
        if self.tracing.is_on() {
            let span = (started, SystemTime::now());
            for traceparent in traceparents {
                let child = traceparent
                    .as_deref()
                    .and_then(|parent| self.span("guest.poll", parent, span, error));
                *traceparent = child.or_else(|| traceparent.take());
            }
        }
    }

    /// Records were handed to the broker at `started` and their fate is known.
    pub(crate) fn published<'a>(
        &self,
        started: SystemTime,
        events: impl Iterator<Item = &'a Event>,
        error: Option<&BrokerError>,
    ) {
        self.with(|m| m.publish(since(started)));
        if self.tracing.is_on() {
            let span = (started, SystemTime::now());
            for parent in events.filter_map(|event| event.traceparent.as_deref()) {
                self.span("broker.publish", parent, span, error);
            }
        }
    }

    /// A sink component was called.
    pub(crate) fn processed_batch<'a>(
        &self,
        started: SystemTime,
        error: Option<&GuestError>,
        messages: impl Iterator<Item = &'a Message>,
    ) {
        self.with(|m| m.guest_call(since(started), error.map(GuestError::kind)));
        self.message_spans("guest.process_batch", started, error, messages);
    }

    /// The target was written to.
    pub(crate) fn wrote<'a>(
        &self,
        started: SystemTime,
        error: Option<&EgressError>,
        messages: impl Iterator<Item = &'a Message>,
    ) {
        self.with(|m| m.egress_write(since(started), error.map(EgressError::kind)));
        self.message_spans("egress.write", started, error, messages);
    }

    /// Messages came out of the broker: each span begins when its message was published.
    pub(crate) fn consumed(&self, messages: &[Message]) {
        for message in messages {
            self.received(message.topic.as_str(), 1);
        }
        if self.tracing.is_on() {
            let now = SystemTime::now();
            for message in messages {
                if let Some(parent) = traceparent(message) {
                    let published = UNIX_EPOCH + Duration::from_millis(message.publish_time_ms);
                    self.span::<BrokerError>("broker.consume", parent, (published.min(now), now), None);
                }
            }
        }
    }

    fn message_spans<'a, E: ToString>(
        &self,
        name: &'static str,
        started: SystemTime,
        error: Option<&E>,
        messages: impl Iterator<Item = &'a Message>,
    ) {
        if self.tracing.is_on() {
            let span = (started, SystemTime::now());
            for parent in messages.filter_map(traceparent) {
                self.span(name, parent, span, error);
            }
        }
    }

    fn span<E: ToString>(
        &self,
        name: &'static str,
        parent: &str,
        span: (SystemTime, SystemTime),
        error: Option<&E>,
    ) -> Option<String> {
        self.tracing
            .record(name, parent, span, error.map(E::to_string), Vec::new())
    }

    fn with(&self, count: impl FnOnce(&ConnectorMetrics)) {
        if let Some(metrics) = &self.metrics {
            count(metrics);
        }
    }
}

fn traceparent(message: &Message) -> Option<&str> {
    message
        .attributes
        .iter()
        .find(|(name, _)| name == TRACE_ATTRIBUTE)
        .map(|(_, value)| value.as_str())
}

fn since(started: SystemTime) -> Duration {
    started.elapsed().unwrap_or_default()
}
