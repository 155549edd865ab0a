//! One letter: what its envelope says (`danube_wasm_pipeline::dead_letter` writes it), for people and for a replay.

use std::time::{Duration, UNIX_EPOCH};

use danube_wasm_broker::{Message, MessageId, Outgoing, SchemaRef};
use danube_wasm_model::{
    RecordId, TopicName,
    event::Event,
    identity::{HOST_ATTRIBUTE_PREFIX, PUBLISH_TIME_ATTRIBUTE},
};
use serde_json::{Map, Value, json};

const ENVELOPE: &str = "dlq.";
const HEADER: &str = "dlq.header.";
/// Most characters of a reason in a list.
const SHORT_CHARS_MAX: usize = 72;

/// A letter.
pub(super) struct Letter(Message);

/// What it was made of.
pub(super) enum Input {
    /// A message, with its first publish time in milliseconds since 1970-01-01 UTC.
    Message { record: Box<Outgoing>, published_ms: u64 },
    /// An event that never became a record.
    Event(Box<Event>),
}

impl Letter {
    pub(super) fn new(message: Message) -> Self {
        Self(message)
    }

    pub(super) fn place(&self) -> MessageId {
        self.0.message_id
    }

    /// The same for every letter of one input and connector.
    pub(super) fn whole_id(&self) -> &str {
        self.0.id.as_str()
    }

    /// Short enough to type: FNV-1a, 64 bits, of the whole id.
    pub(super) fn id(&self) -> String {
        let bytes = self.whole_id().bytes();
        let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{digest:016x}")
    }

    /// Whether it is meant: by its id, its whole id, or the id of its input.
    pub(super) fn is(&self, id: &str) -> bool {
        self.id() == id || self.whole_id() == id || self.said("id") == Some(id)
    }

    /// Id of the connector that could not process it.
    pub(super) fn connector(&self) -> &str {
        self.said("connector").unwrap_or_default()
    }

    /// Whether it is of this connector, by its name or its id.
    pub(super) fn is_of(&self, connector: &str) -> bool {
        let id = self.connector();
        id == connector || id.rsplit('/').next() == Some(connector)
    }

    /// The topic or the endpoint that the input came through.
    pub(super) fn origin(&self) -> &str {
        self.said("origin").unwrap_or_default()
    }

    /// A line of the list.
    pub(super) fn line(&self) -> Value {
        let message = self.said("message").unwrap_or_default();
        let mut short: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(SHORT_CHARS_MAX)
            .collect();
        if short.len() < message.len() {
            short.push('…');
        }
        json!({
            "id": self.id(),
            "connector": self.connector(),
            "reason": self.said("reason"),
            "when": time(self.written_ms()),
            "origin": self.origin(),
            "message": short,
        })
    }

    /// Everything.
    pub(super) fn whole(&self) -> Value {
        let number = |name| self.said(name).and_then(|text| text.parse::<u64>().ok());
        let headers = self.0.attributes.iter();
        let headers = headers.filter_map(|(name, value)| Some((name.strip_prefix(HEADER)?.to_owned(), json!(value))));
        let headers: Map<String, Value> = headers.collect();
        let own: Map<String, Value> = self.own_attributes().map(|(n, v)| (n.clone(), json!(v))).collect();
        let mut whole = json!({
            "id": self.id(),
            "whole_id": self.whole_id(),
            "connector": self.connector(),
            "component_digest": self.said("component-digest"),
            "reason": self.said("reason"),
            "message": self.said("message"),
            "backtrace": self.said("backtrace").map(|text| text.lines().collect::<Vec<_>>()),
            "attempts": number("attempts"),
            "redeliveries": number("redeliveries"),
            "when": time(self.written_ms()),
            "origin": self.origin(),
            "input_id": self.said("id"),
            "published": number("publish-time-ms").map(time),
            "received": number("received-ms").map(time),
            "producer": self.said("producer"),
            "schema": self.said("schema"),
            "content_type": self.said("content-type"),
            "key": self.0.key.as_deref().map(|key| readable(key).1),
            "headers": headers,
            "attributes": own,
        });
        let (encoding, payload) = readable(&self.0.payload);
        if let Value::Object(fields) = &mut whole {
            fields.retain(|_, value| !value.is_null() && *value != json!({}));
            fields.insert("payload_encoding".to_owned(), encoding.into());
            if encoding == "json" {
                // As it is, in case numbers do not survive being read.
                let text = String::from_utf8_lossy(&self.0.payload).into_owned();
                fields.insert("payload_text".to_owned(), text.into());
            }
            fields.insert("payload".to_owned(), payload);
        }
        whole
    }

    /// The input as it was; `None` if the envelope is none.
    pub(super) fn input(&self) -> Option<Input> {
        let id = self.said("id")?.to_owned();
        let attributes: Vec<_> = self.own_attributes().cloned().collect();
        if let Some(received) = self.said("received-ms") {
            let headers = self.0.attributes.iter();
            let headers = headers.filter_map(|(n, v)| Some((n.strip_prefix(HEADER)?.to_owned(), v.clone())));
            let mut attributes = attributes;
            attributes.push((PUBLISH_TIME_ATTRIBUTE.to_owned(), received.to_owned()));
            return Some(Input::Event(Box::new(Event {
                endpoint: self.origin().into(),
                id,
                payload: self.0.payload.clone(),
                content_type: self.said("content-type").unwrap_or_default().to_owned(),
                key: self.0.key.clone(),
                received_ms: received.parse().ok()?,
                attributes,
                headers: headers.collect(),
                traceparent: None,
            })));
        }
        let topic: TopicName = self.origin().parse().ok()?;
        let schema = match self.said("schema") {
            Some(text) => Some(schema(text)?),
            None => None,
        };
        Some(Input::Message {
            record: Box::new(Outgoing {
                topic,
                key: self.0.key.clone(),
                payload: self.0.payload.clone(),
                attributes,
                id: RecordId::from_broker(id),
                schema,
            }),
            published_ms: self.said("publish-time-ms")?.parse().ok()?,
        })
    }

    fn said(&self, name: &str) -> Option<&str> {
        let mut attributes = self.0.attributes.iter();
        attributes
            .find(|(n, _)| n.strip_prefix(ENVELOPE) == Some(name))
            .map(|(_, value)| value.as_str())
    }

    /// The input's own, without the envelope and what the host adds.
    fn own_attributes(&self) -> impl Iterator<Item = &(String, String)> {
        let attributes = self.0.attributes.iter();
        attributes.filter(|(name, _)| !name.starts_with(ENVELOPE) && !name.starts_with(HOST_ATTRIBUTE_PREFIX))
    }

    /// When it became a letter.
    fn written_ms(&self) -> u64 {
        let mut attributes = self.0.attributes.iter();
        let moved = attributes.find(|(name, _)| name == PUBLISH_TIME_ATTRIBUTE);
        moved
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(self.0.publish_time_ms)
    }
}

fn schema(text: &str) -> Option<SchemaRef> {
    let (id, version) = text.split_once('@')?;
    Some(SchemaRef {
        id: id.parse().ok()?,
        version: version.parse().ok()?,
    })
}

fn time(ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(ms)) {
        Some(time) if ms < 253_402_300_800_000 => humantime::format_rfc3339_millis(time).to_string(),
        _ => format!("{ms} ms"),
    }
}

/// What bytes are, and as such.
fn readable(bytes: &[u8]) -> (&'static str, Value) {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return ("json", value);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => ("text", text.into()),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            ("hex", hex.into())
        }
    }
}
