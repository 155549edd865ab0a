//! Mistakes that are not one key's.

use danube_wasm_ingress_listener::config::AuthConfig;
use danube_wasm_settings::Table;

use super::{Otlp, Split};
use crate::{limits::REQUEST_RECORD_BYTES_MAX, signal::Signal};

/// Reports them.
pub(super) fn check(t: &Table<'_>, otlp: &Otlp) {
    let session = t.session();
    let is_given = |signal: &Signal| t.given(signal.name());
    if otlp.signals.is_empty() && !Signal::ALL.iter().any(is_given) {
        session.error(
            t.own_span(),
            format!("{} receives no signal", t.header()),
            "add a table `traces`, `metrics` or `logs` with a `danube_topic`",
        );
    }
    if otlp.auth.signs_bodies() {
        session.error(
            &t.span("auth"),
            "no exporter signs its exports: this would let nobody in",
            "write `type = \"bearer\"`, `\"api_key\"` or `\"jwt\"`, or ask for certificates with `tls.client_ca_path`",
        );
    }
    let whole = otlp
        .signals
        .iter()
        .find(|(_, signal)| otlp.split(signal) == Split::Request);
    if let (Some((signal, _)), true) = (
        whole,
        t.given("max_body_bytes") && otlp.max_body_bytes > REQUEST_RECORD_BYTES_MAX,
    ) {
        session.error(
            &t.span("max_body_bytes"),
            format!(
                "an export of {} is one record, and a record has at most {REQUEST_RECORD_BYTES_MAX} bytes",
                signal.name()
            ),
            "lower it, or write `split = \"record\"`",
        );
    }
    let listen = &otlp.listener.listen;
    if otlp.auth == AuthConfig::None && !listen.host.is_loopback() {
        session.warning(
            &t.span("host"),
            format!("everyone who can reach {listen} may send telemetry"),
            "give the source an `auth`, or keep `host = \"127.0.0.1\"`",
        );
    }
}
