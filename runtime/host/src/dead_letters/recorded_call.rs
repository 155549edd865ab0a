//! The input of a dead letter as its component saw it, and the recorded circumstances of the call.

use std::sync::Arc;

use danube_wasm_broker::{Message, Registry};
use danube_wasm_model::{
    event::Event,
    identity::{ID_ATTRIBUTE, ONLY_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};
use danube_wasm_pipeline::envelope::Input;
use danube_wasm_sandbox::Recording;
use danube_wasm_schema::Schemas;
use serde::{Deserialize, Serialize};

use super::dead_letter::DeadLetter;

/// Prefix of the attributes that the host adds to an input in a dead letter.
const ENVELOPE: &str = "dlq.";

/// A call that can be repeated. Part of what `dlq show --json` prints: fields are only ever added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedCall {
    /// The input.
    pub(crate) input: Option<RecordedInput>,
    /// Why the input cannot be decoded, if it cannot.
    pub(crate) undecodable: Option<String>,
    /// What else the component's last call was given; `None` if it was not recorded.
    pub(crate) recording: Option<Recording>,
}

/// An input as components see it. Attributes and headers are lists, because their order and repetition matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedInput {
    /// A sink's input.
    Message {
        topic: String,
        id: String,
        key: Option<Raw>,
        /// The decoded payload.
        payload: Raw,
        publish_time_ms: u64,
        producer: String,
        /// `subject@version`; empty without a schema.
        schema: String,
        attributes: Vec<(String, String)>,
    },
    /// A source's input.
    Event {
        endpoint: String,
        id: String,
        key: Option<Raw>,
        payload: Raw,
        content_type: String,
        received_ms: u64,
        attributes: Vec<(String, String)>,
        headers: Vec<(String, String)>,
    },
}

/// Bytes, exactly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Raw {
    Text(String),
    Hex(String),
}

impl Raw {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(hex::encode(bytes)),
        }
    }

    /// Returns the bytes, or an error in their text form.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Hex(text) => hex::decode(text).map_err(|error| error.to_string()),
        }
    }
}

impl RecordedCall {
    /// Returns the call of a dead letter. A message's payload is decoded by its schema, if the registry has it.
    pub(super) async fn of(letter: &DeadLetter, registry: Arc<dyn Registry>) -> Self {
        let recording = letter.field("recording");
        let (input, undecodable) = match read_input(letter, registry).await {
            Ok(input) => (Some(input), None),
            Err(why) => (None, Some(why)),
        };
        Self {
            input,
            undecodable,
            // A recording in the format of a later version is ignored.
            recording: recording.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

async fn read_input(letter: &DeadLetter, registry: Arc<dyn Registry>) -> Result<RecordedInput, String> {
    match letter.input().ok_or("its envelope is not complete")? {
        Input::Event(event) => Ok(event_input(*event)),
        Input::Message { record, published_ms } => {
            let (payload, schema) = match record.schema {
                None => (record.payload, "".into()),
                Some(reference) => {
                    let validator = Schemas::new(registry).by_reference(reference).await;
                    let validator = validator.map_err(|error| error.to_string())?;
                    let payload = validator.decode(record.payload).map_err(|violations| {
                        let first = violations.first().map(|v| format!("`{}` {}", v.path, v.message));
                        let first = first.unwrap_or_default();
                        format!("the payload does not match schema `{}`: {first}", validator.subject())
                    })?;
                    (payload, validator.label())
                }
            };
            Ok(RecordedInput::Message {
                topic: record.topic.to_string(),
                id: record.id.as_str().to_owned(),
                key: record.key.as_deref().map(Raw::of),
                payload: Raw::of(&payload),
                publish_time_ms: published_ms,
                producer: letter.field("producer").unwrap_or_default().to_owned(),
                schema: schema.to_string(),
                attributes: message_attributes(letter.message()),
            })
        }
    }
}

fn event_input(event: Event) -> RecordedInput {
    let mut attributes = event.attributes;
    attributes.retain(|(name, _)| name != PUBLISH_TIME_ATTRIBUTE);
    RecordedInput::Event {
        endpoint: event.endpoint.to_string(),
        id: event.id,
        key: event.key.as_deref().map(Raw::of),
        payload: Raw::of(&event.payload),
        content_type: event.content_type,
        received_ms: event.received_ms,
        attributes,
        headers: event.headers,
    }
}

/// Returns the input's attributes, including those of the host that components see.
fn message_attributes(letter: &Message) -> Vec<(String, String)> {
    let hidden = [PUBLISH_TIME_ATTRIBUTE, ONLY_ATTRIBUTE, ID_ATTRIBUTE];
    let attributes = letter.attributes.iter();
    let seen = attributes.filter(|(name, _)| !name.starts_with(ENVELOPE) && !hidden.contains(&name.as_str()));
    seen.cloned().collect()
}
