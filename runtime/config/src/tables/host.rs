//! Settings of the host for the pipeline as a whole: admin port, telemetry, shutdown and storage.

use std::time::Duration;

use crate::cross_checks::claim_admin_address;
use danube_wasm_settings::Listen;
use danube_wasm_settings::{
    Reading, Section, Span, Table,
    kinds::{Choice, Decimal, Integer, Parsed, Secs},
    values::HttpUrl,
};

/// The port of metrics and health.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admin {
    /// The address to listen on.
    pub listen: Listen,
}

/// The table, and the places of its keys.
#[derive(Debug, Clone)]
pub(crate) struct AdminTable {
    pub(crate) admin: Admin,
    pub(crate) host: Span,
    pub(crate) port: Span,
}

impl PartialEq for AdminTable {
    fn eq(&self, other: &Self) -> bool {
        self.admin == other.admin
    }
}

impl Section for AdminTable {
    const ABOUT: &'static str = "The port that serves `/metrics`, `/health/live`, `/health/ready` and `/health/connectors`, and nothing else. The environment variable \
         `DANUBE_WASM_ADMIN_PORT` holds over the port of every file.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let listen = Listen::read(t, 9090);
        Some(Self {
            admin: Admin { listen },
            host: t.span("host"),
            port: t.span("port"),
        })
    }
}

/// The variable that overrides the port of metrics and health in the files: a second process on one machine needs
/// another port.
pub const ADMIN_PORT_VARIABLE: &str = "DANUBE_WASM_ADMIN_PORT";

impl AdminTable {
    /// Takes the port from the environment, if it is set there.
    pub(crate) fn override_port(&mut self, shared: &Reading<'_>) {
        let Some(text) = shared.env().get(ADMIN_PORT_VARIABLE).filter(|text| !text.is_empty()) else {
            return;
        };
        match text.parse() {
            Ok(port) => self.admin.listen.port = port,
            Err(_) => shared.error(
                &self.port,
                format!("the environment variable {ADMIN_PORT_VARIABLE} is `{text}`, which is no port"),
                "give it a number from 0 to 65535, or unset it",
            ),
        }
    }

    /// Records the address, and warns if others can reach it.
    pub(crate) fn record_address(&self, shared: &Reading<'_>) {
        let listen = &self.admin.listen;
        claim_admin_address(shared, self.port.clone(), listen);
        if !listen.host.is_loopback() {
            shared.warning(
                &self.host,
                format!("metrics and health are served to everyone who can reach {listen}"),
                "let only your monitoring reach the port, or keep it to this machine: `host = \"127.0.0.1\"` in [admin]",
            );
        }
    }
}

/// Logs and traces.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Telemetry {
    /// Format of the log.
    pub log_format: LogFormat,
    /// Where to send traces; no traces without it.
    pub otlp_endpoint: Option<HttpUrl>,
    /// Share of the events that are traced, 0 to 1. If the sender has decided for an event, its decision is kept.
    pub sample_ratio: f64,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text in a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl Section for Telemetry {
    const ABOUT: &'static str = "Logs and traces.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let log_format = t
            .field(
                "log_format",
                Choice::of(&[
                    ("auto", LogFormat::Auto),
                    ("json", LogFormat::Json),
                    ("text", LogFormat::Text),
                ]),
                "Form of the log. `auto` is text in a terminal and JSON elsewhere.",
            )
            .or(LogFormat::Auto);
        let otlp_endpoint = t
            .field(
                "otlp_endpoint",
                Parsed::new("an `http://` or `https://` URL"),
                "OpenTelemetry collector that traces are sent to, by OTLP over HTTP. No traces are made without it.",
            )
            .example("\"http://127.0.0.1:4318\"")
            .optional();
        let sample_ratio = t
            .field(
                "sample_ratio",
                Decimal(0.0..=1.0),
                "Share of the events that are traced. A sender's own `traceparent` decides for its event.",
            )
            .or(1.0);
        Some(Self {
            log_format,
            otlp_endpoint,
            sample_ratio,
        })
    }
}

/// How the pipeline stops.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// Longest time for requests and batches in flight to finish.
    pub grace: Duration,
}

impl Section for Shutdown {
    const ABOUT: &'static str = "What happens at SIGTERM and SIGINT.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let grace = t
            .field(
                "grace_secs",
                Secs(1..=3600),
                "How long what is in flight may take to finish. What is not done then is done after the next start.",
            )
            .or(Duration::from_secs(30));
        Some(Self { grace })
    }
}

/// What the embedded log keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Age up to which messages are kept after every subscription has acknowledged them.
    pub keep: Duration,
    /// Size of a topic, in bytes, above which acknowledged messages are removed earlier.
    pub keep_bytes: u64,
    /// Age at which all messages are removed.
    pub age: Option<Duration>,
    /// Size of a partition, in bytes, above which its oldest messages are removed.
    pub bytes: Option<u64>,
}

impl Section for Retention {
    const ABOUT: &'static str = "How long the embedded log keeps messages. Those that every subscription has acknowledged \
        stay for `keep_secs` and within `keep_bytes`, so that `subscriptions seek`, a second sink and `start = \"earliest\"` \
        find them. Those that a subscription has not acknowledged stay until it has (a topic that has no subscription keeps \
        them for 7 days). `age_secs` and `bytes` are hard limits: what is over them goes, and what a subscription has not \
        read by then is lost to it. See [operations](operations.md).";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let keep = t
            .field(
                "keep_secs",
                Secs(0..=315_360_000),
                "Messages that every subscription has acknowledged stay until they are this old, counted from their \
                 publishing. `0`: they go with the last acknowledgement.",
            )
            .or(Duration::from_secs(86_400));
        let keep_bytes = t
            .field(
                "keep_bytes",
                Integer(0..=1_u64 << 50),
                "While a topic holds more bytes than this, messages that every subscription has acknowledged go earlier, \
                 oldest first. Messages that are not acknowledged count, and stay.",
            )
            .or(1 << 30);
        let age = t
            .field(
                "age_secs",
                Secs(60..=315_360_000),
                "Messages older than this are removed, acknowledged or not.",
            )
            .example("604800")
            .optional();
        let bytes = t
            .field(
                "bytes",
                Integer(1 << 20..=1_u64 << 50),
                "When a partition of a topic holds more than this, its oldest messages are removed, acknowledged or not.",
            )
            .example("10737418240")
            .optional();
        Some(Self {
            keep,
            keep_bytes,
            age,
            bytes,
        })
    }
}
