//! Capability `log`: lines for the connector's log, in a bounded number.
//!
//! A line is cut at the contract's length, made printable, and charged to the connector's quota. Lines over the quota
//! are dropped and counted, and the next line that is kept says how many were dropped before it.

use std::{borrow::Cow, fmt::Write, sync::Arc, time::Instant};

use danube_wasm_model::ConnectorId;
use parking_lot::Mutex;

use super::quota::Quota;
use crate::{
    bindings::danube::connector::log::{Host, Level},
    host::{GuestHost, LogLevel},
    limits::GuestLimits,
    secrets::Secrets,
    text::{truncate, truncated},
};

/// Bytes of a call's last error line that are kept for its error message.
const COMPLAINT_BYTES_MAX: usize = 512;

/// One instance's end of its connector's log.
pub(crate) struct Log {
    log: Arc<ConnectorLog>,
    panic_message: String,
}

impl Log {
    pub(super) fn new(log: &Arc<ConnectorLog>) -> Self {
        Self {
            log: Arc::clone(log),
            panic_message: String::new(),
        }
    }

    /// Forgets the lines of earlier calls.
    pub(crate) fn begin_call(&mut self) {
        self.panic_message.clear();
    }

    /// See [`ConnectorLog::redacted`].
    pub(crate) fn redacted(&self, text: &str, bytes_max: usize) -> String {
        self.log.redacted(text, bytes_max)
    }

    /// The last error line of this call: an SDK's panic hook writes one.
    pub(crate) fn panic_message(&self) -> &str {
        &self.panic_message
    }
}

impl Host for Log {
    fn enabled(&mut self, level: Level) -> bool {
        self.log.enabled(level.into())
    }

    fn log(&mut self, level: Level, message: String) {
        if matches!(level, Level::Error) {
            self.panic_message = printable(&one_line(&self.log.redacted(&message, COMPLAINT_BYTES_MAX)));
        }
        self.log.line(level.into(), &message);
    }
}

/// The log of one connector, shared by its instances.
pub(crate) struct ConnectorLog {
    id: ConnectorId,
    /// Values that are redacted.
    secrets: Secrets,
    host: Arc<dyn GuestHost>,
    line_bytes_max: usize,
    state: Mutex<State>,
}

struct State {
    quota: Quota,
    dropped: u64,
}

impl ConnectorLog {
    pub(super) fn new(id: &ConnectorId, limits: &GuestLimits, host: &Arc<dyn GuestHost>, secrets: Secrets) -> Self {
        Self {
            id: id.clone(),
            secrets,
            host: Arc::clone(host),
            line_bytes_max: limits.log_line_bytes_max,
            state: Mutex::new(State {
                quota: Quota::new(limits.log_lines_per_s, limits.log_bytes_per_s, Instant::now()),
                dropped: 0,
            }),
        }
    }

    pub(super) fn enabled(&self, level: LogLevel) -> bool {
        self.host.log_enabled(&self.id, level)
    }

    /// Logs one line with any content.
    pub(crate) fn line(&self, level: LogLevel, text: &str) {
        if !self.enabled(level) {
            return;
        }
        let kept = self.redacted(text, self.line_bytes_max);
        let lost = {
            let mut state = self.state.lock();
            if !state.quota.take(kept.len(), Instant::now()) {
                state.dropped += 1;
                drop(state);
                self.host.dropped(&self.id, "log_lines", 1);
                return;
            }
            std::mem::take(&mut state.dropped)
        };
        if lost > 0 {
            let summary = format!("{lost} lines were dropped: the connector logs more than it may");
            self.host.log(&self.id, LogLevel::Warn, &summary);
        }
        self.host.log(&self.id, level, &printable(&one_line(&kept)));
    }

    /// The redacted text, cut to `bytes_max` bytes.
    pub(crate) fn redacted(&self, text: &str, bytes_max: usize) -> String {
        // Redacted before it is cut: a part of a secret would not be found.
        let looked_at = truncate(text, bytes_max.saturating_add(self.secrets.longest()));
        truncated(self.secrets.masked(looked_at).into_owned(), bytes_max)
    }

    pub(crate) fn line_bytes_max(&self) -> usize {
        self.line_bytes_max
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

/// The lines of a text, on one: the log's line ends where the text does.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return text.into();
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").into()
}

/// Escapes what would move a terminal's cursor, forge a line or reverse the reading direction.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let deceives = matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || deceives {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cannot_forge_others_or_move_the_cursor() {
        assert_eq!(printable("a\nb\x1b[2J\u{202e}c\té"), r"a\nb\u{1b}[2J\u{202e}c\té");
        assert_eq!(one_line("left: 1\r\n\n  right: 2\n"), "left: 1; right: 2");
        assert_eq!(one_line(" as it is "), " as it is ");
    }
}
