//! The HTTP listener of a source.

use std::time::Duration;

use danube_wasm_ingress_listener::{ListenerConfig, ListenerDefaults, config::AuthConfig};
use danube_wasm_settings::{Section, Session, Span, Table, kinds::Integer};

use super::endpoint::EndpointConfig;

/// An HTTP listener and its endpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The address that it listens on, and its limits.
    pub listener: ListenerConfig,
    /// Largest body in bytes, both as sent and as decompressed. Endpoints may have their own.
    pub max_body_bytes: usize,
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

    /// Reports endpoints that ask for a certificate where nobody can show one.
    fn refuse_certificates_of_nobody(&self, session: Session<'_>, endpoints: &Span) {
        let tls = self.listener.tls.as_ref();
        let asks = |endpoint: &&EndpointConfig| matches!(endpoint.auth, AuthConfig::ClientCertificate { .. });
        if let Some(endpoint) = self.endpoints.iter().find(asks)
            && tls.is_none_or(|tls| tls.client_ca_path.is_none())
        {
            session.error(
                endpoints,
                format!(
                    "{} asks for a client's certificate, and the listener trusts no authority for them",
                    endpoint.path
                ),
                "add `client_ca_path` to `tls` of the listener",
            );
        }
    }

    /// Warns about endpoints without authentication, unless only this machine can reach them.
    pub(crate) fn warn_about_open_endpoints(&self, session: Session<'_>, host: &Span) {
        let listen = &self.listener.listen;
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

/// Senders of webhooks give up after 10 to 30 seconds.
const DEFAULTS: ListenerDefaults = ListenerDefaults {
    port: 8080,
    body_timeout: Duration::from_secs(20),
    request_deadline: Duration::from_secs(30),
    stream_window_bytes: 64 << 10,
};
/// Default for the largest body, in bytes.
const BODY_BYTES: usize = 1 << 20;

impl Section for Webhook {
    const ABOUT: &'static str = "The HTTP listener of a source. Sources with the same host and port share one; they have the same TLS, \
        timeouts and proxies, and paths of their own.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (listener, max_body_bytes) = ListenerConfig::read(t, DEFAULTS, |t| {
            t.field(
                "max_body_bytes",
                Integer(1..=BODY_BYTES_MAX),
                "Largest body in bytes, as sent and as decompressed. Larger ones are answered 413 before they are read.",
            )
            .aliases(&["max_body_size"])
            .or(BODY_BYTES)
        });
        let endpoints = t
            .group("endpoints")
            .aliases(&["routes"])
            .each_of_some::<EndpointConfig>();
        t.moved("timeout_seconds", "write `request_deadline_ms`, in milliseconds");
        t.moved("timeout_secs", "write `request_deadline_ms`, in milliseconds");
        t.moved("tls_cert_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        t.moved("tls_key_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        let webhook = Self {
            listener,
            max_body_bytes,
            endpoints,
        };
        webhook.refuse_certificates_of_nobody(t.session(), &t.span("endpoints"));
        webhook.warn_about_open_endpoints(t.session(), &t.span("host"));
        webhook.listener.leave(t);
        Some(webhook)
    }
}
