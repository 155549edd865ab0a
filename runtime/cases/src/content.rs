//! Bytes as files of cases write them: as JSON, as text, or in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::read::Fields;

/// The keys of which a line has one.
pub(crate) const KEYS: [&str; 3] = ["payload", "text", "base64"];

/// Takes the bytes of a line: `payload` (any JSON), `text` or `base64`; of several, or of none, a mistake.
pub(crate) fn take(fields: &mut Fields, is_required: bool) -> Vec<u8> {
    let given: Vec<_> = KEYS.into_iter().filter(|key| fields.has(key)).collect();
    if given.len() > 1 {
        let given = given.join("` and `");
        fields.wrong.push(format!("`{given}` say the same: keep one"));
    }
    if given.is_empty() && is_required {
        let message = "no `payload`: write what was sent as `payload` (JSON), `text` or `base64`";
        fields.wrong.push(message.to_owned());
    }
    let payload = fields.take("payload").map(|value| value.to_string().into_bytes());
    let text = fields.text("text").map(String::into_bytes);
    let encoded = fields.text("base64").and_then(|text| decode(fields, &text));
    payload.or(text).or(encoded).unwrap_or_default()
}

/// A key: text, or an object with `base64`.
pub(crate) fn key(fields: &mut Fields) -> Option<Vec<u8>> {
    match fields.take("key")? {
        Value::String(text) => Some(text.into_bytes()),
        Value::Object(members) if members.len() == 1 && members.get("base64").is_some_and(Value::is_string) => {
            let text = members["base64"].as_str().unwrap_or_default().to_owned();
            decode(fields, &text)
        }
        _ => {
            fields
                .wrong
                .push("`key` is a string, or {\"base64\": \"…\"} for other bytes".to_owned());
            None
        }
    }
}

fn decode(fields: &mut Fields, text: &str) -> Option<Vec<u8>> {
    match STANDARD.decode(text) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            fields
                .wrong
                .push(format!("`base64` is not base64 with padding: {error}"));
            None
        }
    }
}

/// The key that shows these bytes best, and its value: JSON as it is, else text, else base64.
pub(crate) fn shown(bytes: &[u8]) -> (&'static str, Value) {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return ("payload", value);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => ("text", json!(text)),
        Err(_) => ("base64", json!(STANDARD.encode(bytes))),
    }
}

/// How a key is shown.
pub(crate) fn shown_key(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}
