//! Metrics and traces of one connector: the only place where this crate uses telemetry.
//!
//! A trace is passed on as a W3C `traceparent`: from the request to its event, and from there to an attribute of its
//! records. Only sampled traces cost anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use danube_wasm_broker::{BrokerError, Message};
use danube_wasm_model::{
    door::{EgressError, GuestError},
    event::Event,
    identity::TRACE_ATTRIBUTE,
    upstream::UpstreamError,
};
use danube_wasm_telemetry::{ConnectorMetrics, Tracing};

use crate::dead_letter::Reason;

/// Metrics and traces of one connector; the default records neither.
#[derive(Clone, Default)]
pub struct Instruments {
    metrics: Option<ConnectorMetrics>,
    tracing: Tracing,
}

impl Instruments {
    /// Counts into `metrics` and records spans into `tracing`.
    pub fn new(metrics: ConnectorMetrics, tracing: Tracing) -> Self {
        Self {
            metrics: Some(metrics),
            tracing,
        }
    }

    /// Counts events that arrived, or messages of a batch that was read, each by its endpoint or topic.
    pub(crate) fn received<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        self.with(|m| each_run(topics, |topic, n| m.received(topic, n)));
    }

    /// Counts those that are done, likewise.
    pub(crate) fn processed<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        self.with(|m| each_run(topics, |topic, n| m.processed(topic, n)));
    }

    /// Counts messages that the broker has skipped.
    pub(crate) fn gap(&self, topic: &str, messages: u64) {
        self.with(|m| m.gap(topic, messages));
    }

    pub(crate) fn failed(&self, topic: &str, error_type: &'static str) {
        self.with(|m| m.failed(topic, error_type));
    }

    pub(crate) fn retried(&self, topic: &str, n: usize) {
        self.with(|m| m.retried(topic, n));
    }

    /// Sets the number of events or messages in flight.
    pub(crate) fn in_flight(&self, n: usize) {
        self.with(|m| m.set_in_flight(n));
    }

    /// So many events that were read from an upstream are not confirmed, the oldest of them for so long.
    pub(crate) fn unconfirmed(&self, n: usize, oldest: Duration) {
        self.with(|m| m.set_unconfirmed(n, oldest));
    }

    /// A new session with an upstream is tried.
    pub(crate) fn reconnected(&self) {
        self.with(ConnectorMetrics::reconnected);
    }

    /// The upstream did not take a confirmation.
    pub(crate) fn confirm_failed(&self, error: &UpstreamError) {
        self.with(|m| m.confirm_failed(error.kind()));
    }

    /// The upstream keeps so much of each stream: messages and bytes.
    pub(crate) fn backlogs<'a>(&self, backlogs: impl IntoIterator<Item = (&'a str, [Option<u64>; 2])>) {
        self.with(|m| m.set_backlogs(backlogs));
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

    /// Counts writes of the component to targets that are not the sink's.
    pub(crate) fn foreign_writes(&self, n: usize) {
        self.with(|m| m.foreign_writes(n));
    }

    /// Sets the state of a circuit: closed (0), half-open (1) or open (2).
    pub(crate) fn circuit(&self, behind: &'static str, state: u8) {
        self.with(|m| m.set_circuit(behind, state));
    }

    /// Sets how many lanes may write to the target at a time.
    pub(crate) fn concurrency(&self, limit: usize) {
        self.with(|m| m.set_concurrency(limit));
    }

    /// Counts a batch that failed although all of its parts passed.
    pub(crate) fn exhausted(&self) {
        self.with(ConnectorMetrics::exhausted);
    }

    /// Records a call of a source component. The call's span becomes the parent of what follows from its events.
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

    /// Records the publishing of records that began at `started`.
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

    /// Records a call of a sink component.
    pub(crate) fn processed_batch<'a>(
        &self,
        started: SystemTime,
        error: Option<&GuestError>,
        messages: impl Iterator<Item = &'a Message>,
    ) {
        self.with(|m| m.guest_call(since(started), error.map(GuestError::kind)));
        self.message_spans("guest.process_batch", started, error, messages);
    }

    /// Records a write to the target.
    pub(crate) fn wrote<'a>(
        &self,
        started: SystemTime,
        error: Option<&EgressError>,
        messages: impl Iterator<Item = &'a Message>,
    ) {
        self.with(|m| m.egress_write(since(started), error.map(EgressError::kind)));
        self.message_spans("egress.write", started, error, messages);
    }

    /// Records messages from the broker: each span begins when its message was published.
    pub(crate) fn consumed(&self, messages: &[Message]) {
        self.received(messages.iter().map(|message| message.topic.as_str()));
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

/// Tells of equal neighbours at once: looking up a counter costs more than adding to it.
fn each_run<'a>(topics: impl IntoIterator<Item = &'a str>, mut count: impl FnMut(&str, usize)) {
    let mut run: Option<(&str, usize)> = None;
    for topic in topics {
        match &mut run {
            Some((last, n)) if *last == topic => *n += 1,
            _ => {
                if let Some((last, n)) = run.replace((topic, 1)) {
                    count(last, n);
                }
            }
        }
    }
    if let Some((last, n)) = run {
        count(last, n);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_counted_at_once_and_nothing_twice() {
        let runs = |topics: &[&'static str]| {
            let mut runs = Vec::new();
            each_run(topics.iter().copied(), |topic, n| runs.push((topic.to_owned(), n)));
            runs
        };
        assert_eq!(runs(&[]), []);
        let counted = [("a".to_owned(), 2), ("b".to_owned(), 1), ("a".to_owned(), 1)];
        assert_eq!(runs(&["a", "a", "b", "a"]), counted);
    }
}
