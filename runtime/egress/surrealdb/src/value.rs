//! Conversion of JSON text to SurrealDB values, without loss and without interpretation.
//!
//! * Text stays text: nothing that looks like a datetime, a UUID or a record id becomes one, except the fields that
//!   the options declare as datetimes (`datetime.rs`) and those that the message's schema gives a type
//!   (`schema_types.rs`).
//! * `null` stays `NULL`. Arrays and objects keep their nesting.
//! * Numbers: see `number.rs`.
//! * At the top of a document, `id`, `in` and `out` have a meaning for SurrealDB: the record's id, and the two records
//!   that an edge joins. A payload's own fields of those names get one leading underscore, and names that already
//!   consist of underscores and one of the three get one more, so that no two fields get the same name: `id` is stored
//!   as `_id`, `_id` as `__id`. Removing one underscore restores every name.
//! * A key that appears twice refuses the document: one of the two values would be lost.

use std::fmt;

use danube_wasm_model::door::Write;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use surrealdb::types::{Array, Number, Object, Value};

use crate::{
    DatetimeField,
    number::{self, Literals},
    schema_types,
};

/// Parses a write's document, which must be a JSON object. The error is a sentence for the sender.
pub(crate) fn document(write: &Write, datetime_fields: &[DatetimeField]) -> Result<Object, String> {
    let mut fields = object(&write.body)?;
    if let Some(types) = &write.types {
        schema_types::apply(types, &mut fields)?;
    }
    datetime_fields.iter().try_for_each(|field| field.apply(&mut fields))?;
    let mut document = Object::new();
    for (name, value) in fields {
        document.insert(stored_name(name), value);
    }
    Ok(document)
}

fn object(json: &[u8]) -> Result<Object, String> {
    let fail = |error: serde_json::Error| format!("the document is not valid JSON: {error}");
    let mut literals = Literals::new(json);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = JsonReader::new(&mut literals).deserialize(&mut reader).map_err(fail)?;
    reader.end().map_err(fail)?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err("the document is not a JSON object".to_owned()),
    }
}

/// Returns the name under which a payload's top-level field is stored.
fn stored_name(name: String) -> String {
    match name.trim_start_matches('_') {
        "id" | "in" | "out" => format!("_{name}"),
        _ => name,
    }
}

/// Deepest nesting of a document. Sources accept 64, and a component may wrap them in some more levels. SurrealDB's own
/// protocol, and clients that query the document, must be able to read it back.
pub(crate) const DOCUMENT_DEPTH_MAX: usize = 100;

struct JsonReader<'a, 'j> {
    literals: &'a mut Literals<'j>,
    depth_left: usize,
}

impl<'a, 'j> JsonReader<'a, 'j> {
    fn new(literals: &'a mut Literals<'j>) -> Self {
        Self {
            literals,
            depth_left: DOCUMENT_DEPTH_MAX,
        }
    }

