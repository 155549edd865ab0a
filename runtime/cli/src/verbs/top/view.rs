//! What is shown: the answer of the pipeline, and what its user chose.

use serde_json::Value;

/// A moment of a pipeline.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) pipeline: String,
    pub(super) connectors: Vec<Connector>,
    /// The connector whose history is drawn, by its place in the list.
    pub(super) selected: usize,
    /// Why the pipeline did not answer.
    pub(super) silent: Option<String>,
}

/// What a connector does.
#[derive(Debug, Clone, Default)]
pub(super) struct Connector {
    pub(super) id: String,
    pub(super) direction: String,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) received_per_sec: f64,
    pub(super) processed_per_sec: f64,
    /// Seconds that its component works in a second.
    pub(super) guest: f64,
    pub(super) lag: Option<u64>,
    pub(super) in_flight: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) dead_letters: u64,
    pub(super) restarts: u64,
    pub(super) memory_bytes: Option<u64>,
    pub(super) memory_bytes_max: Option<u64>,
    /// The component's name and the beginning of its digest.
    pub(super) component: String,
}

impl View {
    pub(super) fn of(pipeline: &str, values: Vec<Value>) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            connectors: values.iter().map(Connector::of).collect(),
            ..Self::default()
        }
    }

    /// A newer answer; the choice stays.
    pub(super) fn update(&mut self, values: &[Value]) {
        self.connectors = values.iter().map(Connector::of).collect();
        self.silent = None;
        self.select(0);
    }

    /// Moves the choice by so many lines.
    pub(super) fn select(&mut self, by: isize) {
        let last = self.connectors.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }
}

impl Connector {
    fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| value[key].as_f64().unwrap_or_default();
        let whole = |key: &str| value[key].as_u64().unwrap_or_default();
        let component = &value["component"];
        let digest: String = component["sha256"]
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(8)
            .collect();
        let name = component["name"].as_str().unwrap_or_default();
        Self {
            id: text("connector"),
            direction: text("direction"),
            state: text("state"),
            reason: value["reason"].as_str().map(str::to_owned),
            received_per_sec: number("received_per_sec"),
            processed_per_sec: number("processed_per_sec"),
            guest: number("guest_seconds_per_sec"),
            lag: value["lag"].as_u64(),
            in_flight: whole("in_flight"),
            failed: whole("failed"),
            retried: whole("retried"),
            dead_letters: whole("dead_letters"),
            restarts: whole("restarts"),
            memory_bytes: component["memory_bytes_peak"].as_u64(),
            memory_bytes_max: component["memory_bytes_max"].as_u64(),
            component: format!("{name} {digest}").trim_end().to_owned(),
        }
    }
}
