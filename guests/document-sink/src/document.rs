//! From a message to a document.
//!
//! What is added is written behind the message's own fields, so that the rest of its text stays as it is: no number is
//! read into a float, no key is moved. Only a message that has a field of an added name is taken apart.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_connector::{Result, SinkRecord, rfc3339};
use serde::{
    Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

const METADATA: &str = "_danube_metadata";
const TIMESTAMP: &str = "_timestamp";

/// What is added to a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Additions {
    /// `_danube_metadata`.
    pub(crate) metadata: bool,
    /// `_timestamp`.
    pub(crate) timestamp: bool,
}

/// A document for a table.
#[derive(Debug)]
pub(crate) enum Document {
    /// The message's own payload.
    AsItWas,
    /// JSON text.
    Made(Vec<u8>),
}

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    danube_topic: &'a str,
    danube_timestamp: &'a str,
    danube_producer: &'a str,
    danube_message_id: &'a str,
}

/// `bytes` as components see it everywhere.
#[derive(Debug, Serialize)]
struct Blob {
    data: String,
    size: usize,
}

/// The document that a message becomes. What is not JSON has no schema, and is whatever its publisher meant: text, or bytes.
pub(crate) fn of(record: SinkRecord<'_>, additions: Additions) -> Result<Document> {
    let bytes = record.bytes();
    let mut fields = match std::str::from_utf8(bytes).map(|text| (text, shape(text.trim_ascii()))) {
        Ok((_, Some(Shape::Object { .. }))) if !additions.metadata && !additions.timestamp => {
            return Ok(Document::AsItWas);
        }
        Ok((text, Some(shape))) => fields_of(text.trim_ascii(), shape)?,
        Ok((text, None)) => {
            let text = serde_json::to_vec(text)?;
            let mut fields = Fields::open(text.len());
            fields.push("value", |out| out.extend_from_slice(&text));
            fields
        }
        Err(_) => {
            let blob = Blob {
                data: BASE64_STANDARD.encode(bytes),
                size: bytes.len(),
            };
            let mut json = serde_json::to_vec(&blob)?;
            json.pop();
            Fields { json, any: true }
        }
    };
    add(&mut fields, record, additions)?;
    fields.json.push(b'}');
    Ok(Document::Made(fields.json))
}

/// The fields of JSON text, without ours.
fn fields_of(json: &str, shape: Shape) -> Result<Fields> {
    Ok(match shape {
        Shape::Object { taken: true, .. } => open_without_taken(json)?,
        Shape::Object { empty, .. } => Fields {
            json: json.as_bytes()[..json.len() - 1].to_vec(),
            any: !empty,
        },
        Shape::Other => {
            let mut fields = Fields::open(json.len());
            fields.push("value", |out| out.extend_from_slice(json.as_bytes()));
            fields
        }
    })
}

fn add(fields: &mut Fields, record: SinkRecord<'_>, additions: Additions) -> Result<()> {
    let published = rfc3339(record.publish_time());
    if additions.metadata {
        let metadata = Metadata {
            danube_topic: record.topic(),
            danube_timestamp: &published,
            danube_producer: record.producer_name(),
            danube_message_id: record.id(),
        };
        let metadata = serde_json::to_vec(&metadata)?;
        fields.push(METADATA, |out| out.extend_from_slice(&metadata));
    }
    if additions.timestamp {
        let timestamp = serde_json::to_vec(&published)?;
        fields.push(TIMESTAMP, |out| out.extend_from_slice(&timestamp));
    }
    Ok(())
}

/// An object that is being written.
#[derive(Debug)]
struct Fields {
    json: Vec<u8>,
    any: bool,
}

impl Fields {
    /// More than what is added takes.
    const ADDED_BYTES: usize = 512;

    fn open(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes + Self::ADDED_BYTES);
        json.push(b'{');
        Self { json, any: false }
    }

    /// Appends a field. Its name needs no escapes.
    fn push(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        if std::mem::replace(&mut self.any, true) {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
        value(&mut self.json);
    }
}

/// The object without those of its fields whose names are ours.
fn open_without_taken(json: &str) -> Result<Fields> {
    let own: Own<'_> = serde_json::from_str(json)?;
    let mut fields = Fields::open(json.len());
    for (name, value) in own.0 {
        let name = serde_json::to_string(&name)?;
        fields.push(&name[1..name.len() - 1], |out| {
            out.extend_from_slice(value.get().as_bytes());
        });
    }
    Ok(fields)
}

/// The fields of an object, but for ours.
struct Own<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Own<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Own<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Own<'de>, A::Error> {
                let mut own = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if !is_ours(&name) {
                        own.push((name, value));
                    }
                }
                Ok(Own(own))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn is_ours(name: &str) -> bool {
    name == METADATA || name == TIMESTAMP
}

/// What kind of JSON a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// An object: whether it has no fields, and whether one has a name of ours.
    Object { empty: bool, taken: bool },
    /// Anything else.
    Other,
}

/// `None` of what is not JSON.
fn shape(json: &str) -> Option<Shape> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let shape = deserializer.deserialize_any(Look).ok()?;
    deserializer.end().ok().map(|()| shape)
}

/// Looks at the outermost fields and forgets their values.
struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let (mut empty, mut taken) = (true, false);
        while let Some((name, _)) = map.next_entry::<Name, IgnoredAny>()? {
            empty = false;
            taken |= name.0;
        }
        Ok(Shape::Object { empty, taken })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Other)
    }
}

/// Whether a field's name is one of ours; owns nothing.
struct Name(bool);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(is_ours(name)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
