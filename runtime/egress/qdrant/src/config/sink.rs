//! The server that a sink writes to.

use std::time::Duration;

use danube_wasm_egress_dial::config::{Guard, TlsTexts};
use danube_wasm_settings::{
    Secret, Section, Table,
    kinds::{Choice, Integer, Millis, Parsed, SecretText},
};

use super::{Embedding, QdrantUrl, TopicMapping, agreement::Collections, headers};

/// A Qdrant server, and what is written to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Qdrant {
    /// Where it is.
    pub url: QdrantUrl,
    /// The key that it asks for.
    pub api_key: Option<Secret>,
    /// Headers of every request.
    pub headers: Vec<(String, Secret)>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a request.
    pub request_timeout: Duration,
    /// Most requests at a time.
    pub in_flight_max: usize,
    /// The oldest server that is written to.
    pub server_min: ServerMin,
    /// Whom to trust, and who this is.
    pub tls: TlsTexts,
    /// Which addresses may be dialed.
    pub guard: Guard,
    /// What makes vectors of texts.
    pub embedding: Option<Embedding>,
    /// What is consumed and where it goes; at least one.
    pub topic_mappings: Vec<TopicMapping>,
}

/// The oldest server that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerMin {
    /// Inserts overwrite, and orders are not kept.
    V1_15,
    /// Inserts overwrite.
    V1_16,
    /// Everything is kept.
    V1_17,
}

impl Section for Qdrant {
    const ABOUT: &'static str =
        "The Qdrant server that a sink writes to, over gRPC. Servers are of version 1.17 or later.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<QdrantUrl>::new("a URL"),
                "Where the server's gRPC is, by default on port 6334; `https` for TLS.",
            )
            .example("\"http://localhost:6334\"")
            .required();
        let api_key = t
            .field(
                "api_key",
                SecretText,
                "The key that the server asks for, sent with every request.",
            )
            .example("\"${QDRANT_API_KEY}\"")
            .optional();
        let headers = headers::read(t);
        let (connect_timeout, request_timeout, in_flight_max) = pace(t);
        let server_min = t.field("server_min", SERVER_MIN, ABOUT_SERVER_MIN).or(ServerMin::V1_17);
        let guard = Guard::read(t);
        let tls = t.group("tls").optional::<TlsTexts>();
        let embedding = t.group("embedding").optional::<Embedding>();
        let topic_mappings = t
            .group("topic_mappings")
            .aliases(&["routes"])
            .each_of_some::<TopicMapping>();
        t.moved("timeout_secs", "write `request_timeout_ms`, in milliseconds");
        Collections::compare(t);
        if let Some(url) = &url {
            check_transport(t, url);
        }
        check_deletes(t, server_min, &topic_mappings);
        Some(Self {
            url: url?,
            api_key,
            headers,
            connect_timeout,
            request_timeout,
            in_flight_max,
            server_min,
            tls: tls.unwrap_or_default(),
            guard: guard?,
            embedding,
            topic_mappings,
        })
    }
}

const SERVER_MIN: Choice<ServerMin> = Choice::of(&[
    ("1.15", ServerMin::V1_15),
    ("1.16", ServerMin::V1_16),
    ("1.17", ServerMin::V1_17),
]);

const ABOUT_SERVER_MIN: &str = "The oldest server that is written to. Older ones ignore what they do not know, without a word: before \
    1.17 an insert overwrites the point that is there, and merges are not possible; before 1.16 an older write overwrites a newer one, \
    too. Whoever writes an older version here gives these promises up, where the server is as old.";

fn pace(t: &mut Table<'_>) -> (Duration, Duration, usize) {
    let connect_timeout = t
        .field(
            "connect_timeout_ms",
            Millis(100..=600_000),
            "Longest wait for a connection: DNS, TCP and TLS.",
        )
        .or(Duration::from_secs(10));
    let request_timeout = t
        .field(
            "request_timeout_ms",
            Millis(1_000..=600_000),
            "Longest wait for an answer. Then the request is sent again, which changes nothing that was done.",
        )
        .or(Duration::from_secs(30));
    let in_flight_max = t
        .field(
            "max_in_flight",
            Integer(1..=64),
            "Most requests at a time, each of up to 256 points. There are fewer while the server is slow or asks for less.",
        )
        .or(2);
    (connect_timeout, request_timeout, in_flight_max)
}

fn check_deletes(t: &Table<'_>, server_min: ServerMin, mappings: &[TopicMapping]) {
    if server_min < ServerMin::V1_16 && mappings.iter().any(|mapping| mapping.spec.keep_deletes.is_some()) {
        t.session().error(
            &t.span("server_min"),
            "`keep_deletes` compares orders, which servers before 1.16 do not",
            "write `server_min = \"1.16\"` or later, or remove `keep_deletes`",
        );
    }
}

fn check_transport(t: &Table<'_>, url: &QdrantUrl) {
    if !url.tls() && t.given("tls") {
        let message = "`tls` is for `https://`, and `url` begins with `http://`";
        t.session()
            .error(&t.span("url"), message, "write `https://` in `url`, or remove `tls`");
    }
    if !url.tls() && t.given("api_key") && !url.is_loopback() {
        let message = "`api_key` is sent unencrypted, and can be read on the way";
        t.session()
            .warning(&t.span("url"), message, "write `https://` in `url`");
    }
}
