//! Protobuf: JSON to components, a bare message on the wire, as every Protobuf library writes it.
//!
//! Danube's registry (0.15.1) keeps a `.proto` text and nothing else: no message name, no imports, and its brokers validate
//! no Protobuf payload (one that is told to panics). So the text says which message is meant, in a comment ([`definition`]),
//! and a consumer needs nothing but the text. It may import Protobuf's well-known types; `Any` is refused, since it can
//! hold what no schema names.
//!
//! JSON is Protobuf's own mapping: `lowerCamelCase` names (the others are taken too), 64-bit integers, dates and durations as
//! text, bytes in base64, fields that cannot tell whether they are set present with their default. A field that the text does not know is refused when it is
//! encoded, and left out when it is decoded, as all Protobuf readers do. A number that would change is refused ([`exact`]),
//! and so is a field that is given under both its names.
//!
//! What a library would decode without limits is measured first ([`walk`]).

mod definition;
mod evolution;
mod exact;
mod fields;
mod files;
mod nesting;
mod output;
mod walk;
mod writer;

use std::collections::HashSet;

use bytes::Bytes;
use danube_wasm_model::{FieldTypes, door::Violation};
pub use definition::with_message;
pub(crate) use evolution::compare;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, prost::Message as _};
use serde_json::Value;
pub(crate) use writer::Writer;

use self::files::Files;
use crate::{
    limits::{MESSAGE, PAYLOAD, SUBSCHEMAS_MAX},
    strict, violations,
};

/// What the text is called in errors.
const FILE: &str = "schema.proto";

/// A compiled Protobuf message type.
#[derive(Debug)]
pub(crate) struct Protobuf {
    message: MessageDescriptor,
}

impl Protobuf {
    /// Compiles, or says in a sentence why not.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        Ok(Self {
            message: message_of(text)?,
        })
    }

    /// What its documents hold that JSON has no type for.
    pub(crate) fn field_types(&self) -> Option<FieldTypes> {
        fields::types(&self.message)
    }

    /// What to publish for a component's JSON text.
    pub(crate) fn encode(&self, payload: &[u8]) -> Result<Bytes, Violation> {
        strict::scan(payload, MESSAGE)?;
        let document: Value = serde_json::from_slice(payload).map_err(violations::whole)?;
        exact::check(&self.message, &document)?;
        let mut track = serde_path_to_error::Track::new();
        let reader = serde_path_to_error::Deserializer::new(&document, &mut track);
        let message = DynamicMessage::deserialize(self.message.clone(), reader)
            .map_err(|error| violations::at(&output::pointer(&track.path()), error))?;
        let bytes = message.encode_to_vec();
        // What is published must be readable here.
        walk::measure(&self.message, &bytes).map_err(violations::whole)?;
        Ok(bytes.into())
    }

    /// JSON text for what was published.
    pub(crate) fn decode(&self, payload: Bytes) -> Result<Bytes, Violation> {
        walk::measure(&self.message, &payload).map_err(violations::whole)?;
        let message = DynamicMessage::decode(self.message.clone(), payload).map_err(violations::whole)?;
        let text = output::json(&message).map_err(violations::whole)?;
        // What components see is JSON as it is taken from anybody else.
        strict::scan(&text, PAYLOAD)?;
        Ok(text.into())
    }
}

fn message_of(text: &str) -> Result<MessageDescriptor, String> {
    let wanted = definition::message(text)?;
    let file = files::read(FILE, text)?;
    let parsed = file.file_descriptor_proto();
    if let Some(other) = parsed.dependency.iter().find(|name| !name.starts_with(files::OWN)) {
        let other: String = other.chars().take(200).collect();
        return Err(format!(
            "the text imports `{other}`: put its messages into the text; only Protobuf's own types can be imported"
        ));
    }
    let first = parsed.message_type.first().map(|message| match parsed.package() {
        "" => message.name().to_owned(),
        package => format!("{package}.{}", message.name()),
    });
    let pool = Files::of(FILE, file).compile(FILE)?.parent_pool().clone();
    let Some(name) = wanted.or(first) else {
        return Err("the text defines no message".to_owned());
    };
    let own = |message: &MessageDescriptor| message.parent_file().name() == FILE && !message.is_map_entry();
    let Some(message) = pool.get_message_by_name(&name).filter(own) else {
        let known: Vec<_> = pool
            .all_messages()
            .filter(own)
            .take(20)
            .map(|message| message.full_name().to_owned())
            .collect();
        return Err(format!(
            "the text defines no message `{name}`; it defines {}",
            known.join(", ")
        ));
    };
    examine(&message)?;
    Ok(message)
}

/// All that a message can hold.
fn examine(root: &MessageDescriptor) -> Result<(), String> {
    let (mut seen, mut unread, mut fields) = (HashSet::new(), vec![root.clone()], 0);
    while let Some(message) = unread.pop() {
        if message.full_name() == "google.protobuf.Any" {
            return Err("`google.protobuf.Any` is not supported: it can hold what no schema names".to_owned());
        }
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            fields += 1;
            if let Kind::Message(inner) = field.kind() {
                unread.push(inner);
            }
        }
        if fields > SUBSCHEMAS_MAX {
            return Err(format!("the messages have more than {SUBSCHEMAS_MAX} fields"));
        }
    }
    Ok(())
}
