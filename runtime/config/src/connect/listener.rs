//! `[server]`, which the announcement of Danube Connect calls `[webhook]`.

use std::time::Duration;

use super::{draft::Rows, endpoint::ConnectEndpoint};
use crate::tables::webhook::{BODY_BYTES, BODY_BYTES_MAX, BODY_TIMEOUT, HEADER_TIMEOUT, REQUEST_DEADLINE, Webhook};
use danube_wasm_settings::{
    Effect, Listen, Section, Span, Table, Written,
    kinds::{Integer, Kind, Parsed, Secs},
    values::Host,
};

/// A listener without its endpoints.
pub(super) struct Listener {
    /// Where it listens and how long it waits.
    pub(super) webhook: Webhook,
    /// Where its host stands.
    pub(super) host: Span,
    /// Where its port stands.
    pub(super) port: Span,
    /// Its rows.
    pub(super) rows: Rows,
}

/// `[server]`.
pub(super) struct Server(pub(super) Listener);

/// `[webhook]`, which holds the endpoints too.
pub(super) struct WebhookServer {
    pub(super) listener: Listener,
    pub(super) endpoints: Vec<ConnectEndpoint>,
}

impl Section for Server {
    const ABOUT: &'static str = "The HTTP listener.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        Some(Self(listener(t)))
    }
}

impl Section for WebhookServer {
    const ABOUT: &'static str = "The HTTP listener, as the announcement of Danube Connect spells it.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let listener = listener(t);
        let endpoints = t.group("endpoints").each::<ConnectEndpoint>();
        Some(Self { listener, endpoints })
    }
}

fn listener(t: &mut Table<'_>) -> Listener {
    let host = t
        .field("host", Parsed::new("a host"), "IP address or name to listen on.")
        .overridden_by("SERVER_HOST")
        .or_written(Host::everywhere());
    let port = t
        .field(
            "port",
            Integer(0..=u16::MAX),
            "Port to listen on; 0 takes any free one.",
        )
        .overridden_by("SERVER_PORT")
        .or_written(8080);
    let deadline = t
        .field(
            "timeout_seconds",
            Secs(1..=600),
            "How long a request may take until its records are durable.",
        )
        .or(REQUEST_DEADLINE);
    let body_bytes: Written<usize> = t
        .field("max_body_size", Integer(1..=BODY_BYTES_MAX), "Largest body in bytes.")
        .or_written(BODY_BYTES);
    let help =
        "in a pipeline file, give [sources.webhook] `tls = { cert_path = \"…\", key_path = \"…\" }` to serve HTTPS";
    t.inert("tls_cert_path", Effect::Never, help);
    t.inert("tls_key_path", Effect::Never, help);
    let body_timeout = body_timeout(deadline);
    let mut rows = Rows::default();
    rows.push("host", host.toml);
    rows.push("port", port.toml);
    rows.unless(&BODY_BYTES.to_string(), "max_body_bytes", body_bytes.toml);
    rows.unless(&millis(BODY_TIMEOUT), "body_timeout_ms", millis(body_timeout));
    rows.unless(&millis(REQUEST_DEADLINE), "request_deadline_ms", millis(deadline));
    Listener {
        webhook: Webhook {
            listen: Listen {
                host: host.value,
                port: port.value,
                line: t.session().source_line(&t.span("port")),
            },
            tls: None,
            max_body_bytes: body_bytes.value,
            header_timeout: HEADER_TIMEOUT,
            body_timeout,
            request_deadline: deadline,
            trusted_proxies: Vec::new(),
            endpoints: Vec::new(),
        },
        host: t.span("host"),
        port: t.span("port"),
        rows,
    }
}

/// Danube Connect has one deadline for body and answer: two thirds of it are left to the body.
fn body_timeout(deadline: Duration) -> Duration {
    let share = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX) / 3 * 2;
    BODY_TIMEOUT.min(Duration::from_millis(share))
}

fn millis(duration: Duration) -> String {
    danube_wasm_settings::kinds::Millis(0..=0).show(&duration)
}
