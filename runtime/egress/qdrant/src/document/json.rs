//! JSON text as Qdrant's values, without loss.
//!
//! * Whole numbers are 64-bit integers with a sign, all others 64-bit floats. A number that neither holds is refused.
//! * A key that appears twice refuses the document: one of the two values would be lost.
//! * What is wrong is named by its pointer.

use std::{collections::HashMap, fmt};

use qdrant_client::qdrant::{ListValue, NullValue, Struct, Value, value::Kind};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::number::{Literals, holds};
use crate::{limits::DOCUMENT_DEPTH_MAX, payload::show_step};

/// Parses an object. Numbers at `vector` are as exact as vectors are.
pub(super) fn object(json: &[u8], vector: &[String]) -> Result<HashMap<String, Value>, String> {
    let mut parse = Parse {
        literals: Literals::new(json),
        trail: Vec::new(),
        why: None,
    };
    let mut text = serde_json::Deserializer::from_slice(json);
    let reader = Reader {
        parse: &mut parse,
        depth_left: DOCUMENT_DEPTH_MAX,
        vector: Some(vector),
    };
    let read = reader
        .deserialize(&mut text)
        .and_then(|value| text.end().map(|()| value));
    match read.map(|value| value.kind) {
        Ok(Some(Kind::StructValue(object))) => Ok(object.fields),
        Ok(_) => Err("the document is not a JSON object".to_owned()),
        Err(error) => Err(parse.refusal(&error)),
    }
}

struct Parse<'j> {
    literals: Literals<'j>,
    /// Where an error is: its steps, the innermost first.
    trail: Vec<String>,
    why: Option<String>,
}

impl Parse<'_> {
    fn refusal(mut self, error: &serde_json::Error) -> String {
        let why = self
            .why
            .take()
            .unwrap_or_else(|| format!("it is not valid JSON: {error}"));
        let pointer: String = self.trail.iter().rev().map(|step| show_step(step)).collect();
        match pointer.as_str() {
            "" => format!("the document cannot be stored: {why}"),
            pointer => format!("`{pointer}` cannot be stored: {why}"),
        }
    }

    fn refuse<E: serde::de::Error>(&mut self, why: String) -> E {
        self.why = Some(why);
        E::custom("refused")
    }
}

struct Reader<'a, 'j> {
    parse: &'a mut Parse<'j>,
    depth_left: usize,
    /// The steps from here to the vector; empty within it, `None` beside it.
    vector: Option<&'a [String]>,
}

impl<'j> Reader<'_, 'j> {
    fn nested<E: serde::de::Error>(&mut self, step: Option<&str>) -> Result<Reader<'_, 'j>, E> {
        let vector = match (self.vector, step) {
            (Some([]), _) => Some(&[][..]),
            (Some([next, rest @ ..]), Some(step)) if next == step => Some(rest),
            _ => None,
        };
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Reader {
                parse: self.parse,
                depth_left,
                vector,
            }),
            None => Err(self
                .parse
                .refuse(format!("objects and lists are nested deeper than {DOCUMENT_DEPTH_MAX}"))),
        }
    }
}

fn value<E>(kind: Kind) -> Result<Value, E> {
    Ok(Value { kind: Some(kind) })
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        value(Kind::NullValue(NullValue::NullValue.into()))
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        value(Kind::BoolValue(it))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        value(Kind::StringValue(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        self.parse.literals.pass();
        value(Kind::IntegerValue(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        self.parse.literals.pass();
        match i64::try_from(number) {
            Ok(number) => value(Kind::IntegerValue(number)),
            Err(_) => Err(self.parse.refuse(too_large(&number.to_string()))),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        if self.vector == Some(&[]) {
            self.parse.literals.pass();
            return value(Kind::DoubleValue(number));
        }
        let literal = self.parse.literals.last();
        let is_whole = !literal.contains(['.', 'e', 'E']);
        if is_whole && literal != "-0" {
            return Err(self.parse.refuse(too_large(literal)));
        }
        match holds(literal, number) {
            true => value(Kind::DoubleValue(number)),
            false => Err(self.parse.refuse(format!(
                "the number {literal:.64} has more digits than a 64-bit float holds"
            ))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(items.size_hint().unwrap_or(0));
        loop {
            let next = items.next_element_seed(self.nested(None)?);
            match next.inspect_err(|_| self.parse.trail.push(values.len().to_string()))? {
                Some(item) => values.push(item),
                None => return value(Kind::ListValue(ListValue { values })),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = HashMap::new();
        while let Some(name) = entries.next_key::<String>()? {
            let read = self
                .nested(Some(&name))
                .and_then(|nested| entries.next_value_seed(nested));
            let it = read.inspect_err(|_| self.parse.trail.push(name.clone()))?;
            if fields.contains_key(&name) {
                self.parse.trail.push(name);
                self.parse.why = Some("the key appears twice".to_owned());
                return Err(A::Error::custom("refused"));
            }
            fields.insert(name, it);
        }
        value(Kind::StructValue(Struct { fields }))
    }
}

fn too_large(literal: &str) -> String {
    format!(
        "{literal:.64} is beyond the whole numbers of 64 bits with a sign that Qdrant has; as text it would be kept"
    )
}
