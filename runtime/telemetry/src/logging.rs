//! The log: one JSON object a line, or plain text where a person watches.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

/// How lines are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text in a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Text.
    Text,
}

impl LogFormat {
    /// Whether lines are text, here and now.
    pub fn is_text(self) -> bool {
        match self {
            Self::Auto => std::io::stderr().is_terminal(),
            Self::Json => false,
            Self::Text => true,
        }
    }
}

/// Begins to log. `RUST_LOG` decides what; without it, `info` of everything. Does nothing when a log was begun before.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = if format.is_text() {
        lines
            .compact()
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .try_init()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .try_init()
    };
    drop(begun);
}

/// Libraries speak at `info` about their own insides; that is not the operator's business.
const DEFAULT_FILTER: &str = "info,surrealdb=warn,surrealkv=warn,surrealdb_core=warn,hyper=warn,h2=warn,opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn";
