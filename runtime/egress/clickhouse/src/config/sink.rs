//! A server, and what is written to its tables.

use std::time::Duration;

use danube_wasm_egress_dial::config::{Guard, TlsTexts};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Millis, Parsed, Text},
    values::HttpUrl,
};
use url::Url;

use super::{Login, TopicMapping, settings, table::TablesSeen};

/// A server, and what is written to its tables.
#[derive(Debug, Clone, PartialEq)]
pub struct ClickHouse {
    /// Where its HTTP interface is.
    pub url: Url,
    /// The database of all tables.
    pub database: String,
    /// How the server knows this sink.
    pub login: Login,
    /// Which addresses may be dialed.
    pub guard: Guard,
    /// Whom to trust.
    pub tls: TlsTexts,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub request_timeout: Duration,
    /// How rows are sent.
    pub compression: Compression,
    /// Settings of every insert, beside those of the sink's own.
    pub settings: Vec<(String, String)>,
    /// What is consumed and where it goes; at least one.
    pub topic_mappings: Vec<TopicMapping>,
}

/// How rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// With zstd, at its fastest level.
    Zstd,
}

impl ClickHouse {
    /// Scheme, host and port: what may be shown.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl Section for ClickHouse {
    const ABOUT: &'static str = "Tables of a ClickHouse server that documents are written to, over its HTTP interface. Each value \
        is checked against its column, and what does not fit is refused instead of being wrapped or cut.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<HttpUrl>::new("a URL"),
                "Address of the HTTP interface. Ports are usually 8123, or 8443 with TLS.",
            )
            .example("\"https://clickhouse.example:8443\"")
            .required();
        let database = t
            .field("database", Text, "The database of all tables of the sink.")
            .or("default".to_owned());
        let login = Login::read(t);
        let guard = Guard::read(t);
        let tls = t.group("tls").optional::<TlsTexts>();
        let (connect_timeout, request_timeout) = timeouts(t);
        let compression = t
            .field(
                "compression",
                Choice::of(&[("zstd", Compression::Zstd), ("none", Compression::None)]),
                "How rows are sent.",
            )
            .or(Compression::Zstd);
        let settings = settings::read(t);
        let topic_mappings = t
            .group("topic_mappings")
            .aliases(&["routes"])
            .each_of_some::<TopicMapping>();
        TablesSeen::compare(t);
        Some(Self {
            // It was parsed as a URI before.
            url: Url::parse(url?.as_str()).ok()?,
            database,
            login: login?,
            guard: guard?,
            tls: tls.unwrap_or_default(),
            connect_timeout,
            request_timeout,
            compression,
            settings,
            topic_mappings,
        })
    }
}

fn timeouts(t: &mut Table<'_>) -> (Duration, Duration) {
    let connect = t
        .field(
            "connect_timeout_ms",
            Millis(100..=600_000),
            "Longest wait for a connection: DNS, TCP and TLS.",
        )
        .or(Duration::from_secs(10));
    let request = t
        .field(
            "request_timeout_ms",
            Millis(100..=3_600_000),
            "Longest wait for an answer. A service in a cloud that has fallen asleep takes a while. Then the rows are sent again.",
        )
        .or(Duration::from_secs(120));
    (connect, request)
}
