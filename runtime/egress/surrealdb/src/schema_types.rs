//! Applies the types of a message's schema to a document's fields: text and numbers become decimals, integers and
//! datetimes.
//!
//! A component has processed the document since its schema was read, and may have changed it. A value that does not
//! look like its type is left as it is. One that does, but that SurrealDB cannot store exactly, refuses the document.

use std::str::FromStr;

use danube_wasm_model::{FieldNode, FieldType, FieldTypes};
use surrealdb::types::{Decimal, Number, Object, Value};

use crate::{datetime, number};

/// How the operator can avoid the error.
const CURE: &str = "`schema_types = false` in the topic's mapping stores such fields as components see them";

/// A value that cannot be stored as its type.
struct FieldError {
    /// Names from the value up to the top of the document.
    path: Vec<String>,
    message: String,
}

/// Converts each typed field of a document.
pub(crate) fn apply(types: &FieldTypes, document: &mut Object) -> Result<(), String> {
    apply_to_object(types, types.root(), document).map_err(|error| {
        let path: Vec<_> = error.path.iter().rev().map(String::as_str).collect();
        format!("field `{}` {}: {CURE}", path.join("/"), error.message)
    })
}

fn apply_to_object(types: &FieldTypes, node: &FieldNode, members: &mut Object) -> Result<(), FieldError> {
    match node {
        FieldNode::Object(known) => {
            for (name, id) in known {
                if let Some(value) = members.get_mut(name) {
                    apply_to_value(types, types.node(*id), value).map_err(|error| error.under(name))?;
                }
            }
        }
        FieldNode::Map(of) => {
            for (name, value) in members.iter_mut() {
                apply_to_value(types, types.node(*of), value).map_err(|error| error.under(name))?;
            }
        }
        FieldNode::Value(_) | FieldNode::Array(_) | FieldNode::Other => {}
    }
    Ok(())
}

fn apply_to_value(types: &FieldTypes, node: &FieldNode, value: &mut Value) -> Result<(), FieldError> {
    match (node, value) {
        (FieldNode::Value(field_type), value) => {
            if let Some(typed) = convert(*field_type, value).map_err(FieldError::new)? {
                *value = typed;
            }
            Ok(())
        }
        (FieldNode::Array(of), Value::Array(items)) => {
            for (at, item) in items.iter_mut().enumerate() {
                apply_to_value(types, types.node(*of), item).map_err(|error| error.under(&at.to_string()))?;
            }
            Ok(())
        }
        (node, Value::Object(members)) => apply_to_object(types, node, members),
        _ => Ok(()),
    }
}

/// Converts a value; `None` if it does not look like its type.
fn convert(field_type: FieldType, value: &Value) -> Result<Option<Value>, String> {
    let moment = |found: Option<_>, shown: &dyn std::fmt::Display| match found {
        Some(moment) => Ok(Some(Value::Datetime(moment))),
        None => Err(format!("is outside of the years 0 to 9999: {shown:.64}")),
    };
    match (field_type, value) {
        (FieldType::Decimal, Value::String(text)) if is_decimal(text) => decimal(text),
        (FieldType::Decimal, Value::Number(number)) => decimal(&number.to_string()),
        (FieldType::Integer, Value::String(text)) => Ok(integer(text).map(Value::Number)),
        (FieldType::Date, Value::Number(Number::Int(days))) => moment(datetime::from_days(*days), days),
        (FieldType::Timestamp { per_second }, Value::Number(Number::Int(units))) => {
            moment(datetime::from_units(*units, per_second), units)
        }
        (FieldType::Rfc3339, Value::String(text)) => Ok(datetime::rfc3339(text).map(Value::Datetime)),
        _ => Ok(None),
    }
}

/// Whether the text has the form in which codecs write decimals: digits, perhaps with a point and a minus sign.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    [whole, fraction]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn decimal(text: &str) -> Result<Option<Value>, String> {
    match Decimal::from_str_exact(text) {
        Ok(decimal) => Ok(Some(Value::Number(Number::Decimal(decimal)))),
        Err(_) => Err(format!(
            "has more digits than a decimal of SurrealDB holds, which is 28: {text:.64}"
        )),
    }
}

fn integer(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let small = i64::from_str(text).map(Number::Int);
    small.or_else(|_| u64::from_str(text).map(number::from_u64)).ok()
}

impl FieldError {
    fn new(message: String) -> Self {
        let path = Vec::new();
        Self { path, message }
    }

    fn under(mut self, name: &str) -> Self {
        self.path.push(name.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> FieldTypes {
        let members = [
            ("price", 1),
            ("count", 2),
            ("day", 3),
            ("at", 4),
            ("seen", 5),
            ("items", 6),
            ("by", 7),
        ];
        let value = FieldNode::Value;
        FieldTypes::of(vec![
            FieldNode::Object(members.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()),
            value(FieldType::Decimal),
            value(FieldType::Integer),
            value(FieldType::Date),
            value(FieldType::Timestamp { per_second: 1_000 }),
            value(FieldType::Rfc3339),
            FieldNode::Array(0),
            FieldNode::Map(0),
        ])
        .expect("typed values")
    }

    fn read(json: &str) -> Result<Object, String> {
        let mut document = crate::value::tests::parse_untyped(json);
        apply(&types(), &mut document)?;
        Ok(document)
    }

    #[test]
    fn fields_get_their_types_at_any_depth() {
        let json = r#"{"price":"-12.30","count":"18446744073709551615","day":1,"at":1500,"seen":"2024-01-01T00:00:00Z",
            "items":[{"count":"-5"},{"price":7}],"by":{"x":{"at":0}},"other":{"price":"1"}}"#;
        let sql = |value: &Value| surrealdb::types::ToSql::to_sql(value);
        let document = read(json).expect("all have a place");
        let text = sql(&Value::Object(document));
        for part in [
            "price: -12.30dec",
            "count: 18446744073709551615dec",
            "day: d'1970-01-02T00:00:00Z'",
            "at: d'1970-01-01T00:00:01.500Z'",
            "seen: d'2024-01-01T00:00:00Z'",
            "items: [{ count: -5 }, { price: 7dec }]",
            "by: { x: { at: d'1970-01-01T00:00:00Z' } }",
            "other: { price: '1' }",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn values_that_do_not_look_like_their_type_are_left() {
        let json = r#"{"price":"about 12","count":"many","day":"monday","at":1.5,"seen":"2024-01-01","items":"none","by":[{"at":1}]}"#;
        assert_eq!(read(json), Ok(crate::value::tests::parse_untyped(json)));
        let json = r#"{"price":null,"count":7,"day":null,"at":null,"seen":{"at":"x"},"items":[null,[]],"by":null}"#;
        assert_eq!(read(json), Ok(crate::value::tests::parse_untyped(json)));
    }

    #[test]
    fn a_value_that_cannot_be_stored_exactly_refuses_the_document() {
        for (json, part) in [
            (
                r#"{"items":[{"price":"1.2345678901234567890123456789012"}]}"#,
                "field `items/0/price` has more digits",
            ),
            (
                r#"{"by":{"k":{"at":9223372036854775807}}}"#,
                "field `by/k/at` is outside of the years",
            ),
            (r#"{"day":2147483647}"#, "field `day` is outside of the years"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(part) && error.contains("schema_types"), "{error}");
        }
    }
}
