//! Whether a new version of a schema may follow an older one: whatever was valid under the older version must be readable
//! under the new one, so that a consumer that follows the newest schema can read what is kept in the topic. This is what
//! Danube calls `backward`, and its brokers check too, though only at the top level of a document.
//!
//! * JSON Schema: every document that the older version accepts, the new one accepts ([`json`]).
//! * Avro: the specification's schema resolution, with the older version as the writer's ([`crate::avro`]).
//! * Protobuf: what its wire format and its JSON form allow ([`crate::protobuf`]).
//!
//! The comparison is sound and not complete: what it cannot decide within [`COMPARE_STEPS_MAX`] steps, or at all, is a
//! break, and the way out is always the same: another subject.
//!
//! [`COMPARE_STEPS_MAX`]: crate::limits::COMPARE_STEPS_MAX

mod json;
mod pairs;

use std::fmt;

pub(crate) use pairs::{Pairs, TooMuch};

use crate::{SchemaType, avro, protobuf};

/// The first thing found that the new version does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Break {
    /// Where in the new version.
    pub(crate) place: String,
    /// What changed.
    pub(crate) what: String,
}

impl Break {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, what } = self;
        write!(f, "at `{place}`: {what}")
    }
}

/// Compares two texts that compile. Recurses as deep as their references go: give it the compiler's stack.
pub(crate) fn compare(schema_type: SchemaType, old: &str, new: &str) -> Result<(), Break> {
    match schema_type {
        SchemaType::JsonSchema => json::compare(old, new),
        SchemaType::Avro => avro::compare(old, new),
        SchemaType::Protobuf => protobuf::compare(old, new),
        SchemaType::String | SchemaType::Number | SchemaType::Bytes => Ok(()),
    }
}
