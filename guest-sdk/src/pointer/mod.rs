//! One value out of JSON text, without building the rest of it.

mod put;

pub(crate) use put::put_members;

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Error, Result};

/// A JSON pointer (RFC 6901), such as `/data/object/id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// What a pointer points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string.
    String(Cow<'a, str>),
    /// A number, as it was written: digits that no float could hold are kept.
    Number(&'a str),
    /// Something else, named for a message: `null`, `a boolean`, `an array`, `an object`.
    Other(&'static str),
}

impl Pointer {
    /// A pointer; [`Error::Configuration`] if it is none.
    pub fn try_new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let wrong = || {
            Error::configuration(format!(
                "`{text}` is not a JSON pointer: write for example `/customer/id`"
            ))
        };
        let tokens = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(unescape).collect::<Option<_>>(),
            None if text.is_empty() => Some(Vec::new()),
            None => None,
        };
        Ok(Self {
            tokens: tokens.ok_or_else(wrong)?,
            text,
        })
    }

    /// The value it points at; `None` if there is none. Text that is not JSON is [`Error::InvalidData`].
    pub fn find<'a>(&self, json: &'a [u8]) -> Result<Option<Scalar<'a>>> {
        let found = self.walk(json)?;
        found.map(|raw| scalar(raw.get())).transpose()
    }

    /// The JSON text of the value it points at, as it was written; otherwise as [`Self::find`].
    pub fn find_text<'a>(&self, json: &'a [u8]) -> Result<Option<&'a str>> {
        Ok(self.walk(json)?.map(RawValue::get))
    }

    /// The id of the document that a message is: what it points at, a string or an integer, as text. Anything else is
    /// [`Error::InvalidData`], with this pointer as the key `id_pointer` of the settings.
    pub fn find_id<'a>(&self, json: &'a [u8]) -> Result<Cow<'a, str>> {
        let no_json = |error| Error::invalid_data(format!("`id_pointer` `{self}`: the message is not JSON: {error}"));
        let is_integer = |number: &str| number.bytes().all(|b| b == b'-' || b.is_ascii_digit());
        let found = match self.find(json).map_err(no_json)? {
            Some(Scalar::String(id)) if !id.is_empty() => return Ok(id),
            Some(Scalar::Number(id)) if is_integer(id) => return Ok(id.into()),
            None => "points at nothing".to_owned(),
            Some(Scalar::String(_)) => "points at an empty string".to_owned(),
            Some(Scalar::Number(number)) => format!("points at {number}"),
            Some(Scalar::Other(kind)) => format!("points at {kind}"),
        };
        Err(Error::invalid_data(format!(
            "`id_pointer` `{self}` {found}: a document's id is a string or an integer"
        )))
    }

    fn walk<'a>(&self, json: &'a [u8]) -> Result<Option<&'a RawValue>> {
        // Values beside the path are skipped without a look at their encoding, so it is looked at here.
        let json = std::str::from_utf8(json).map_err(|_| Error::invalid_data("the payload is not UTF-8"))?;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let found = Walk(&self.tokens).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Serde's way: settings may hold pointers.
impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first()? {
            b'0' => ('~', &part[1..]),
            b'1' => ('/', &part[1..]),
            _ => return None,
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Some(text)
}

fn scalar(raw: &str) -> Result<Scalar<'_>> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') if !raw.contains('\\') => Scalar::String(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(b'"') => Scalar::String(Cow::Owned(serde_json::from_str(raw)?)),
        Some(b'{') => Scalar::Other("an object"),
        Some(b'[') => Scalar::Other("an array"),
        Some(b'n') => Scalar::Other("null"),
        Some(b't' | b'f') => Scalar::Other("a boolean"),
        _ => Scalar::Number(raw),
    })
}

/// Walks down the tokens that are left. Everything beside the path is checked for syntax and forgotten.
struct Walk<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            <&RawValue>::deserialize(deserializer).map(Some)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(here) = map.next_key_seed(Key(&self.0[0]))? {
            if here {
                found = map.next_value_seed(Walk(&self.0[1..]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Ok(place) = self.0[0].parse::<usize>() else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        for _ in 0..place {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element_seed(Walk(&self.0[1..]))?.flatten();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether a key is this one; owns nothing.
struct Key<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(pointer: &str, json: &'a str) -> Option<Scalar<'a>> {
        let pointer = Pointer::try_new(pointer).expect("a pointer");
        pointer.find(json.as_bytes()).expect("JSON")
    }

    #[test]
    fn walks_objects_and_arrays() {
        let json = r#" {"a": [{"b": "x"}, {"b": "y", "c": 12345678901234567890123}], "a/b~c": 1.50} "#;
        assert_eq!(find("/a/1/b", json), Some(Scalar::String("y".into())));
        assert_eq!(find("/a/1/c", json), Some(Scalar::Number("12345678901234567890123")));
        assert_eq!(find("/a~1b~0c", json), Some(Scalar::Number("1.50")));
        assert_eq!(find("/a", json), Some(Scalar::Other("an array")));
        assert_eq!(find("", "\"q\\u0041\""), Some(Scalar::String("qA".into())));
    }

    #[test]
    fn what_is_not_there_is_none() {
        for pointer in ["/b", "/a/2", "/a/x", "/a/0/b/c", "/a/0/b/0"] {
            assert_eq!(find(pointer, r#"{"a": [{"b": "x"}, null]}"#), None, "{pointer}");
        }
        assert_eq!(find("/a", "7"), None);
        assert_eq!(find("/a", r#"{"a": null}"#), Some(Scalar::Other("null")));
    }

    #[test]
    fn a_key_written_with_escapes_is_found() {
        assert_eq!(find("/ab", r#"{"\u0061b": true}"#), Some(Scalar::Other("a boolean")));
    }

    #[test]
    fn text_beside_the_path_must_be_json_too() {
        let pointer = Pointer::try_new("/a").expect("a pointer");
        for json in [r#"{"a": 1, "b": }"#, r#"{"a": 1} x"#, r#"{"a": 1"#, "", r#"["#] {
            assert!(
                matches!(pointer.find(json.as_bytes()), Err(Error::InvalidData { .. })),
                "{json}"
            );
        }
        assert!(pointer.find(b"{\"a\": 1, \"b\": \"\xff\"}").is_err());
    }

    #[test]
    fn text_is_as_it_was_written() {
        let json = br#"{"a": {"b": [1.50, "\u0041"]}}"#;
        let text = |pointer| {
            Pointer::try_new(pointer)
                .expect("a pointer")
                .find_text(json)
                .expect("JSON")
        };
        assert_eq!(text("/a/b"), Some(r#"[1.50, "\u0041"]"#));
        assert_eq!(text("/a/b/1"), Some(r#""\u0041""#));
        assert_eq!(text("/x"), None);
    }

    #[test]
    fn only_pointers_are_pointers() {
        for text in ["a", "a/b", "/a~", "/a~2"] {
            assert!(
                matches!(Pointer::try_new(text), Err(Error::Configuration { .. })),
                "{text}"
            );
        }
    }
}
