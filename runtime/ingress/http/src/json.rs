//! Checks in one pass that a body is JSON, and finds the value that a pointer names.
//!
//! No document is built: the parser walks the text, follows the pointer if there is one, and only checks that the rest is
//! well formed. Depth is bounded by the parser's own limit of 128.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The value that a pointer names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PointerValue {
    /// There is no such value.
    Absent,
    /// A string, or a whole number in decimal.
    Text(String),
    /// A value of another kind, with the name of that kind.
    Other(&'static str),
    /// Two members have the name, so the pointer is ambiguous.
    Ambiguous,
}

/// Checks that `text` is one JSON document; the error says where it is not.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    read(text, None).map(|_| ())
}

/// Checks the same, and returns the value at `path` (names and indexes from the root).
pub(crate) fn find(text: &[u8], path: &[String]) -> Result<PointerValue, serde_json::Error> {
    read(text, Some(path))
}

fn read(text: &[u8], path: Option<&[String]>) -> Result<PointerValue, serde_json::Error> {
    let mut found = PointerValue::Absent;
    let mut parser = serde_json::Deserializer::from_slice(text);
    Walk {
        path,
        found: &mut found,
    }
    .deserialize(&mut parser)?;
    parser.end()?;
    Ok(found)
}

/// Visits one value. `path` is the rest of the pointer, `None` beside the pointer's path.
struct Walk<'a> {
    path: Option<&'a [String]>,
    found: &'a mut PointerValue,
}

impl Walk<'_> {
    /// Records a value if the pointer ends here.
    fn record(self, value: impl FnOnce() -> PointerValue) {
        if self.path.is_some_and(<[String]>::is_empty) {
            *self.found = match self.found {
                PointerValue::Absent => value(),
                _ => PointerValue::Ambiguous,
            };
        }
    }
}

/// Returns the rest of the pointer after its first step, if that step matches.
fn descend(path: Option<&[String]>, matches: impl FnOnce(&str) -> bool) -> Option<&[String]> {
    path.and_then(<[String]>::split_first)
        .and_then(|(step, rest)| matches(step).then_some(rest))
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.record(|| PointerValue::Other("null"));
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.record(|| PointerValue::Other("a boolean"));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.record(|| PointerValue::Text(value.to_string()));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.record(|| PointerValue::Text(value.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.record(|| PointerValue::Other("a number that is not a whole one"));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.record(|| PointerValue::Text(value.to_owned()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(rest) = map.next_key_seed(Name(self.path))? {
            map.next_value_seed(Walk {
                path: rest,
                found: &mut *self.found,
            })?;
        }
        self.record(|| PointerValue::Other("an object"));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            let rest = descend(self.path, |step| step.parse() == Ok(at) && is_index(step));
            let item = Walk {
                path: rest,
                found: &mut *self.found,
            };
            if seq.next_element_seed(item)?.is_none() {
                break;
            }
            at += 1;
        }
        self.record(|| PointerValue::Other("an array"));
        Ok(())
    }
}

/// RFC 6901: digits without leading zeros.
fn is_index(step: &str) -> bool {
    step == "0" || (!step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit()))
}

/// Visits the name of a member: returns the rest of the pointer if its first step has this name.
struct Name<'a>(Option<&'a [String]>);

impl<'a, 'de> DeserializeSeed<'de> for Name<'a> {
    type Value = Option<&'a [String]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Name<'a> {
    type Value = Option<&'a [String]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(descend(self.0, |step| step == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &[&str]) -> PointerValue {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        find(text.as_bytes(), &path).expect("JSON")
    }

    #[test]
    fn follows_a_pointer() {
        let text = r#"{"data":{"items":[{"id":"a"},{"id":7},{"id":-7}]},"id":"root"}"#;
        assert_eq!(at(text, &["id"]), PointerValue::Text("root".to_owned()));
        assert_eq!(
            at(text, &["data", "items", "0", "id"]),
            PointerValue::Text("a".to_owned())
        );
        assert_eq!(
            at(text, &["data", "items", "1", "id"]),
            PointerValue::Text("7".to_owned())
        );
        assert_eq!(
            at(text, &["data", "items", "2", "id"]),
            PointerValue::Text("-7".to_owned())
        );
        assert_eq!(at(text, &["data", "items", "01", "id"]), PointerValue::Absent);
        assert_eq!(at(text, &["data", "items", "3", "id"]), PointerValue::Absent);
        assert_eq!(at(text, &["data", "items"]), PointerValue::Other("an array"));
        assert_eq!(at(text, &["data"]), PointerValue::Other("an object"));
        assert_eq!(at(text, &["items"]), PointerValue::Absent);
        assert_eq!(
            at(r#"{"id":1.5}"#, &["id"]),
            PointerValue::Other("a number that is not a whole one")
        );
    }

    #[test]
    fn a_duplicate_name_is_ambiguous() {
        assert_eq!(at(r#"{"id":"a","id":"b"}"#, &["id"]), PointerValue::Ambiguous);
        assert_eq!(
            at(r#"{"a":{"id":"a"},"a":{"id":"b"}}"#, &["a", "id"]),
            PointerValue::Ambiguous
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        check(br#" {"a":[1,2.5,null,true,"\u00e9"]} "#).expect("JSON");
        for wrong in [
            &b""[..],
            b"{",
            b"{} {}",
            b"{'a':1}",
            b"[1,]",
            b"NaN",
            b"\"\xff\"",
            b"\xef\xbb\xbf{}",
            b"1e999",
        ] {
            check(wrong).expect_err("not JSON");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        check(nested(127).as_bytes()).expect("within the limit");
        check(nested(128).as_bytes()).expect_err("one past it");
    }
}
