//! Indexes of fields of the payload.

use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Text},
};
use qdrant_client::qdrant::FieldType;

/// An index of a field of the payload, for searches that filter by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadIndex {
    /// The field: a name, or names joined by dots.
    pub field: String,
    /// What its values are.
    pub kind: FieldType,
}

const KINDS: Choice<FieldType> = Choice::of(&[
    ("keyword", FieldType::Keyword),
    ("integer", FieldType::Integer),
    ("float", FieldType::Float),
    ("bool", FieldType::Bool),
    ("geo", FieldType::Geo),
    ("datetime", FieldType::Datetime),
    ("text", FieldType::Text),
    ("uuid", FieldType::Uuid),
]);

impl Section for PayloadIndex {
    const ABOUT: &'static str = "An index of a field of the payload, which searches that filter by it need. It is made before the \
        first point is written.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let field = t
            .field("field", Text, "The field: a name, or names joined by dots.")
            .example("\"customer.city\"")
            .required();
        let kind = t
            .field("type", KINDS, "What its values are.")
            .example("\"keyword\"")
            .required();
        Some(Self {
            field: field?,
            kind: kind?,
        })
    }
}
