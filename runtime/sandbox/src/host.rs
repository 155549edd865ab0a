//! Receives components' log lines and metrics: the host's end of the capabilities `log` and `metrics`.

use std::time::Duration;

use danube_wasm_model::ConnectorId;

/// How much a log line matters, as `wit/host.wit` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Step by step.
    Trace,
    /// For the author.
    Debug,
    /// For the operator, when all is well.
    Info,
    /// Something is wrong, and work continues.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Receives components' log lines and metrics. It is called during their calls and must not block. Lines and names have
/// been checked and are within the connector's quotas.
pub trait GuestHost: Send + Sync + 'static {
    /// Whether lines of this level are enabled.
    fn log_enabled(&self, id: &ConnectorId, level: LogLevel) -> bool;

    /// One line, without control characters.
    fn log(&self, id: &ConnectorId, level: LogLevel, line: &str);

    /// Adds to a counter.
    fn counter_add(&self, id: &ConnectorId, name: &str, value: u64);

    /// Sets a gauge. The value is finite.
    fn gauge_set(&self, id: &ConnectorId, name: &str, value: f64);

    /// Adds an observation to a histogram. The value is finite.
    fn observe(&self, id: &ConnectorId, name: &str, value: f64);

    /// Counts `n` items that were over a quota or malformed: `what` is one of `log_lines`, `metrics`.
    fn dropped(&self, id: &ConnectorId, what: &'static str, n: u64);

    /// A request of a component has ended: `outcome` is `answered` or a [`RequestErrorKind`](crate::RequestErrorKind), and
    /// `bytes` are those of the answer's body.
    fn http_request(&self, _id: &ConnectorId, _outcome: &'static str, _bytes: usize, _elapsed: Duration) {}

    /// An instance was near its limit of memory after a call, and is replaced before the next one.
    fn replaced(&self, _id: &ConnectorId) {}
}

/// Writes lines to the process's log under the target `guest`, and numbers nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingHost;

impl GuestHost for TracingHost {
    fn log_enabled(&self, _: &ConnectorId, level: LogLevel) -> bool {
        match level {
            LogLevel::Trace => tracing::enabled!(target: "guest", tracing::Level::TRACE),
            LogLevel::Debug => tracing::enabled!(target: "guest", tracing::Level::DEBUG),
            LogLevel::Info => tracing::enabled!(target: "guest", tracing::Level::INFO),
            LogLevel::Warn => tracing::enabled!(target: "guest", tracing::Level::WARN),
            LogLevel::Error => tracing::enabled!(target: "guest", tracing::Level::ERROR),
        }
    }

    fn log(&self, id: &ConnectorId, level: LogLevel, line: &str) {
        let connector = id.as_str();
        match level {
            LogLevel::Trace => tracing::trace!(target: "guest", connector, "{line}"),
            LogLevel::Debug => tracing::debug!(target: "guest", connector, "{line}"),
            LogLevel::Info => tracing::info!(target: "guest", connector, "{line}"),
            LogLevel::Warn => tracing::warn!(target: "guest", connector, "{line}"),
            LogLevel::Error => tracing::error!(target: "guest", connector, "{line}"),
        }
    }

    fn counter_add(&self, _: &ConnectorId, _: &str, _: u64) {}

    fn gauge_set(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn observe(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn dropped(&self, id: &ConnectorId, what: &'static str, n: u64) {
        tracing::debug!(target: "guest", connector = id.as_str(), what, n, "dropped: over the quota or malformed");
    }
}
