//! What a component says while it runs: its log and its metrics.

use std::collections::BTreeMap;

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{GuestHost, LogLevel};
use parking_lot::Mutex;

/// Most lines that are kept.
const LINES_MAX: usize = 1_000;

/// Keeps log lines and metrics.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Recorded>);

/// What was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Log lines in order, [`LINES_MAX`] at most.
    pub lines: Vec<(LogLevel, String)>,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
    /// Gauges by name, the last value of each.
    pub gauges: BTreeMap<String, f64>,
    /// Observations by name.
    pub observations: BTreeMap<String, u64>,
}

impl Recorder {
    /// What was said since the last time.
    pub fn take(&self) -> Recorded {
        std::mem::take(&mut *self.0.lock())
    }
}

impl GuestHost for Recorder {
    fn log_enabled(&self, _: &ConnectorId, level: LogLevel) -> bool {
        level >= LogLevel::Debug
    }

    fn log(&self, _: &ConnectorId, level: LogLevel, line: &str) {
        let mut recorded = self.0.lock();
        if recorded.lines.len() < LINES_MAX {
            recorded.lines.push((level, line.to_owned()));
        }
    }

    fn counter_add(&self, _: &ConnectorId, name: &str, value: u64) {
        *self.0.lock().counters.entry(name.to_owned()).or_default() += value;
    }

    fn gauge_set(&self, _: &ConnectorId, name: &str, value: f64) {
        self.0.lock().gauges.insert(name.to_owned(), value);
    }

    fn observe(&self, _: &ConnectorId, name: &str, _: f64) {
        *self.0.lock().observations.entry(name.to_owned()).or_default() += 1;
    }

    fn dropped(&self, _: &ConnectorId, _: &'static str, _: u64) {}
}
