//! One version of a subject, compiled.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::SchemaRef;
use danube_wasm_model::{FieldTypes, door::Violation};

use crate::codec::{Codec, SchemaType};

/// Checks and encodes the payloads of one version of a subject. Made by [`crate::Schemas`], once for each version.
#[derive(Debug)]
pub struct Validator {
    reference: SchemaRef,
    subject: String,
    schema_type: SchemaType,
    label: Arc<str>,
    types: Option<Arc<FieldTypes>>,
    codec: Codec,
}

impl Validator {
    pub(crate) fn new(reference: SchemaRef, subject: String, schema_type: SchemaType, codec: Codec) -> Self {
        let label = format!("{subject}@{}", reference.version).into();
        Self {
            reference,
            subject,
            schema_type,
            label,
            types: codec.field_types().map(Arc::new),
            codec,
        }
    }

    /// What messages carry.
    pub fn reference(&self) -> SchemaRef {
        self.reference
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The type.
    pub fn schema_type(&self) -> SchemaType {
        self.schema_type
    }

    /// `subject@version`, as components see it.
    pub fn label(&self) -> Arc<str> {
        self.label.clone()
    }

    /// Which fields of its documents are more than their JSON says: decimals, 64-bit integers, dates.
    pub fn field_types(&self) -> Option<Arc<FieldTypes>> {
        self.types.clone()
    }

    /// Whether a component's payload (JSON text) is valid: everything that is wrong with it, at most
    /// [`crate::limits::VIOLATIONS_MAX`], or the first thing where the payload has to be encoded to find out.
    pub fn check(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        match &self.codec {
            Codec::Json(schema) => schema.check(payload),
            codec => codec.encode(Bytes::copy_from_slice(payload)).map(drop),
        }
    }

    /// [`Self::check`], and what to publish.
    pub fn encode(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        self.codec.encode(payload)
    }

    /// Whether payloads may be something else than JSON text: [`Self::encode_raw`].
    pub fn takes_raw(&self) -> bool {
        matches!(self.schema_type, SchemaType::String | SchemaType::Bytes)
    }

    /// The same for a payload that is no JSON text and was never meant to be: see [`crate::codec`].
    pub fn encode_raw(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        self.codec.encode_raw(payload)
    }

    /// A published payload as components see it: JSON text. It is strict JSON, but not checked against the schema again.
    pub fn decode(&self, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        self.codec.decode(payload)
    }
}
