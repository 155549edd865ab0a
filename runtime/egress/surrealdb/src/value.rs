//! JSON text to SurrealDB values, without loss and without interpretation.
//!
//! * Text stays text: nothing that looks like a datetime, a UUID or a record id becomes one, except the fields that
//!   the options name as datetimes.
//! * `null` stays `NULL`. Arrays and objects nest as they are.
//! * Numbers: see `number.rs`.
//! * SurrealDB gives `id`, `in` and `out` at the top of a document a meaning of its own: which record it is, and which
//!   two records an edge joins. A payload's own fields of those names get one leading underscore, and names that
//!   already consist of underscores and one of the three get one more, so that no two fields ever meet: `id` is stored
//!   as `_id`, `_id` as `__id`. Taking one underscore off gives every name back.
//! * A key that appears twice refuses the document: one of the two values would be lost.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use surrealdb::types::{Array, Datetime, Number, Object, Value};

use crate::number::{self, Literals};

/// Reads a document, which must be a JSON object. The error is a sentence for whoever sent it.
pub(crate) fn document(json: &[u8], datetime_fields: &[String]) -> Result<Object, String> {
    let fail = |error: serde_json::Error| format!("the document is not valid JSON: {error}");
    let mut literals = Literals::of(json);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Json(&mut literals).deserialize(&mut reader).map_err(fail)?;
    reader.end().map_err(fail)?;
    let Value::Object(fields) = value else {
        return Err("the document is not a JSON object".to_owned());
    };
    let mut document = Object::new();
    for (name, value) in fields {
        let value = if datetime_fields.contains(&name) {
            datetime(&name, value)?
        } else {
            value
        };
        document.insert(stored_name(name), value);
    }
    Ok(document)
}

/// The name under which a payload's top-level field is stored.
fn stored_name(name: String) -> String {
    match name.trim_start_matches('_') {
        "id" | "in" | "out" => format!("_{name}"),
        _ => name,
    }
}

fn datetime(name: &str, value: Value) -> Result<Value, String> {
    match value {
        Value::String(text) => match text.parse::<Datetime>() {
            Ok(datetime) => Ok(Value::Datetime(datetime)),
            Err(_) => Err(format!("field `{name}` is not an RFC 3339 datetime: `{text:.64}`")),
        },
        Value::Null => Ok(Value::Null),
        _ => Err(format!("field `{name}` is not an RFC 3339 datetime")),
    }
}

struct Json<'a, 'j>(&'a mut Literals<'j>);

impl<'de> DeserializeSeed<'de> for Json<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.0.next();
        Ok(Value::Number(Number::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.0.next();
        Ok(Value::Number(number::from_u64(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let literal = self.0.next().unwrap_or_default();
        match number::from_literal(literal, value) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(E::custom(format_args!(
                "the number {literal:.64} is neither a 64-bit float nor a decimal of 28 digits, and would change"
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::with_capacity(items.size_hint().unwrap_or(0));
        while let Some(item) = items.next_element_seed(Json(self.0))? {
            array.push(item);
        }
        Ok(Value::Array(Array::from(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Json(self.0))?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the key `{name:.64}` appears twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Object, String> {
        document(json.as_bytes(), &["at".to_owned()])
    }

    #[test]
    fn values_keep_their_kinds() {
        let document = read(
            r#"{"n":null,"t":true,"s":"2026-01-01T00:00:00Z","r":"person:1","a":[1,[2.5],{"x":"y"}],"e":{},"a.b":1,"":2}"#,
        )
        .expect("valid");
        assert_eq!(document.get("n"), Some(&Value::Null));
        assert_eq!(document.get("t"), Some(&Value::Bool(true)));
        assert_eq!(
            document.get("s"),
            Some(&Value::String("2026-01-01T00:00:00Z".to_owned()))
        );
        assert_eq!(document.get("r"), Some(&Value::String("person:1".to_owned())));
        assert!(matches!(document.get("a"), Some(Value::Array(a)) if a.len() == 3));
        assert!(matches!(document.get("e"), Some(Value::Object(e)) if e.is_empty()));
        assert!(document.contains_key("a.b") && document.contains_key(""));
    }

    #[test]
    fn names_with_a_meaning_get_an_underscore_and_never_meet() {
        let document = read(r#"{"id":1,"_id":2,"__id":3,"in":4,"out":5,"ids":6,"_":7,"x":{"id":8}}"#).expect("valid");
        let names: Vec<_> = document.keys().map(String::as_str).collect();
        assert_eq!(names, ["_", "___id", "__id", "_id", "_in", "_out", "ids", "x"]);
        assert!(matches!(document.get("x"), Some(Value::Object(x)) if x.contains_key("id")));
    }

    #[test]
    fn only_named_fields_become_datetimes() {
        let document = read(r#"{"at":"2026-11-23T20:00:00.123Z","x":{"at":"no"}}"#).expect("valid");
        assert!(matches!(document.get("at"), Some(Value::Datetime(_))));
        assert!(read(r#"{"at":null}"#).is_ok());
        assert!(read(r#"{"at":"yesterday"}"#).expect_err("no datetime").contains("`at`"));
        assert!(read(r#"{"at":1}"#).is_err());
    }

    #[test]
    fn what_would_lose_data_is_refused() {
        for (json, part) in [
            (r#"{"a":1,"a":2}"#, "appears twice"),
            (r#"{"a":{"b":1,"b":2}}"#, "appears twice"),
            (r#"{"a":123456789012345678901234567890123456789}"#, "would change"),
            (r#"{"a":1e400}"#, "out of range"),
            ("[1]", "not a JSON object"),
            ("\"text\"", "not a JSON object"),
            ("", "not valid JSON"),
            (r#"{"a":1} x"#, "not valid JSON"),
            (r#"{"a":NaN}"#, "not valid JSON"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(part), "{json}: {error}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        assert!(read(&deep).expect_err("too deep").contains("recursion"));
    }

    #[test]
    fn literals_keep_in_step_with_values() {
        let document =
            read(r#"{"1":"2 \" 3","a":[-1,18446744073709551615,0.1,{"5":6.25e1}],"\\":0.1234567890123456789}"#)
                .expect("valid");
        assert!(
            matches!(document.get("\\"), Some(Value::Number(Number::Decimal(d))) if d.to_string() == "0.1234567890123456789")
        );
    }
}
