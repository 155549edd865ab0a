//! What the keys of the table must be to each other.

use danube_wasm_settings::Table;

use super::{Broker, Mechanism, Reading, RouteConfig, Sasl};

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
