//! The HTTP listener of a source.

use std::time::Duration;

use danube_wasm_ingress_listener::{ListenerConfig, ListenerDefaults, config::AuthConfig};
use danube_wasm_settings::{Section, Session, Span, Table, kinds::Integer};

use super::endpoint::EndpointConfig;
use crate::limits::{BODY_BYTES_MAX, BODY_BYTES_MAX_DEFAULT, EVENT_BYTES_MAX_DEFAULT};

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

impl Webhook {
    /// Largest body of an endpoint, in bytes.
    pub fn body_bytes_max(&self, endpoint: &EndpointConfig) -> usize {
        endpoint.max_body_bytes.unwrap_or(self.max_body_bytes)
    }

    /// Largest event of an endpoint, in bytes.
    pub fn event_bytes_max(&self, endpoint: &EndpointConfig) -> usize {
        let given = endpoint.max_event_bytes.unwrap_or(EVENT_BYTES_MAX_DEFAULT);
        given.min(self.body_bytes_max(endpoint))
    }

    /// Warns about a body that may be larger than the one event that is in it.
    fn warn_about_room_for_nothing(&self, session: Session<'_>, places: &Places, endpoint: &EndpointConfig) {
        let (body, event) = (self.body_bytes_max(endpoint), self.event_bytes_max(endpoint));
        if !endpoint.content_type.may_be_lists() && event < body {
            session.warning(
                &places.max_body_bytes,
                format!("{} takes bodies of {body} bytes, and one event in each, which has at most {event}", endpoint.path),
                "take lists (`content_type = \"ndjson\"`), or set `max_event_bytes`, for a component of your own that makes \
                 several records of an event",
            );
        }
    }

    /// Reports an endpoint that asks for a certificate where nobody can show one.
    fn refuse_certificates_of_nobody(&self, session: Session<'_>, places: &Places, endpoint: &EndpointConfig) {
        let tls = self.listener.tls.as_ref();
        let asks = matches!(endpoint.auth, AuthConfig::ClientCertificate { .. });
        if asks && tls.is_none_or(|tls| tls.client_ca_path.is_none()) {
            session.error(
                &places.auth,
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
            .or(BODY_BYTES_MAX_DEFAULT)
        });
        let endpoints = t
            .group("endpoints")
            .aliases(&["routes"])
            .each_of_some::<PlacedEndpoint>();
        let (endpoints, places): (Vec<_>, Vec<_>) = endpoints
            .into_iter()
            .map(|placed| (placed.config, placed.places))
            .unzip();
        t.moved("timeout_seconds", "write `request_deadline_ms`, in milliseconds");
        t.moved("timeout_secs", "write `request_deadline_ms`, in milliseconds");
        t.moved("tls_cert_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        t.moved("tls_key_path", "write `tls = { cert_path = \"…\", key_path = \"…\" }`");
        let webhook = Self {
            listener,
            max_body_bytes,
            endpoints,
        };
        for (endpoint, places) in webhook.endpoints.iter().zip(&places) {
            webhook.warn_about_room_for_nothing(t.session(), places, endpoint);
            webhook.refuse_certificates_of_nobody(t.session(), places, endpoint);
        }
        webhook.warn_about_open_endpoints(t.session(), &t.span("host"));
        webhook.listener.leave(t);
        Some(webhook)
    }
}

/// An endpoint, and where the file has what only its listener can judge.
struct PlacedEndpoint {
    config: EndpointConfig,
    places: Places,
}

struct Places {
    max_body_bytes: Span,
    auth: Span,
}

impl Section for PlacedEndpoint {
    const ABOUT: &'static str = EndpointConfig::ABOUT;

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let config = EndpointConfig::read(t)?;
        let places = Places {
            max_body_bytes: t.span("max_body_bytes"),
            auth: t.span("auth"),
        };
        Some(Self { config, places })
    }
}
