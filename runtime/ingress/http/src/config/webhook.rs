//! The HTTP listener of a source.

use std::time::Duration;

use danube_wasm_connector::AddressClaim;
use danube_wasm_settings::{
    Listen, Section, Session, Span, Table,
    kinds::{FilePath, Integer, List, Millis, Parsed},
    values::Network,
};

use super::{auth::AuthConfig, endpoint::EndpointConfig};
use crate::TlsOptions;

/// An HTTP listener and its endpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The address that it listens on.
    pub listen: Listen,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsOptions>,
    /// Largest body in bytes, both as sent and as decompressed. Endpoints may have their own.
    pub max_body_bytes: usize,
    /// How long the headers of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// How long the answer to a request may take, from the end of its headers.
    pub request_deadline: Duration,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// At least one, each with a path of its own.
    pub endpoints: Vec<EndpointConfig>,
}

/// Upper bound of a configured body limit, in bytes: the longest payload that every topic accepts. Schemas validate none that
/// is longer, and the embedded log accepts 10 MiB including attributes.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;

impl Webhook {
    /// Largest body of an endpoint, in bytes.
    pub fn body_bytes_max(&self, endpoint: &EndpointConfig) -> usize {
        endpoint.max_body_bytes.unwrap_or(self.max_body_bytes)
    }

    /// Whether two sources can share a listener.
    pub(crate) fn shares_listener(&self, other: &Self) -> bool {
        self.listener_settings() == other.listener_settings()
    }

    /// The settings that sources on one address must have in common.
    fn listener_settings(&self) -> String {
        let timeouts = [self.header_timeout, self.body_timeout, self.request_deadline];
        format!("{:?}", (&self.tls, &self.trusted_proxies, timeouts))
    }

    /// Warns about endpoints without authentication, unless only this machine can reach them.
    pub(crate) fn warn_about_open_endpoints(&self, session: Session<'_>, host: &Span) {
        let listen = &self.listen;
        if listen.host.is_loopback() {
            return;
        }
        let open = self
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.auth == AuthConfig::None);
        let open: Vec<_> = open.map(|endpoint| endpoint.path.as_str()).collect();
        if !open.is_empty() {
            session.warning(
                host,
                format!("everyone who can reach {listen} may post to {}", open.join(", ")),
                "give the endpoint an `auth`, or keep `host = \"127.0.0.1\"`",
            );
        }
    }
}

/// Default for how long the headers of a request may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Default for how long the body of a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// Default for how long the answer to a request may take.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// Default for the largest body, in bytes.
const BODY_BYTES: usize = 1 << 20;

impl Section for Webhook {
    const ABOUT: &'static str = "The HTTP listener of a source. Sources with the same host and port share one; they have the same TLS, \
        timeouts and proxies, and paths of their own.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let listen = Listen::read(t, 8080);
        let tls = t.group("tls").optional::<TlsOptions>();
        let max_body_bytes = t
            .field(
                "max_body_bytes",
                Integer(1..=BODY_BYTES_MAX),
                "Largest body in bytes, as sent and as decompressed. Larger ones are answered 413 before they are read.",
            )
            .aliases(&["max_body_size"])
            .or(BODY_BYTES);
        let header_timeout = t
            .field(
                "header_timeout_ms",
                Millis(100..=600_000),
                "How long the headers of a request may take to arrive.",
            )
            .or(HEADER_TIMEOUT);
        let body_timeout = t
            .field(
                "body_timeout_ms",
                Millis(100..=600_000),
                "How long the body of a request may take to arrive. Slower ones are answered 408.",
            )
            .or(BODY_TIMEOUT);
        let request_deadline = t
            .field(
                "request_deadline_ms",
                Millis(100..=600_000),
                "How long a request may take until its records are durable. Later ones are answered 503; the event may \
                 be stored all the same.",
            )
            .or(REQUEST_DEADLINE);
        let proxies = List {
            kind: Parsed::new("an IP address or network"),
            len: 0..=64,
        };
        let trusted_proxies = t
            .field(
                "trusted_proxies",
                proxies,
                "Proxies whose `X-Forwarded-For` is believed. Without any, the client is whoever connects.",
            )
            .example("[\"10.0.0.0/8\"]")
            .or(Vec::new());
        let endpoints = t
            .group("endpoints")
            .aliases(&["routes"])
            .each_of_some::<EndpointConfig>();
        t.moved("timeout_seconds", "write `request_deadline_ms`, in milliseconds");
        t.moved("timeout_secs", "write `request_deadline_ms`, in milliseconds");
        t.moved("tls_cert_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        t.moved("tls_key_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        if body_timeout >= request_deadline {
            t.session().error(
                &t.span("body_timeout_ms"),
                "a request whose body takes `body_timeout_ms` has no time left of its `request_deadline_ms`",
                "lower the first or raise the second",
            );
        }
        let webhook = Self {
            listen,
            tls,
            max_body_bytes,
            header_timeout,
            body_timeout,
            request_deadline,
            trusted_proxies,
            endpoints,
        };
        webhook.warn_about_open_endpoints(t.session(), &t.span("host"));
        AddressClaim::leave(t, &webhook.listen, webhook.listener_settings());
        Some(webhook)
    }
}

impl Section for TlsOptions {
    const ABOUT: &'static str = "Serve HTTPS, HTTP/1.1 and HTTP/2. Without this table, plain HTTP.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let cert_path = t
            .field("cert_path", FilePath, "Certificate chain, PEM.")
            .example("\"tls/cert.pem\"")
            .required();
        let key_path = t
            .field("key_path", FilePath, "Private key, PEM.")
            .example("\"tls/key.pem\"")
            .required();
        Some(Self {
            cert_path: cert_path?,
            key_path: key_path?,
        })
    }
}
