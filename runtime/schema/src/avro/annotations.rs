//! The parts of a type's definition that are not its shape: what it is called, and what its bytes stand for.

use serde_json::{Map, Value};

use super::{
    parse::SchemaPath,
    schema::{Fixed, Kind, Logical, Name, short},
};
use crate::limits::DECIMAL_DIGITS_MAX;

/// What the bytes stand for. An annotation that does not fit its type is ignored, as Avro's specification wants it.
pub(super) fn logical(object: &Map<String, Value>, kind: &Kind, path: &SchemaPath) -> Result<Option<Logical>, String> {
    let Some(word) = object.get("logicalType").and_then(Value::as_str) else {
        return Ok(None);
    };
    let number = |key: &str| {
        object
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    };
    Ok(match (word, kind) {
        ("decimal", Kind::Bytes | Kind::Fixed(_)) => {
            let (precision, scale) = (number("precision").unwrap_or(0), number("scale").unwrap_or(0));
            if precision > DECIMAL_DIGITS_MAX {
                return path.refuse(format!("a decimal has at most {DECIMAL_DIGITS_MAX} digits here"));
            }
            (precision > 0 && scale <= precision).then_some(Logical::Decimal { precision, scale })
        }
        ("big-decimal", Kind::Bytes) => {
            return path.refuse("the logical type `big-decimal` is not supported: use `decimal`");
        }
        ("uuid", Kind::String) => Some(Logical::Uuid),
        ("date" | "time-millis", Kind::Int)
        | ("duration", Kind::Fixed(Fixed { bytes: 12, .. }))
        | (
            "time-micros"
            | "timestamp-millis"
            | "timestamp-micros"
            | "timestamp-nanos"
            | "local-timestamp-millis"
            | "local-timestamp-micros"
            | "local-timestamp-nanos",
            Kind::Long,
        ) => Some(Logical::Other(word.to_owned())),
        _ => None,
    })
}

pub(super) fn name(object: &Map<String, Value>, namespace: &str, path: &SchemaPath) -> Result<Name, String> {
    let own = object.get("name").and_then(Value::as_str).unwrap_or_default();
    let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
    let full = full_name(own, namespace);
    if !full.split('.').all(is_identifier) {
        return path.refuse("`name` is letters, digits and `_`, not beginning with a digit; dots separate namespaces");
    }
    if matches!(
        short(&full),
        "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string"
    ) {
        return path.refuse(format!("`{}` is the name of a primitive type", short(&full)));
    }
    let aliases = strings(object.get("aliases"));
    Ok(Name { full, aliases })
}

pub(super) fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    let listed = value.and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A name that is short enough for a sentence.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}
