//! The encodings of each schema type, on the wire and for components.
//!
//! Components get JSON text for every type; the wire has what Danube's own clients write:
//!
//! | type | on the wire | to a component |
//! |---|---|---|
//! | `json_schema` | JSON text | the same |
//! | `string` | UTF-8 | a JSON string |
//! | `number` | JSON number | the same |
//! | `bytes` | bytes | `{"data": base64, "size": n}` |
//! | `avro` | an object container file | see [`crate::avro`] |
//! | `protobuf` | a bare message | Protobuf's JSON mapping, see [`crate::protobuf`] |
//!
//! A body that a component forwards from a sender that did not send JSON is published unchanged to a `string` or
//! `bytes` topic.
//!
//! A `number` is text because Danube Connect and `danube-cli` write and read it so. A broker that validates payloads
//! (off by default) expects exactly 4 or 8 bytes instead, without saying of which type or byte order; it refuses most
//! numbers of all these clients, and ours.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use danube_wasm_model::{FieldTypes, door::Violation};
use serde::{Deserialize, Serialize};

use crate::{
    avro::Avro,
    json_schema::JsonSchema,
    limits::{DEFINITION, PAYLOAD},
    protobuf::Protobuf,
    strict, violations,
};

/// A type of schema, by Danube's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaType {
    /// `json_schema`: JSON documents.
    JsonSchema,
    /// `string`: text.
    String,
    /// `number`: a JSON number.
    Number,
    /// `bytes`: anything.
    Bytes,
    /// `avro`: Avro records.
    Avro,
    /// `protobuf`: Protobuf messages.
    Protobuf,
}

impl SchemaType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::JsonSchema,
        Self::String,
        Self::Number,
        Self::Bytes,
        Self::Avro,
        Self::Protobuf,
    ];

    /// Danube's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::String => "string",
            Self::Number => "number",
            Self::Bytes => "bytes",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
        }
    }

    /// Whether it has a text.
    pub fn has_definition(self) -> bool {
        matches!(self, Self::JsonSchema | Self::Avro | Self::Protobuf)
    }
}

/// A name that is none of [`SchemaType::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a schema type: use `json_schema`, `string`, `number`, `bytes`, `avro` or \
         `protobuf`"
)]
pub struct UnknownSchemaType(String);

impl FromStr for SchemaType {
    type Err = UnknownSchemaType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == text);
        found.ok_or_else(|| UnknownSchemaType(text.chars().take(64).collect()))
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A schema, compiled.
#[derive(Debug)]
pub(crate) enum Codec {
    Json(Box<JsonSchema>),
    String,
    Number,
    Bytes,
    Avro(Box<Avro>),
    Protobuf(Protobuf),
}

/// `bytes` as a component sees it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    data: String,
    size: Option<u64>,
}

impl Codec {
    /// Compiles a definition; the error is a message.
    pub(crate) fn compile(schema_type: SchemaType, definition: &str) -> Result<Self, String> {
        if !schema_type.has_definition() && !definition.trim().is_empty() {
            return Err(format!(
                "a schema of type `{schema_type}` has no text: leave `schema_file` out"
            ));
        }
        if definition.len() > DEFINITION.bytes_max {
            return Err(format!(
                "its text has {} bytes; at most {} are taken",
                definition.len(),
                DEFINITION.bytes_max
            ));
        }
        Ok(match schema_type {
            SchemaType::JsonSchema => Self::Json(Box::new(JsonSchema::compile(definition)?)),
            SchemaType::String => Self::String,
            SchemaType::Number => Self::Number,
            SchemaType::Bytes => Self::Bytes,
            SchemaType::Avro => Self::Avro(Box::new(Avro::compile(definition)?)),
            SchemaType::Protobuf => Self::Protobuf(Protobuf::compile(definition)?),
        })
    }

    /// Fields with types that JSON does not have.
    pub(crate) fn field_types(&self) -> Option<FieldTypes> {
        match self {
            Self::Avro(avro) => avro.field_types(),
            Self::Protobuf(message) => message.field_types(),
            Self::Json(_) | Self::String | Self::Number | Self::Bytes => None,
        }
    }

    /// Checks a component's JSON text and encodes it for the wire.
    pub(crate) fn encode(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        match self {
            Self::Json(schema) => schema.check(&payload).map(|()| payload),
            Self::String => {
                let text: String = read(&payload, "a JSON string is expected")?;
                Ok(text.into_bytes().into())
            }
            Self::Number => read::<serde_json::Number>(&payload, "a JSON number is expected").map(|_| payload),
            Self::Bytes => {
                let blob: Blob = read(&payload, "`{\"data\": base64, \"size\": number of bytes}` is expected")?;
                let refused = |path, message| vec![violations::at(path, message)];
                let bytes = BASE64_STANDARD
                    .decode(&blob.data)
                    .map_err(|_| refused("/data", "this is not base64"))?;
                if blob.size.is_some_and(|size| size != bytes.len() as u64) {
                    return Err(refused("/size", "this is not the number of bytes in `data`"));
                }
                Ok(bytes.into())
            }
            Self::Avro(avro) => avro.encode(&payload).map_err(|violation| vec![violation]),
            Self::Protobuf(message) => message.encode(&payload).map_err(|violation| vec![violation]),
        }
    }

    /// The same for payloads that are not JSON: text for `string`, anything for `bytes`. The other types are made from
    /// JSON only.
    pub(crate) fn encode_raw(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        match self {
            Self::String => match std::str::from_utf8(&payload) {
                Ok(_) => Ok(payload),
                Err(_) => Err(vec![violations::whole("the text is not UTF-8")]),
            },
            Self::Bytes => Ok(payload),
            Self::Json(_) | Self::Number | Self::Avro(_) | Self::Protobuf(_) => self.encode(payload),
        }
    }

    /// Decodes a payload from the wire to JSON text. Its publisher may not have checked it.
    pub(crate) fn decode(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        match self {
            Self::Json(_) => strict::scan(&payload, PAYLOAD)
                .map(|_| payload)
                .map_err(|violation| vec![violation]),
            Self::String => match std::str::from_utf8(&payload) {
                Ok(text) => to_json(&text),
                Err(_) => Err(vec![violations::whole("the text is not UTF-8")]),
            },
            Self::Number => read::<serde_json::Number>(&payload, "a JSON number is expected").map(|_| payload),
            Self::Bytes => to_json(&Blob {
                data: BASE64_STANDARD.encode(&payload),
                size: Some(payload.len() as u64),
            }),
            Self::Avro(avro) => avro.decode(&payload).map_err(|violation| vec![violation]),
            Self::Protobuf(message) => message.decode(payload).map_err(|violation| vec![violation]),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8], expected: &'static str) -> Result<T, Vec<Violation>> {
    strict::scan(payload, PAYLOAD).map_err(|violation| vec![violation])?;
    serde_json::from_slice(payload).map_err(|_| vec![violations::whole(expected)])
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, Vec<Violation>> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| vec![violations::whole(error)])
}
