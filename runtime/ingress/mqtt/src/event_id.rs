//! The id of an event: where its publisher put it, else minted.

use std::fmt::Write as _;

use danube_wasm_model::{clock::now_ms, identity::is_event_id};
use danube_wasm_settings::values::JsonPointer;
use serde_json::Value;

use crate::packets::Message;

/// Where the id of an event is. MQTT itself gives messages none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EventIdSource {
    /// Nowhere: every message is a new event, unless the broker sends it again.
    #[default]
    Minted,
    /// A user property of MQTT 5.
    Property(String),
    /// The correlation data of MQTT 5: as it is if that is text, else in hexadecimal digits.
    CorrelationData,
    /// A string or whole number in the payload, which is JSON.
    Pointer(JsonPointer),
}

impl EventIdSource {
    /// The publisher's id. None if there is none that can be one.
    pub(crate) fn find(&self, message: &Message) -> Option<String> {
        let id = match self {
            Self::Minted => None,
            Self::Property(name) => message.properties.user(name).map(str::to_owned),
            Self::CorrelationData => message.properties.correlation_data.as_deref().map(as_text),
            Self::Pointer(pointer) => at(&message.payload, pointer),
        };
        id.filter(|id| is_event_id(id))
    }
}

fn as_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_event_id(text) => text.to_owned(),
        _ => bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// The string or number that a pointer leads to, as text. None if there is none, or the payload is not JSON.
pub(crate) fn at(payload: &[u8], pointer: &JsonPointer) -> Option<String> {
    let document: Value = serde_json::from_slice(payload).ok()?;
    match document.pointer(pointer.as_str())? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A new id: a UUID of version 7 without its dashes. Later ids sort after earlier ones.
pub(crate) fn mint() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    bytes[..6].copy_from_slice(&now_ms().to_be_bytes()[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
