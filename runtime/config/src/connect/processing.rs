//! What every connector of Danube Connect can be told about its loop: hardly any of it has a meaning here.

use std::time::Duration;

use danube_wasm_settings::{
    Effect, Section, Session, Span, Table, Written,
    kinds::{Integer, Millis},
};

/// `[processing]`.
#[derive(Debug, Default)]
pub(super) struct Processing {
    pub(super) batch_size: Option<Written<usize>>,
    pub(super) batch_timeout: Option<Written<Duration>>,
    pub(super) metrics_port: Option<(Span, Written<u16>)>,
    batch_places: Vec<Span>,
}

impl Processing {
    /// Tells that this connector's batches are made otherwise.
    pub(super) fn note_batches(&self, session: Session<'_>, effect: Effect, help: &str) {
        for span in &self.batch_places {
            let key = span.key.rsplit('.').next().unwrap_or_default();
            session.note(span, effect.of(key), help);
        }
    }
}

impl Section for Processing {
    const ABOUT: &'static str = "The loop of a connector.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let batch_size = t
            .field(
                "batch_size",
                Integer(1..=10_000),
                "Most messages of a batch of a sink, but for one whose mappings say it.",
            )
            .example("1000")
            .optional_written();
        let batch_timeout = t
            .field(
                "batch_timeout_ms",
                Millis(1..=600_000),
                "Longest wait of a message for its batch, but for a sink whose mappings say it.",
            )
            .example("1000")
            .optional_written();
        let metrics_port = t
            .field(
                "metrics_port",
                Integer(0..=u16::MAX),
                "Port of metrics and health, for everyone who can reach this machine.",
            )
            .example("9090")
            .optional_written();
        t.inert(
            "poll_interval_ms",
            Effect::Gone,
            "remove it; nothing is polled, events are taken as they come",
        );
        t.inert("log_level", Effect::Never, "set RUST_LOG");
        let health = "remove it; connectors are watched all the time, and health is served on the metrics port";
        t.inert("health_check_interval_ms", Effect::Gone, health);
        t.inert("health_check_failure_threshold", Effect::Gone, health);
        let spans = ["batch_size", "batch_timeout_ms"].into_iter();
        Some(Self {
            batch_size,
            batch_timeout,
            metrics_port: metrics_port.map(|port| (t.span("metrics_port"), port)),
            batch_places: spans.filter(|key| t.given(key)).map(|key| t.span(key)).collect(),
        })
    }
}

/// `[retry]`.
pub(super) struct Retry;

impl Section for Retry {
    const ABOUT: &'static str = "When a sink gives up. Here none does: retries back off from 100 ms to 30 s until the \
        target answers.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let gone = "remove it; retries back off from 100 ms to 30 s until the target answers";
        for key in ["max_retries", "retry_backoff_ms", "max_backoff_ms"] {
            t.inert(key, Effect::Gone, gone);
        }
        for key in ["initial_interval_ms", "max_interval_ms"] {
            t.inert(key, Effect::Never, gone);
        }
        Some(Self)
    }
}
