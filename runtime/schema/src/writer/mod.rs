//! Schemas of a registry that is not the broker's: what a payload was written with, when all that is known of it is where its
//! schema is.
//!
//! A payload is read by the schema that it was written with, and by nothing else. What comes of it is the JSON text that
//! components get of a message of the same type (see [`crate::codec`]), within the same limits.

mod bundle;

use bytes::Bytes;
use danube_wasm_model::door::Violation;

use crate::{SchemaError, avro, json_schema::JsonSchema, limits::DEFINITION, protobuf, schemas::compile_with};

/// The kind of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterType {
    /// Bare datums of Avro.
    Avro,
    /// Bare messages of Protobuf.
    Protobuf,
    /// JSON texts, with a JSON Schema.
    Json,
}

/// The text of a schema, and the texts that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterText {
    /// Its kind, which is that of all its texts.
    pub schema_type: WriterType,
    /// Its own text. One of Protobuf may be a `FileDescriptorProto` in base64.
    pub text: String,
    /// What it refers to, also in turn, each with the name by which it is referred to: the full name of a type of Avro, the path
    /// of an import, the address in a `$ref`.
    pub references: Vec<(String, String)>,
}

/// A compiled schema that reads what it has written.
#[derive(Debug)]
pub struct WriterSchema(Reader);

#[derive(Debug)]
enum Reader {
    Avro(Box<avro::Writer>),
    Protobuf(Box<protobuf::Writer>),
    Json(Box<JsonSchema>),
}

impl WriterSchema {
    /// Compiles a text. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Refused`] if it is no schema, or one that is not read here; [`SchemaError::Busy`] if it cannot be told now.
    pub async fn compile(name: &str, text: WriterText) -> Result<Self, SchemaError> {
        compile_with(name, move || Reader::compile(&text)).await.map(Self)
    }

    /// The kind.
    pub fn schema_type(&self) -> WriterType {
        match self.0 {
            Reader::Avro(_) => WriterType::Avro,
            Reader::Protobuf(_) => WriterType::Protobuf,
            Reader::Json(_) => WriterType::Json,
        }
    }

    /// JSON text of a payload. `place` says which message of Protobuf it is: its number in the text, from 0, and below that its
    /// number in the message around it; other kinds have none.
    ///
    /// # Errors
    ///
    /// The payload was not written with this schema: what does not fit, and where.
    pub fn decode(&self, place: &[i32], payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        let one = |violation| vec![violation];
        match &self.0 {
            Reader::Avro(schema) => schema.decode(&payload).map_err(one),
            Reader::Protobuf(schema) => schema.decode(place, payload).map_err(one),
            Reader::Json(schema) => schema.check(&payload).map(|()| payload),
        }
    }
}

impl Reader {
    fn compile(text: &WriterText) -> Result<Self, String> {
        let WriterText {
            schema_type,
            text,
            references,
        } = text;
        let texts = || references.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        for (name, text) in texts().chain([("", text.as_str())]) {
            if text.len() > DEFINITION.bytes_max {
                let which = if name.is_empty() {
                    "its text".to_owned()
                } else {
                    format!("`{name}`")
                };
                return Err(format!(
                    "{which} has {} bytes; at most {} are taken",
                    text.len(),
                    DEFINITION.bytes_max
                ));
            }
        }
        Ok(match schema_type {
            WriterType::Avro => Self::Avro(Box::new(avro::Writer::compile(text, texts().map(|(_, text)| text))?)),
            WriterType::Protobuf => Self::Protobuf(Box::new(protobuf::Writer::compile(text, texts())?)),
            WriterType::Json => Self::Json(Box::new(JsonSchema::compile(&bundle::bundle(text, texts())?)?)),
        })
    }
}
