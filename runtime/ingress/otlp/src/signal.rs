//! The three signals of OpenTelemetry that the protocol carries.

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics with their data points.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// Its name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// Where it is sent over HTTP, which is also the name of its endpoint.
    pub fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// Where it is sent over gRPC.
    pub fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// What a partial success counts.
    pub(crate) fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "data points",
            Self::Logs => "log records",
        }
    }
}

/// What the senders of signals are told that are not received at this path; `None` if it is none of a signal.
pub(crate) fn unknown(path: &str) -> Option<String> {
    let is_of = |signal: &Signal| path == signal.http_path() || path == signal.grpc_path();
    if let Some(signal) = Signal::ALL.into_iter().find(is_of) {
        let name = signal.name();
        return Some(format!(
            "this receiver takes no {name}: leave them out of the exporter, or have its operator add the table `{name}`"
        ));
    }
    let is_profiles = path.starts_with("/v1development/profiles")
        || path.starts_with("/v1/profiles")
        || path.starts_with("/opentelemetry.proto.collector.profiles.");
    is_profiles.then(|| {
        "profiles are not received here, because OpenTelemetry's protocol for them is not stable: send traces, metrics and logs"
            .to_owned()
    })
}
