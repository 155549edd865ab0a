//! What the head of a request says about its events.

use bytes::Bytes;
use danube_wasm_ingress_listener::Exchange;
use danube_wasm_model::event::Event;
use http::{HeaderValue, header::CONTENT_TYPE};

use crate::{endpoint::Endpoint, query};

/// Returns an event with what the head of its request says about it.
pub(crate) fn event_of_head(exchange: &Exchange<'_>, endpoint: &Endpoint) -> Event {
    let head = exchange.head();
    Event {
        endpoint: endpoint.path().clone(),
        id: String::new(),
        payload: Bytes::new(),
        content_type: text(head.headers.get(CONTENT_TYPE)),
        key: None,
        received_ms: 0,
        attributes: attributes(exchange, endpoint),
        headers: match endpoint.wants_headers {
            true => endpoint.event_headers(&head.headers),
            false => Vec::new(),
        },
        traceparent: exchange.traceparent(),
        refusal: None,
    }
}

fn attributes(exchange: &Exchange<'_>, endpoint: &Endpoint) -> Vec<(String, String)> {
    if !endpoint.wants_attributes {
        return Vec::new();
    }
    let head = exchange.head();
    let query = endpoint
        .auth
        .query_without_credential(head.uri.query().unwrap_or_default());
    let mut attributes = vec![
        ("method".to_owned(), head.method.as_str().to_owned()),
        ("path".to_owned(), head.uri.path().to_owned()),
        ("query".to_owned(), query.clone()),
        ("client-ip".to_owned(), exchange.client().to_string()),
    ];
    let parameters = endpoint.pattern.parameters(head.uri.path());
    attributes.extend(parameters.map(|(name, value)| (format!("path.{name}"), value)));
    let asked = query::values(&query, &endpoint.query);
    attributes.extend(asked.map(|(name, value)| (format!("query.{name}"), value)));
    attributes
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}
