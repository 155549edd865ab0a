//! What the keys of the table must be to each other.

use danube_wasm_settings::Table;

use super::{Broker, KeyFormat, Mechanism, Reading, RouteConfig, Sasl, ValueFormat};

pub(super) fn check(
    t: &Table<'_>,
    brokers: Option<&[Broker]>,
    has_tls: bool,
    sasl: Option<&Sasl>,
    reading: &Reading,
    routes: &[RouteConfig],
) {
    let session = t.session();
    let is_local = brokers.is_none_or(|brokers| brokers.iter().all(Broker::is_loopback));
    if sasl.is_some_and(|sasl| sasl.mechanism == Mechanism::Plain) && !has_tls && !is_local {
        let message = "the password goes over the network in the clear";
        session.warning(&t.span("sasl"), message, "add `tls = {}`");
    }
    if reading.drain_timeout >= reading.session_timeout {
        let message = "`drain_timeout_ms` must be shorter than `session_timeout_ms`: else the partitions are lost before they are finished";
        let key = if t.given("drain_timeout_ms") {
            "drain_timeout_ms"
        } else {
            "session_timeout_ms"
        };
        session.error(&t.span(key), message, "write half of `session_timeout_ms`");
    }
    overlaps(t, routes);
}

fn overlaps(t: &Table<'_>, routes: &[RouteConfig]) {
    let session = t.session();
    for (at, route) in routes.iter().enumerate() {
        let earlier = &routes[..at];
        if earlier.iter().any(|earlier| earlier.from == route.from) {
            let message = format!("two routes have the topic `{}`", route.from);
            session.error(&t.span("routes"), message, "keep one of them");
        }
    }
}

/// Whether there is a registry for what names schemas, and something for a registry.
pub(super) fn registry(t: &Table<'_>, routes: &[RouteConfig]) {
    let session = t.session();
    let is_given = t.given("schema_registry");
    let has = |format: ValueFormat| routes.iter().any(|route| route.value == format);
    let has_keys = routes.iter().any(|route| route.key == KeyFormat::Registry);
    if has_keys && !is_given {
        let message = "`key = \"registry\"` needs the registry that has the keys' schemas";
        session.error(&t.span("routes"), message, "add `schema_registry = { url = … }`");
    }
    if is_given && has(ValueFormat::RegistryProtobuf) {
        let message = "with `schema_registry`, each schema says itself whether it is one of Protobuf";
        session.error(&t.span("routes"), message, "write `value = \"registry\"`");
    }
    if is_given && !has_keys && !has(ValueFormat::Registry) && !has(ValueFormat::RegistryProtobuf) {
        let message = "no route has values or keys with a schema in it";
        session.warning(
            &t.span("schema_registry"),
            message,
            "write `value = \"registry\"` in a route",
        );
    }
}
