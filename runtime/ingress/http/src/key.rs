//! The key of an event: the value that a pointer names in its body. Events of one key stay in order, so the key is found
//! before a lane is chosen.

use bytes::Bytes;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// Returns the string or number at `path` in a body. A number keeps its text, because a float would lose digits. `None` if
/// there is no such value, if it is empty, or if the body is not JSON.
pub(crate) fn find(body: &[u8], path: &[String]) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let raw = Walk(path).deserialize(&mut parser).ok()??.get();
    parser.end().ok()?;
    let key = match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<Cow<'_, str>>(raw).ok()?,
        b'-' | b'0'..=b'9' => raw.into(),
        _ => return None,
    };
    (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes()))
}

/// Follows the remaining steps, and skips all other values.
struct Walk<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.is_empty() {
            true => <&RawValue>::deserialize(deserializer).map(Some),
            false => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    /// The last of several members with the same name counts, as in the components and the schemas.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match name == self.0[0].as_str() {
                true => found = map.next_value_seed(Walk(&self.0[1..]))?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let index = self.0[0].parse::<usize>().ok().filter(|at| at.to_string() == self.0[0]);
        let mut found = None;
        for at in 0.. {
            let is_end = match Some(at) == index {
                true => seq
                    .next_element_seed(Walk(&self.0[1..]))?
                    .map(|value| found = value)
                    .is_none(),
                false => seq.next_element::<IgnoredAny>()?.is_none(),
            };
            if is_end {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(body: &str, path: &[&str]) -> Option<String> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        find(body.as_bytes(), &path).map(|key| String::from_utf8(key.to_vec()).expect("text"))
    }

    #[test]
    fn a_key_is_a_string_or_a_number_as_it_is_written() {
        for (body, key) in [
            (r#"{"customer": {"id": "cus_1"}}"#, Some("cus_1")),
            (r#"{"customer": {"id": "a\"b"}}"#, Some("a\"b")),
            (r#"{"customer": {"\u0069d": 7}}"#, Some("7")),
            (r#"{"customer": {"id": 1.50}}"#, Some("1.50")),
            (
                r#"{"customer": {"id": -12345678901234567890123}}"#,
                Some("-12345678901234567890123"),
            ),
            (r#"{"customer": {"id": 1, "id": 2}}"#, Some("2")),
            (r#"{"customer": {"id": null}}"#, None),
            (r#"{"customer": {"id": {"x": 1}}}"#, None),
            (r#"{"customer": {"id": ""}}"#, None),
            (r#"{"customer": {}}"#, None),
            (r#"{"customer": "id"}"#, None),
            (r#"{"customer": {"id": 1}} x"#, None),
            ("not JSON", None),
            ("", None),
        ] {
            assert_eq!(at(body, &["customer", "id"]).as_deref(), key, "{body}");
        }
    }

    #[test]
    fn steps_into_arrays_are_indexes() {
        let body = r#"[["a"], ["b", 7]]"#;
        assert_eq!(at(body, &["1", "0"]).as_deref(), Some("b"));
        assert_eq!(at(body, &["1", "1"]).as_deref(), Some("7"));
        for path in [&["1", "01"][..], &["1", "2"], &["1", "x"], &["2", "0"]] {
            assert_eq!(at(body, path), None, "{path:?}");
        }
    }
}
