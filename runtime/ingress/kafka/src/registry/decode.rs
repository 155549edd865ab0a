//! Keys and values as JSON.

use bytes::Bytes;
use danube_wasm_schema::{WriterSchema, WriterType};

use super::Entry;
use crate::framing;

/// What was behind an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) schema_id: u32,
    /// Which message of the schema; empty but for Protobuf.
    pub(crate) message_index: Vec<i32>,
    /// JSON text.
    pub(crate) json: Bytes,
}

/// Reads bytes with the schema that their id means. The error says why they cannot be read.
pub(crate) fn decode(bytes: &Bytes, entry: &Entry) -> Result<Decoded, String> {
    let (schema_id, body) = framing::header(bytes)?;
    let schema = match entry {
        Entry::Schema(schema) => schema,
        Entry::Unfit(why) => return Err(why.clone()),
    };
    let (message_index, body) = place(schema, body)?;
    let json = schema.decode(&message_index, body).map_err(|violations| {
        let all: Vec<_> = violations
            .iter()
            .map(|violation| match violation.path.as_str() {
                "" => violation.message.clone(),
                path => format!("at `{path}`: {}", violation.message),
            })
            .collect();
        format!(
            "it does not fit schema {schema_id}, with which it claims to be written: {}",
            all.join("; ")
        )
    })?;
    Ok(Decoded {
        schema_id,
        message_index,
        json,
    })
}

fn place(schema: &WriterSchema, mut body: Bytes) -> Result<(Vec<i32>, Bytes), String> {
    match schema.schema_type() {
        WriterType::Protobuf => Ok((framing::take_index(&mut body)?, body)),
        WriterType::Avro | WriterType::Json => Ok((Vec::new(), body)),
    }
}

/// A key as text: a string without its quotes, anything else as JSON.
pub(crate) fn key_text(json: Bytes) -> Bytes {
    match json.first() {
        Some(b'"') => serde_json::from_slice::<String>(&json).map_or(json, Bytes::from),
        _ => json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_text_has_no_quotes() {
        for (json, text) in [("\"a\\u0062\"", "ab"), ("7", "7"), ("{\"id\":1}", "{\"id\":1}")] {
            assert_eq!(key_text(Bytes::from(json)), text, "{json}");
        }
    }
}
