//! The receiver.

use std::time::Duration;

use danube_wasm_connector::PathClaim;
use danube_wasm_ingress_listener::{ListenerConfig, ListenerDefaults, RateLimit, config::AuthConfig};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Integer, Millis},
};

use super::{
    check::check,
    signal::{SignalConfig, Split},
};
use crate::{
    limits::{
        ANSWER_TIMEOUT, BODY_BYTES_MAX, BODY_BYTES_MAX_DEFAULT, BODY_TIMEOUT, REQUEST_DEADLINE,
        REQUEST_RECORD_BYTES_MAX, STREAM_WINDOW_BYTES,
    },
    signal::Signal,
};

/// A receiver of OpenTelemetry's protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Otlp {
    /// The address that it listens on, and its limits.
    pub listener: ListenerConfig,
    /// A second port that takes the same; the same as the first for none.
    pub grpc_port: u16,
    /// Largest body in bytes, as sent and as decompressed.
    pub max_body_bytes: usize,
    /// How long its records may take to be durable.
    pub answer_timeout: Duration,
    /// Who may send.
    pub auth: AuthConfig,
    /// How many exports are taken, of all signals and ports together.
    pub rate_limit: Option<RateLimit>,
    /// What an event is, unless the signal says otherwise.
    pub split: Split,
    /// The signals that are received, at least one.
    pub signals: Vec<(Signal, SignalConfig)>,
}

const DEFAULTS: ListenerDefaults = ListenerDefaults {
    port: 4318,
    body_timeout: BODY_TIMEOUT,
    request_deadline: REQUEST_DEADLINE,
    stream_window_bytes: STREAM_WINDOW_BYTES,
};

/// Where exporters look for gRPC.
const GRPC_PORT: u16 = 4317;

impl Otlp {
    /// The listeners: one, or one for each port.
    pub(crate) fn listeners(&self) -> Vec<ListenerConfig> {
        let mut listeners = vec![self.listener.clone()];
        if self.grpc_port != self.listener.listen.port {
            let mut second = self.listener.clone();
            second.listen.port = self.grpc_port;
            listeners.push(second);
        }
        listeners
    }

    /// What an event of a signal is.
    pub(crate) fn split(&self, signal: &SignalConfig) -> Split {
        signal.split.unwrap_or(self.split)
    }
}

impl Section for Otlp {
    const ABOUT: &'static str = "A receiver of OpenTelemetry's protocol: traces, metrics and logs, over gRPC and over HTTP, as protobuf or \
        JSON. An export is answered with success when all records of it are durable.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (listener, (grpc_port, max_body_bytes)) =
            ListenerConfig::read(t, DEFAULTS, |t| (grpc_port(t), max_body_bytes(t)));
        let answer_timeout = t
            .field(
                "answer_timeout_ms",
                Millis(100..=600_000),
                "How long the records of an export may take to be durable, once it has arrived. Later ones are answered UNAVAILABLE or 503, \
                 so that the sender tries again; the records may be stored all the same, and a retry meets them. Below what senders wait for an \
                 answer.",
            )
            .or(ANSWER_TIMEOUT);
        let split = t
            .field(
                "split",
                Split::CHOICE,
                "What an event is: `record` is a span, a metric or a log record, as JSON with its resource and scope; `request` is a whole \
                 export as it was sent, protobuf or JSON, for components that take it apart themselves.",
            )
            .or(Split::Record);
        let auth = t.group("auth").optional::<AuthConfig>();
        let auth = auth.unwrap_or_else(|| by_certificate(&listener));
        let rate_limit = t.group("rate_limit").optional::<RateLimit>();
        let signals = signals(t);
        t.refuse(
            "profiles",
            "profiles are not received: OpenTelemetry's protocol for them is not stable",
            "remove the table; receive `traces`, `metrics` and `logs`",
        );
        t.moved("endpoint", "write `host` and `port`");
        t.moved(
            "protocols",
            "write `port` and `grpc_port`: each port takes gRPC and HTTP",
        );
        let otlp = Self {
            grpc_port: grpc_port.unwrap_or(if listener.listen.port == 0 { 0 } else { GRPC_PORT }),
            max_body_bytes: max_body_bytes.unwrap_or(BODY_BYTES_MAX_DEFAULT),
            listener,
            answer_timeout,
            auth,
            rate_limit,
            split,
            signals,
        };
        check(t, &otlp);
        for listener in otlp.listeners() {
            listener.leave(t);
        }
        for (signal, _) in &otlp.signals {
            PathClaim::leave(t, signal.name(), signal.http_path());
        }
        Some(otlp.limited(max_body_bytes))
    }
}

/// Who names authorities of clients asks for a certificate of theirs.
fn by_certificate(listener: &ListenerConfig) -> AuthConfig {
    match listener.tls.as_ref().and_then(|tls| tls.client_ca_path.as_ref()) {
        Some(_) => AuthConfig::ClientCertificate {
            names: Vec::new(),
            fingerprints: Vec::new(),
        },
        None => AuthConfig::None,
    }
}

fn grpc_port(t: &mut Table<'_>) -> Option<u16> {
    t.field(
        "grpc_port",
        Integer(0..=u16::MAX),
        "A second port that takes the same, where exporters look for gRPC. With the number of `port` there is one port only: each \
         port takes gRPC and HTTP.",
    )
    .example("4317")
    .defaults_to("4317, or 0 if `port` is 0")
}

fn max_body_bytes(t: &mut Table<'_>) -> Option<usize> {
    t.field(
        "max_body_bytes",
        Integer(1..=BODY_BYTES_MAX),
        "Largest body in bytes, as sent and as decompressed. Larger ones are refused with RESOURCE_EXHAUSTED or 413, which senders do \
         not try again.",
    )
    .aliases(&["max_recv_msg_size", "max_request_body_size"])
    .example("16777216")
    .defaults_to("67108864, or 8388608 where a request is one record")
}

/// The tables `traces`, `metrics` and `logs`.
fn signals(t: &mut Table<'_>) -> Vec<(Signal, SignalConfig)> {
    let signals = Signal::ALL.into_iter();
    signals
        .filter_map(|signal| {
            let config = t.group(signal.name()).optional::<SignalConfig>()?;
            Some((signal, config.of(signal)))
        })
        .collect()
}

impl Otlp {
    /// A record has at most 8 MiB, so a request that is one has no more either.
    fn limited(mut self, given: Option<usize>) -> Self {
        let is_request = |(_, signal): &(Signal, SignalConfig)| self.split(signal) == Split::Request;
        if given.is_none() && self.signals.iter().any(is_request) {
            self.max_body_bytes = REQUEST_RECORD_BYTES_MAX;
        }
        self
    }
}
