//! Captures what the component logs during the call.

use std::sync::Mutex;

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{GuestHost, LogLevel};

/// Most lines that are captured.
const LINES_MAX: usize = 1_000;

/// Captures lines, in order, at the levels that were logged when the call was recorded.
pub(super) struct CaptureHost {
    levels: Vec<LogLevel>,
    lines: Mutex<Vec<(LogLevel, String)>>,
}

impl CaptureHost {
    pub(super) fn new(levels: Vec<LogLevel>) -> Self {
        Self {
            levels,
            lines: Mutex::default(),
        }
    }

    /// Discards the captured lines.
    pub(super) fn forget(&self) {
        self.lines_mut(Vec::clear);
    }

    /// Returns the captured lines with their levels.
    pub(super) fn lines(&self) -> Vec<(LogLevel, String)> {
        self.lines_mut(|lines| lines.clone())
    }

    fn lines_mut<T>(&self, work: impl FnOnce(&mut Vec<(LogLevel, String)>) -> T) -> T {
        let mut lines = self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut lines)
    }
}

impl GuestHost for CaptureHost {
    fn log_enabled(&self, _: &ConnectorId, level: LogLevel) -> bool {
        self.levels.contains(&level)
    }

    fn log(&self, _: &ConnectorId, level: LogLevel, line: &str) {
        self.lines_mut(|lines| {
            if lines.len() < LINES_MAX {
                lines.push((level, line.to_owned()));
            }
        });
    }

    fn counter_add(&self, _: &ConnectorId, _: &str, _: u64) {}

    fn gauge_set(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn observe(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn dropped(&self, _: &ConnectorId, _: &'static str, _: u64) {}
}
