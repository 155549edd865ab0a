//! JSON, read once: that a body is JSON, and the value that one pointer names.
//!
//! Nothing is built: the parser walks the text, follows the pointer where there is one, and looks at everything else only
//! to see that it is well formed. Depth is bounded by the parser's own limit of 128.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What a pointer led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pointed {
    /// Nothing there.
    Absent,
    /// A string, or a whole number in decimal.
    Text(String),
    /// Something else, by its kind.
    Other(&'static str),
    /// Two members of the same name: which one was meant cannot be known.
    Twice,
}

/// That `text` is one JSON document; the error says where it is not.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    read(text, None).map(|_| ())
}

/// The same, and what `path` (names and indexes from the root) leads to.
pub(crate) fn find(text: &[u8], path: &[String]) -> Result<Pointed, serde_json::Error> {
    read(text, Some(path))
}

fn read(text: &[u8], path: Option<&[String]>) -> Result<Pointed, serde_json::Error> {
    let mut found = Pointed::Absent;
    let mut parser = serde_json::Deserializer::from_slice(text);
    Walk {
        path,
        found: &mut found,
    }
    .deserialize(&mut parser)?;
    parser.end()?;
    Ok(found)
}

/// One value. `path` is what is left of the pointer, `None` where it does not lead.
struct Walk<'a> {
    path: Option<&'a [String]>,
    found: &'a mut Pointed,
}

impl Walk<'_> {
    /// Records a scalar if the pointer ends here.
    fn here(self, value: impl FnOnce() -> Pointed) {
        if self.path.is_some_and(<[String]>::is_empty) {
            *self.found = match self.found {
                Pointed::Absent => value(),
                _ => Pointed::Twice,
            };
        }
    }
}

/// What is left of the pointer behind `step`, if it leads there.
fn behind(path: Option<&[String]>, leads: impl FnOnce(&str) -> bool) -> Option<&[String]> {
    path.and_then(<[String]>::split_first)
        .and_then(|(step, rest)| leads(step).then_some(rest))
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
        self.here(|| Pointed::Other("null"));
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.here(|| Pointed::Other("a boolean"));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.here(|| Pointed::Text(value.to_string()));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.here(|| Pointed::Text(value.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.here(|| Pointed::Other("a number that is not a whole one"));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.here(|| Pointed::Text(value.to_owned()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(rest) = map.next_key_seed(Name(self.path))? {
            map.next_value_seed(Walk {
                path: rest,
                found: &mut *self.found,
            })?;
        }
        self.here(|| Pointed::Other("an object"));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            let rest = behind(self.path, |step| step.parse() == Ok(at) && is_index(step));
            let item = Walk {
                path: rest,
                found: &mut *self.found,
            };
            if seq.next_element_seed(item)?.is_none() {
                break;
            }
            at += 1;
        }
        self.here(|| Pointed::Other("an array"));
        Ok(())
    }
}

/// RFC 6901: digits without leading zeros.
fn is_index(step: &str) -> bool {
    step == "0" || (!step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit()))
}

/// The name of a member: gives what is left of the pointer if it leads there.
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
        Ok(behind(self.0, |step| step == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &[&str]) -> Pointed {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        find(text.as_bytes(), &path).expect("JSON")
    }

    #[test]
    fn follows_a_pointer() {
        let text = r#"{"data":{"items":[{"id":"a"},{"id":7},{"id":-7}]},"id":"root"}"#;
        assert_eq!(at(text, &["id"]), Pointed::Text("root".to_owned()));
        assert_eq!(at(text, &["data", "items", "0", "id"]), Pointed::Text("a".to_owned()));
        assert_eq!(at(text, &["data", "items", "1", "id"]), Pointed::Text("7".to_owned()));
        assert_eq!(at(text, &["data", "items", "2", "id"]), Pointed::Text("-7".to_owned()));
        assert_eq!(at(text, &["data", "items", "01", "id"]), Pointed::Absent);
        assert_eq!(at(text, &["data", "items", "3", "id"]), Pointed::Absent);
        assert_eq!(at(text, &["data", "items"]), Pointed::Other("an array"));
        assert_eq!(at(text, &["data"]), Pointed::Other("an object"));
        assert_eq!(at(text, &["items"]), Pointed::Absent);
        assert_eq!(
            at(r#"{"id":1.5}"#, &["id"]),
            Pointed::Other("a number that is not a whole one")
        );
    }

    #[test]
    fn a_name_given_twice_is_seen() {
        assert_eq!(at(r#"{"id":"a","id":"b"}"#, &["id"]), Pointed::Twice);
        assert_eq!(at(r#"{"a":{"id":"a"},"a":{"id":"b"}}"#, &["a", "id"]), Pointed::Twice);
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
