//! An Avro schema as a table of nodes that name each other by number, so that a type that contains itself is no special
//! case and nothing is looked up by name while a payload is read.

use std::collections::HashMap;

use serde_json::Value;

/// Number of a node in its schema; the root is 0.
pub(super) type Id = usize;

/// A schema that has passed all checks of [`super::parse`].
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) nodes: Vec<Node>,
}

/// A type, and what its bytes stand for.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) logical: Option<Logical>,
}

/// A type.
#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(Fixed),
    Enum(Enum),
    Array(Id),
    Map(Id),
    Union(Vec<Id>),
    Record(Record),
}

/// So many bytes.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) name: Name,
    pub(super) bytes: usize,
}

/// One of some words.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: Name,
    pub(super) symbols: Vec<String>,
    pub(super) numbers: HashMap<String, usize>,
    /// What a reader takes for a word that it does not know.
    pub(super) default: Option<String>,
}

/// Fields, in the order in which they are written.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) fields: Vec<Field>,
    pub(super) numbers: HashMap<String, usize>,
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) node: Id,
    pub(super) default: Option<Value>,
}

/// The name of a type, with its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) full: String,
    pub(super) aliases: Vec<String>,
}

impl Name {
    /// Without its namespace.
    pub(super) fn short(&self) -> &str {
        short(&self.full)
    }
}

/// A full name without its namespace.
pub(super) fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

/// What the bytes of a type stand for, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Logical {
    /// A number of so many digits, of which so many are behind the point.
    Decimal { precision: usize, scale: usize },
    /// A UUID as text.
    Uuid,
    /// A date, a time or a duration: shown as the number or the bytes that it is.
    Other(String),
}

impl Schema {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }
}

impl Kind {
    /// Whether it is a level of a document.
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Map(_) | Self::Record(_))
    }

    /// What the type is called: its own name if it has one.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Fixed(fixed) => &fixed.name.full,
            Self::Enum(words) => &words.name.full,
            Self::Record(record) => &record.name.full,
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
        }
    }

    /// What a value of this type is, for a sentence.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Int => "a 32-bit integer".to_owned(),
            Self::Long => "a 64-bit integer".to_owned(),
            Self::Float | Self::Double => "a number".to_owned(),
            Self::Bytes => "text that stands for bytes".to_owned(),
            Self::String => "text".to_owned(),
            Self::Fixed(fixed) => format!("text that stands for {} bytes", fixed.bytes),
            Self::Enum(words) => format!("a symbol of enum `{}`", words.name.full),
            Self::Array(_) => "an array".to_owned(),
            Self::Map(_) => "an object".to_owned(),
            Self::Record(record) => format!("an object for record `{}`", record.name.full),
            Self::Union(_) => "one of several types".to_owned(),
        }
    }
}

impl Node {
    /// Whether a value is worth trying as one of this type.
    pub(super) fn could_be(&self, value: &Value) -> bool {
        match &self.kind {
            Kind::Null => value.is_null(),
            Kind::Boolean => value.is_boolean(),
            Kind::Int | Kind::Long | Kind::Float | Kind::Double => value.is_number(),
            Kind::Bytes | Kind::Fixed(_) => value.is_string() || (value.is_number() && self.logical.is_some()),
            Kind::String => value.is_string(),
            Kind::Enum(words) => value.as_str().is_some_and(|text| words.numbers.contains_key(text)),
            Kind::Array(_) => value.is_array(),
            Kind::Map(_) | Kind::Record(_) => value.is_object(),
            Kind::Union(_) => true,
        }
    }
}
