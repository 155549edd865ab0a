//! A message as an event.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use danube_wasm_model::{
    clock::now_ms,
    event::{Event, EventRefusal, Interests},
};

use crate::{
    config::KeySource,
    event_id,
    packets::{Message, Qos},
    routes::Route,
};

/// User property that carries a W3C trace context.
const TRACEPARENT: &str = "traceparent";

/// The event that a message of this route is.
pub(crate) fn event(message: Message, id: String, route: &Route, wants: Interests) -> Event {
    Event {
        endpoint: route.endpoint.clone(),
        id,
        content_type: message.properties.content_type.clone().unwrap_or_default(),
        key: key(&message, &route.config.key),
        received_ms: now_ms(),
        attributes: if wants.attributes {
            attributes(&message)
        } else {
            Vec::new()
        },
        headers: if wants.headers { headers(&message) } else { Vec::new() },
        traceparent: message
            .properties
            .user(TRACEPARENT)
            .filter(|text| is_traceparent(text))
            .map(str::to_owned),
        payload: message.payload,
        refusal: None,
    }
}

/// What is known of a message that cannot be taken, for its dead letter: how many bytes its packet has, which message of its connection
/// it was, and why it is refused.
pub(crate) fn unfit(message: Message, id: String, route: &Route, size: usize, position: u64, error: String) -> Event {
    let wants = Interests::from_names(["attributes"]);
    let mut event = event(message, id, route, wants);
    event.refusal = Some(Box::new(EventRefusal {
        error,
        has_payload: false,
    }));
    event.attributes.extend([
        ("mqtt.packet-bytes".to_owned(), size.to_string()),
        ("mqtt.position".to_owned(), position.to_string()),
    ]);
    event
}

fn key(message: &Message, source: &KeySource) -> Option<Bytes> {
    let topic = || Some(Bytes::copy_from_slice(message.topic.as_bytes()));
    match source {
        KeySource::None => None,
        KeySource::Topic => topic(),
        KeySource::Level(level) => {
            let level = message
                .topic
                .split('/')
                .nth(level - 1)
                .filter(|level| !level.is_empty());
            level.map_or_else(topic, |level| Some(Bytes::copy_from_slice(level.as_bytes())))
        }
        KeySource::Pointer(pointer) => {
            event_id::at(&message.payload, pointer).map_or_else(topic, |key| Some(key.into()))
        }
    }
}

fn attributes(message: &Message) -> Vec<(String, String)> {
    let Message {
        topic,
        qos,
        dup,
        retain,
        packet_id,
        properties,
        ..
    } = message;
    let qos = match qos {
        Qos::AtMostOnce => "0",
        Qos::AtLeastOnce => "1",
        Qos::ExactlyOnce => "2",
    };
    let named = |name: &str, value: String| (name.to_owned(), value);
    let mut attributes = vec![
        named("mqtt.topic", topic.clone()),
        named("mqtt.qos", qos.to_owned()),
        named("mqtt.retain", retain.to_string()),
        named("mqtt.dup", dup.to_string()),
    ];
    if *packet_id > 0 {
        attributes.push(named("mqtt.packet-id", packet_id.to_string()));
    }
    let response = properties
        .response_topic
        .clone()
        .map(|topic| named("mqtt.response-topic", topic));
    let correlation = properties
        .correlation_data
        .as_ref()
        .map(|data| named("mqtt.correlation-data", STANDARD.encode(data)));
    let expiry = properties
        .message_expiry_secs
        .map(|secs| named("mqtt.message-expiry", secs.to_string()));
    attributes.extend([response, correlation, expiry].into_iter().flatten());
    attributes
}

/// User properties, names in lower case as those of all headers.
fn headers(message: &Message) -> Vec<(String, String)> {
    let user = message.properties.user.iter();
    user.map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
}

/// `00-32 hex-16 hex-2 hex`.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text
        .split('-')
        .map(|part| (part.len(), part.bytes().all(|b| b.is_ascii_hexdigit())))
        .collect();
    parts == [(2, true), (32, true), (16, true), (2, true)] && text.starts_with("00-")
}
