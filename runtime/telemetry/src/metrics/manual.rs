//! What is known of each metric beside its values: what the reference page is written from.

/// A registered metric.
#[derive(Debug, Clone)]
pub(super) struct MetricManual {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) help: String,
    pub(super) labels: Vec<String>,
    /// Upper bounds of a histogram's buckets; empty for others.
    pub(super) buckets: &'static [f64],
}

/// Metrics of one subject.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) metrics: Vec<MetricManual>,
}

/// How a metric is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// As it is now.
    Gauge,
    /// How many observations fell under each bound, their number and their sum.
    Histogram,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Bytes,
    /// Events of a source, records of a topic, messages of a sink.
    Messages,
    Batches,
    Writes,
    Calls,
    Requests,
    Connections,
    Sessions,
    Lanes,
    /// Of a topic of an upstream.
    Partitions,
    Restarts,
    Instances,
    Panics,
    Spans,
    /// Log lines and numbers.
    Items,
    /// A number that stands for a state.
    State,
}

impl Unit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Messages => "messages",
            Self::Batches => "batches",
            Self::Writes => "writes",
            Self::Calls => "calls",
            Self::Requests => "requests",
            Self::Connections => "connections",
            Self::Sessions => "sessions",
            Self::Lanes => "lanes",
            Self::Partitions => "partitions",
            Self::Instances => "instances",
            Self::Restarts => "restarts",
            Self::Panics => "panics",
            Self::Spans => "spans",
            Self::Items => "items",
            Self::State => "state",
        }
    }

    /// How a name ends whose metric has this unit, where the name has to say it.
    #[cfg(test)]
    pub(super) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Seconds => Some("_seconds"),
            Self::Bytes => Some("_bytes"),
            _ => None,
        }
    }
}