    /// The reader for a nested value.
    fn nested<E: serde::de::Error>(&mut self) -> Result<JsonReader<'_, 'j>, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(JsonReader {
                literals: &mut *self.literals,
                depth_left,
            }),
            None => Err(E::custom(format_args!(
                "objects and arrays are nested deeper than {DOCUMENT_DEPTH_MAX}"
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for JsonReader<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonReader<'_, '_> {
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
        self.literals.next();
        Ok(Value::Number(Number::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.literals.next();
        Ok(Value::Number(number::from_u64(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let literal = self.literals.next().unwrap_or_default();
        match number::from_literal(literal, value) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(E::custom(format_args!(
                "the number {literal:.64} is neither a 64-bit float nor a decimal of 28 digits, and would change"
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::with_capacity(items.size_hint().unwrap_or(0));
        while let Some(item) = items.next_element_seed(self.nested()?)? {
            array.push(item);
        }
        Ok(Value::Array(Array::from(array)))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(self.nested()?)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the key `{name:.64}` appears twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use danube_wasm_model::message::Operation;

    use super::*;
    use crate::DatetimeForm;

    /// Parses a document without a schema.
    pub(crate) fn parse_untyped(json: &str) -> Object {
        object(json.as_bytes()).expect("an object")
    }

    fn read_with(json: &str, fields: &[DatetimeField]) -> Result<Object, String> {
        let write = Write {
            target: "t".into(),
            id: "x".to_owned(),
            operation: Operation::Insert,
            order: 0,
            record: None,
            body: json.to_owned().into(),
            types: None,
            key: None,
            redelivered: true,
        };
        document(&write, fields)
    }

    fn field(path: &[&str], form: DatetimeForm) -> DatetimeField {
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        DatetimeField { path, form }
    }

    fn read(json: &str) -> Result<Object, String> {
        read_with(json, &[field(&["at"], DatetimeForm::Rfc3339)])
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
    fn reserved_names_get_an_underscore_and_never_collide() {
        let document = read(r#"{"id":1,"_id":2,"__id":3,"in":4,"out":5,"ids":6,"_":7,"x":{"id":8}}"#).expect("valid");
        let names: Vec<_> = document.keys().map(String::as_str).collect();
        assert_eq!(names, ["_", "___id", "__id", "_id", "_in", "_out", "ids", "x"]);
        assert!(matches!(document.get("x"), Some(Value::Object(x)) if x.contains_key("id")));
    }

    #[test]
    fn only_declared_fields_become_datetimes() {
        let document = read(r#"{"at":"2026-11-23T20:00:00.123Z","x":{"at":"no"}}"#).expect("valid");
        assert!(matches!(document.get("at"), Some(Value::Datetime(_))));
        assert!(read(r#"{"at":null}"#).is_ok());
        assert!(read(r#"{"at":"yesterday"}"#).expect_err("no datetime").contains("`at`"));
        assert!(read(r#"{"at":1}"#).is_err());
        assert!(read(r#"{"at":"2024-01-01"}"#).expect_err("a date").contains("RFC 3339"));
    }

    #[test]
    fn nested_fields_and_epochs_become_datetimes_where_declared() {
        let fields = [
            field(&["a", "at"], DatetimeForm::Rfc3339),
            field(&["list", "*", "at"], DatetimeForm::EpochSeconds),
            field(&["pair", "1"], DatetimeForm::EpochMillis),
        ];
        let json =
            r#"{"a":{"at":"2024-01-01T00:00:00Z"},"list":[{"at":1},{"at":1.5},{"x":2},3],"pair":[1,2],"at":"x"}"#;
        let document = read_with(json, &fields).expect("valid");
        let text = surrealdb::types::ToSql::to_sql(&Value::Object(document));
        assert_eq!(
            text,
            "{ a: { at: d'2024-01-01T00:00:00Z' }, at: 'x', list: [{ at: d'1970-01-01T00:00:01Z' }, \
             { at: d'1970-01-01T00:00:01.500Z' }, { x: 2 }, 3], pair: [1, d'1970-01-01T00:00:00.002Z'] }"
        );
        for (json, part) in [
            (
                r#"{"list":[{"at":0},{"at":"1"}]}"#,
                "`list/*/at` is not a number of seconds since 1970: `1`",
            ),
            (r#"{"a":{"at":1}}"#, "`a/at` is not an RFC 3339 datetime: 1"),
            (
                r#"{"pair":[0,1e30]}"#,
                "`pair/1` is not a number of milliseconds since 1970",
            ),
        ] {
            let error = read_with(json, &fields).expect_err(json);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn documents_that_would_lose_data_are_refused() {
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
        let deep = |depth| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&deep(DOCUMENT_DEPTH_MAX - 1)).is_ok());
        for depth in [DOCUMENT_DEPTH_MAX, 126, 127, 100_000] {
            let error = read(&deep(depth)).expect_err("too deep");
            assert!(
                error.contains("nested deeper") || error.contains("recursion"),
                "{error}"
            );
        }
    }

    #[test]
    fn each_number_gets_its_own_literal() {
        let document =
            read(r#"{"1":"2 \" 3","a":[-1,18446744073709551615,0.1,{"5":6.25e1}],"\\":0.1234567890123456789}"#)
                .expect("valid");
        assert!(
            matches!(document.get("\\"), Some(Value::Number(Number::Decimal(d))) if d.to_string() == "0.1234567890123456789")
        );
    }
}
