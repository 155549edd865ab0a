//! Puts a value into JSON text, and leaves the rest of the text as it was written.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Pointer;
use crate::{Error, Result};

impl Pointer {
    /// The JSON text with a value, JSON text too, where this points at. Objects on the way that are not there are made; what is
    /// there already is replaced. [`Error::InvalidData`] if `json` is not JSON or has something else than an object on the way.
    pub fn put(&self, json: &[u8], value: &str) -> Result<String> {
        let json = std::str::from_utf8(json).map_err(|_| Error::invalid_data("the payload is not UTF-8"))?;
        let mut out = String::with_capacity(json.len() + value.len() + self.text.len() + 8);
        put(&self.tokens, json, value, &mut out)
            .map_err(|error| Error::invalid_data(format!("nothing can be put at `{self}` of the payload: {error}")))?;
        Ok(out)
    }
}

fn put(tokens: &[String], json: &str, value: &str, out: &mut String) -> serde_json::Result<()> {
    let Some((name, rest)) = tokens.split_first() else {
        out.push_str(value);
        return Ok(());
    };
    let Members(members) = serde_json::from_str(json)?;
    let mut is_there = false;
    out.push('{');
    for (place, (own, raw)) in members.iter().enumerate() {
        out.push_str(if place == 0 { "" } else { "," });
        out.push_str(&serde_json::to_string(own)?);
        out.push(':');
        if own == name {
            is_there = true;
            put(rest, raw.get(), value, out)?;
        } else {
            out.push_str(raw.get());
        }
    }
    if !is_there {
        out.push_str(if members.is_empty() { "" } else { "," });
        out.push_str(&serde_json::to_string(name)?);
        out.push(':');
        put(rest, "{}", value, out)?;
    }
    out.push('}');
    Ok(())
}

/// The object, JSON text, with these members, whose values are JSON text. They replace members of the same names.
pub(crate) fn put_members(json: &[u8], added: &[(&str, String)]) -> serde_json::Result<Vec<u8>> {
    let Members(mut members) = serde_json::from_slice(json)?;
    members.retain(|(own, _)| added.iter().all(|(name, _)| name != own));
    let mut out = String::with_capacity(json.len() + 64 * added.len());
    let kept = members.iter().map(|(name, raw)| (&**name, raw.get()));
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in kept.chain(added) {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(&serde_json::to_string(name)?);
        out.push(':');
        out.push_str(value);
    }
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    Ok(out.into_bytes())
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(pointer: &str, json: &str) -> Result<String> {
        Pointer::try_new(pointer)
            .expect("a pointer")
            .put(json.as_bytes(), r#"{"x":1}"#)
    }

    #[test]
    fn the_rest_stays_as_it_was_written() {
        for (pointer, json, wanted) in [
            ("/r", "{}", r#"{"r":{"x":1}}"#),
            ("/r", r#"{ "a" : 1.50 }"#, r#"{"a":1.50,"r":{"x":1}}"#),
            ("/a", r#"{"a":7,"b":"é\u0041"}"#, r#"{"a":{"x":1},"b":"é\u0041"}"#),
            (
                "/m/r",
                r#"{"m":{"k":12345678901234567890123}}"#,
                r#"{"m":{"k":12345678901234567890123,"r":{"x":1}}}"#,
            ),
            ("/m/r", "{}", r#"{"m":{"r":{"x":1}}}"#),
            ("/a~1b", r#"{"\u0061":1}"#, r#"{"a":1,"a/b":{"x":1}}"#),
        ] {
            assert_eq!(put(pointer, json).expect("put"), wanted, "{pointer} {json}");
        }
    }

    #[test]
    fn only_objects_take_it() {
        for (pointer, json) in [
            ("/r", "[1]"),
            ("/r", "7"),
            ("/m/r", r#"{"m":null}"#),
            ("/r", "{"),
            ("/r", ""),
        ] {
            let error = put(pointer, json).expect_err("no object");
            assert!(
                matches!(&error, Error::InvalidData { .. }) && error.to_string().contains(pointer),
                "{error}"
            );
        }
    }
}
