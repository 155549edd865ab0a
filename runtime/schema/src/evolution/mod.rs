//! Checks whether a new version of a schema may follow an older one: everything valid under the older version must be
//! readable under the new one, so that a consumer with the newest schema can read the whole topic. Danube calls this
//! `backward`, and its brokers check it too, but only at the top level of a document.
//!
//! * JSON Schema: every document that the older version accepts, the new one accepts ([`json`]).
//! * Avro: the specification's schema resolution, with the older version as the writer's ([`crate::avro`]).
//! * Protobuf: what its wire format and its JSON form allow ([`crate::protobuf`]).
//!
//! The comparison is sound and not complete: a change that it cannot decide, at all or within [`COMPARE_STEPS_MAX`]
//! steps, counts as incompatible. The remedy is always another subject.
//!
//! [`COMPARE_STEPS_MAX`]: crate::limits::COMPARE_STEPS_MAX

mod json;
mod pairs;

use std::fmt;

pub(crate) use pairs::{ComparedPairs, TooManySteps};

use crate::{SchemaType, avro, protobuf};

/// The first incompatibility found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incompatibility {
    /// Where in the new version.
    pub(crate) place: String,
    /// What changed.
    pub(crate) what: String,
}

impl Incompatibility {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, what } = self;
        write!(f, "at `{place}`: {what}")
    }
}

/// Compares two texts that compile. It recurses as deep as their references go: run it on the compiler's stack.
pub(crate) fn compare(schema_type: SchemaType, old: &str, new: &str) -> Result<(), Incompatibility> {
    match schema_type {
        SchemaType::JsonSchema => json::compare(old, new),
        SchemaType::Avro => avro::compare(old, new),
        SchemaType::Protobuf => protobuf::compare(old, new),
        SchemaType::String | SchemaType::Number | SchemaType::Bytes => Ok(()),
    }
}
