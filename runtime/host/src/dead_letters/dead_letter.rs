//! A dead letter, with what its envelope contains for people and for a replay.

use std::time::{Duration, UNIX_EPOCH};

use danube_wasm_broker::{Message, MessageId};
use danube_wasm_codes::Code;
use danube_wasm_model::hash::fnv1a;
use danube_wasm_pipeline::{
    dead_letter::Reason,
    envelope::{Envelope, Input},
};
use danube_wasm_schema::{limits::PAYLOAD, strict};
use serde_json::{Map, Value, json};

/// Longest reason in a list, in characters.
const SHORT_CHARS_MAX: usize = 72;

/// A dead letter.
pub(super) struct DeadLetter(Envelope);

impl DeadLetter {
    pub(super) fn new(message: Message) -> Self {
        Self(Envelope::new(message))
    }

    /// The message as it is in the topic.
    pub(super) fn message(&self) -> &Message {
        self.0.message()
    }

    pub(super) fn place(&self) -> MessageId {
        self.0.message().message_id
    }

    /// The whole id, the same for all dead letters of one input and connector.
    pub(super) fn whole_id(&self) -> &str {
        self.0.message().id.as_str()
    }

    /// The short id, for typing: FNV-1a, 64 bits, of the whole id.
    pub(super) fn id(&self) -> String {
        format!("{:016x}", fnv1a(self.whole_id().bytes()))
    }

    /// Whether `id` is its short id, its whole id, or the id of its input.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id() == id || self.whole_id() == id || self.field("id") == Some(id)
    }

    /// The id of the connector that could not process it.
    pub(super) fn connector(&self) -> &str {
        self.field("connector").unwrap_or_default()
    }

    /// Whether it belongs to the connector with this name or id.
    pub(super) fn belongs_to(&self, connector: &str) -> bool {
        let id = self.connector();
        id == connector || id.rsplit('/').next() == Some(connector)
    }

    /// The topic or the endpoint of the input.
    pub(super) fn origin(&self) -> &str {
        self.0.origin()
    }

    /// Returns an entry of the list.
    pub(super) fn summary(&self) -> Value {
        let message = self.field("message").unwrap_or_default();
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
            "reason": self.field("reason"),
            "code": self.code(),
            "when": time(self.0.written_ms()),
            "origin": self.origin(),
            "message": short,
        })
    }

    /// Returns all details.
    pub(super) fn details(&self) -> Value {
        let number = |name| self.field(name).and_then(|text| text.parse::<u64>().ok());
        let headers: Map<String, Value> = self.0.headers().map(|(n, v)| (n.to_owned(), json!(v))).collect();
        let own: Map<String, Value> = self.0.own_attributes().map(|(n, v)| (n.clone(), json!(v))).collect();
        let mut whole = json!({
            "id": self.id(),
            "whole_id": self.whole_id(),
            "connector": self.connector(),
            "component_digest": self.field("component-digest"),
            "reason": self.field("reason"),
            "code": self.code(),
            "message": self.field("message"),
            "backtrace": self.field("backtrace").map(|text| text.lines().collect::<Vec<_>>()),
            "violations": self.field("violations").and_then(|text| serde_json::from_str::<Value>(text).ok()),
            "attempts": number("attempts"),
            "redeliveries": number("redeliveries"),
            "when": time(self.0.written_ms()),
            "origin": self.origin(),
            "input_id": self.field("id"),
            "published": number("publish-time-ms").map(time),
            "received": number("received-ms").map(time),
            "producer": self.field("producer"),
            "schema": self.field("schema"),
            "content_type": self.field("content-type"),
            "key": self.0.message().key.as_deref().map(|key| readable(key).1),
            "headers": headers,
            "attributes": own,
        });
        let (encoding, payload) = readable(&self.0.message().payload);
        if let Value::Object(fields) = &mut whole {
            fields.retain(|_, value| !value.is_null() && *value != json!({}));
            fields.insert("payload_encoding".to_owned(), encoding.into());
            if encoding == "json" {
                // As text, in case numbers change when they are parsed.
                let text = String::from_utf8_lossy(&self.0.message().payload).into_owned();
                fields.insert("payload_text".to_owned(), text.into());
            }
            fields.insert("payload".to_owned(), payload);
        }
        whole
    }

    /// The original input; `None` if the envelope is incomplete.
    pub(super) fn input(&self) -> Option<Input> {
        self.0.input()
    }

    fn code(&self) -> Option<Code> {
        let reason = self.field("reason")?;
        let found = Reason::ALL.into_iter().find(|known| known.as_str() == reason);
        found.map(Reason::code)
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.attribute(name)
    }
}

fn time(ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(ms)) {
        Some(time) if ms < 253_402_300_800_000 => humantime::format_rfc3339_millis(time).to_string(),
        _ => format!("{ms} ms"),
    }
}

/// Returns bytes as JSON, text or hexadecimal digits, with the name of that form.
pub(crate) fn readable(bytes: &[u8]) -> (&'static str, Value) {
    // Deeper JSON could not be parsed where it is printed inside another value.
    if strict::within(bytes, PAYLOAD).is_ok()
        && let Ok(value) = serde_json::from_slice(bytes)
    {
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
