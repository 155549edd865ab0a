//! Avro: JSON to components, an object container file on the wire.
//!
//! # What is written
//!
//! Danube defines no encoding of Avro payloads, and its parts (0.15.1) disagree: a broker that validates payloads
//! accepts only an object container file; `danube-cli` and Danube Connect take the payload for JSON text; the Iceberg
//! exporter for a bare datum; the client libraries pass the bytes through. This module writes the container file, with
//! the registered schema in it, uncompressed and with one object: the only form that a broker accepts under every
//! policy, and every Avro library reads it without a registry. The cost is the schema's length in each message, and
//! that `danube-cli` cannot print it.
//!
//! # What is read
//!
//! All of them: a container (codecs `null` and `deflate`, one object, the schema of the version that the message names),
//! Avro's single-object form with that schema's fingerprint, JSON text that fits the schema, and a bare datum.
//!
//! # How it looks as JSON
//!
//! | Avro | JSON |
//! |---|---|
//! | `null`, `boolean`, `int`, `long`, `float`, `double`, `string`, `array`, `map`, `record` | what one expects |
//! | `enum` | its symbol |
//! | `bytes`, `fixed` | text of the characters U+0000 to U+00FF, one for each byte, as in Avro's own JSON form |
//! | a union | the value, without Avro's wrapper; the first type that fits is taken (see [`encode`]) |
//! | `decimal` | text with all its digits, `"12.34"`; a number is taken too |
//! | `uuid` | text |
//! | dates and times | the number that they are |
//!
//! Decimals and timestamps, which are more than their JSON shows, are passed to a target beside the document
//! ([`fields`]).
//!
//! A field that is missing gets its default, or null where its type has null. A field that the schema does not know, a
//! number that would change, a key that is in a map twice, infinities: refused, as in JSON.
//!
//! # Why not a library
//!
//! The most used reader allocates as much as a block's count claims (some 28 GiB for six bytes), takes the end of the
//! bytes for null, and its parser panics on names. Tests here compare with it.

mod annotations;
mod canonical;
mod container;
mod decimal;
mod decode;
mod encode;
mod evolution;
mod fields;
mod other_texts;
mod parse;
mod refusal;
mod scalars;
mod schema;
mod wire;
mod writer;

use bytes::Bytes;
use danube_wasm_model::{FieldTypes, door::Violation};
pub(crate) use evolution::compare;
use serde_json::Value;
pub(crate) use writer::Writer;

use self::{
    container::{Container, Header},
    encode::Encoder,
    refusal::Refusal,
    schema::{Kind, Schema},
};
use crate::{
    limits::{DEFAULTS_STEPS_MAX, PAYLOAD},
    strict, violations,
};

/// What a single-object message begins with.
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];

/// A compiled Avro schema.
#[derive(Debug)]
pub(crate) struct Avro {
    schema: Schema,
    /// Its text, as it is in the containers written here.
    text: String,
    fingerprint: u64,
    header: Header,
}

impl Avro {
    /// Compiles, or says in a sentence why not.
    pub(crate) fn compile(definition: &str) -> Result<Self, String> {
        let schema = parse::parse(definition)?;
        check_defaults(&schema)?;
        let text: Value = serde_json::from_str(definition).map_err(|error| error.to_string())?;
        let text = text.to_string();
        let fingerprint = canonical::fingerprint(&schema);
        Ok(Self {
            header: Header::new(&text, fingerprint),
            schema,
            text,
            fingerprint,
        })
    }

    /// What its documents hold that JSON has no type for.
    pub(crate) fn field_types(&self) -> Option<FieldTypes> {
        fields::types(&self.schema)
    }

    /// What to publish for a component's JSON text.
    pub(crate) fn encode(&self, payload: &[u8]) -> Result<Bytes, Violation> {
        Ok(self.header.wrap(&self.datum(payload)?).into())
    }

    /// JSON text for what was published.
    pub(crate) fn decode(&self, payload: &[u8]) -> Result<Bytes, Violation> {
        if payload.len() > PAYLOAD.bytes_max {
            let message = format!("the payload has more than {} bytes", PAYLOAD.bytes_max);
            return Err(violations::whole(message));
        }
        let json = |datum: &[u8]| decode::decode(&self.schema, datum).map(Bytes::from);
        if let Some(container) = container::read(payload) {
            let Container { schema, datum } = container.map_err(violations::whole)?;
            self.is_written_with(schema).map_err(violations::whole)?;
            return json(&datum).map_err(Refusal::violation);
        }
        if let Some(rest) = payload.strip_prefix(&SINGLE_OBJECT)
            && let Some(datum) = rest.strip_prefix(&self.fingerprint.to_le_bytes())
        {
            return json(datum).map_err(Refusal::violation);
        }
        if let Ok(datum) = self.datum(payload) {
            return json(&datum).map_err(Refusal::violation);
        }
        json(payload).map_err(|refusal| {
            let Violation { path, message } = refusal.violation();
            let message = format!(
                "no Avro container, no single object of this schema, no JSON of it; as a bare datum: {message}"
            );
            violations::at(&path, message)
        })
    }

    fn datum(&self, json: &[u8]) -> Result<Vec<u8>, Violation> {
        strict::scan(json, PAYLOAD)?;
        let document: Value = serde_json::from_slice(json).map_err(violations::whole)?;
        encode::encode(&self.schema, &document).map_err(Refusal::violation)
    }

    /// A container says what it was written with, and that must be what the message says.
    fn is_written_with(&self, schema: &[u8]) -> Result<(), String> {
        if schema == self.text.as_bytes() {
            return Ok(());
        }
        let text = std::str::from_utf8(schema).map_err(|_| "the container's schema is not UTF-8")?;
        let written = parse::parse(text).map_err(|error| format!("the container's schema: {error}"))?;
        if canonical::fingerprint(&written) == self.fingerprint {
            return Ok(());
        }
        Err("the container was written with another schema than the message names".to_owned())
    }
}

/// An invalid default is found when the schema is declared, not when the field is first missing.
fn check_defaults(schema: &Schema) -> Result<(), String> {
    let mut encoder = Encoder::new(schema, DEFAULTS_STEPS_MAX);
    for node in &schema.nodes {
        let Kind::Record(record) = &node.kind else { continue };
        for field in &record.fields {
            let Some(default) = &field.default else { continue };
            encoder.clear();
            encoder.default(field.node, default).map_err(|refusal| {
                let Violation { path, message } = refusal.violation();
                format!(
                    "the default of field `{}` of `{}` at `#{path}`: {message}",
                    field.name, record.name.full
                )
            })?;
        }
    }
    Ok(())
}
