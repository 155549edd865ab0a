//! The log: one JSON object a line, or plain text in a terminal.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

/// Libraries log their own internals at `info`, which operators do not need. The same holds for SurrealKV's warning at
/// every close that its last handle was dropped outside of a runtime: each commit was synced before it was confirmed.
const DEFAULT_FILTER: &str = "info,surrealdb=warn,surrealkv=warn,surrealkv::lsm=error,surrealdb_core=warn,hyper=warn,h2=warn,opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn";

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
    /// Whether lines are text in this process.
    pub fn is_text(self) -> bool {
        match self {
            Self::Auto => std::io::stderr().is_terminal(),
            Self::Json => false,
            Self::Text => true,
        }
    }
}

/// Starts the log. `RUST_LOG` sets the filter; without it, `info` of everything. Does nothing if a log was started
/// before.
pub fn init(format: LogFormat) {
    let (filter, error) = filter(std::env::var("RUST_LOG").ok());
    let ansi = has_colours(std::io::stderr().is_terminal(), |name| std::env::var(name).ok());
    let started = if format.is_text() {
        text(filter, std::io::stderr, ansi).try_init()
    } else {
        json(filter, std::io::stderr).try_init()
    };
    if let (Ok(()), Some(error)) = (started, error) {
        tracing::warn!("RUST_LOG is not understood and is ignored: {error}");
    }
}

/// Whether standard error is a terminal with colours and cursor movement: not `TERM=dumb`.
pub fn is_screen(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    is_terminal && variable("TERM").is_none_or(|term| term != "dumb")
}

/// Whether lines are coloured: on a screen, unless the user wants none (<https://no-color.org>).
fn has_colours(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    is_screen(is_terminal, &variable) && variable("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The requested filter, or the default and the error of the requested one.
fn filter(asked: Option<String>) -> (EnvFilter, Option<String>) {
    match asked.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) if asked.as_deref() != Some("") => (filter, None),
        Some(Err(error)) => (EnvFilter::new(DEFAULT_FILTER), Some(error.to_string())),
        _ => (EnvFilter::new(DEFAULT_FILTER), None),
    }
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .json();
    lines
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .finish()
}

fn text<W>(filter: EnvFilter, writer: W, ansi: bool) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .compact();
    lines.with_target(false).with_ansi(ansi).finish()
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn writer(&self) -> impl Fn() -> Lines + Send + Sync + 'static {
            let lines = self.clone();
            move || lines.clone()
        }
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).expect("UTF-8")
        }
    }

    fn speak() {
        tracing::info!(connector = "p/c", tries = 3, "held up\nhere");
        tracing::debug!("not for the operator");
        tracing::info!(target: "surrealdb::core", "about my insides");
    }

    #[test]
    fn json_is_one_flat_object_a_line() {
        let lines = Lines::default();
        tracing::subscriber::with_default(json(filter(None).0, lines.writer()), speak);
        let text = lines.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["message"], "held up\nhere");
        assert_eq!((&line["level"], &line["connector"]), (&"INFO".into(), &"p/c".into()));
        assert_eq!(line["tries"], 3);
        let timestamp = line["timestamp"].as_str().expect("a timestamp");
        assert!(
            timestamp.ends_with('Z') && timestamp.as_bytes()[10] == b'T',
            "RFC 3339: {timestamp}"
        );
    }

    #[test]
    fn colours_are_for_screens_of_those_who_want_them() {
        let env = |set: &'static [(&str, &str)]| {
            move |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            }
        };
        assert!(has_colours(true, env(&[("TERM", "xterm"), ("NO_COLOR", "")])));
        assert!(has_colours(true, env(&[])));
        assert!(!has_colours(false, env(&[("TERM", "xterm")])));
        assert!(!has_colours(true, env(&[("TERM", "dumb")])));
        assert!(!has_colours(true, env(&[("TERM", "xterm"), ("NO_COLOR", "1")])));
    }

    #[test]
    fn text_is_for_people() {
        let lines = Lines::default();
        tracing::subscriber::with_default(text(filter(None).0, lines.writer(), false), speak);
        let text = lines.text();
        assert!(
            text.contains("INFO held up") && text.contains("connector=\"p/c\" tries=3"),
            "{text}"
        );
        assert!(!text.contains("insides"), "{text}");
    }

    #[test]
    fn what_is_asked_for_is_kept_and_what_is_not_understood_is_said() {
        let lines = Lines::default();
        let (asked, error) = filter(Some("debug".into()));
        assert_eq!(error, None);
        tracing::subscriber::with_default(json(asked, lines.writer()), speak);
        assert_eq!(lines.text().lines().count(), 3);

        let (default, error) = filter(Some("a=b=c".into()));
        assert!(error.is_some());
        assert_eq!(default.to_string(), EnvFilter::new(DEFAULT_FILTER).to_string());
        assert_eq!(filter(Some(String::new())).1, None, "empty is as if it were not set");
    }
}
