//! Parts of documents, as the text that they are.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Misfit;

/// The members of an object, in order, none twice.
pub struct Members<'d>(pub Vec<(Cow<'d, str>, &'d str)>);

/// A document: an object.
pub struct Document<'d>(pub Members<'d>);

impl<'d> Document<'d> {
    /// Parses one. The error is a sentence for the sender.
    pub fn parse(body: &'d [u8]) -> Result<Self, String> {
        match serde_json::from_slice(body) {
            Ok(members) => Ok(Self(members)),
            Err(error) if error.is_data() && !error.to_string().contains("twice") => {
                Err(format!("the document is not a JSON object: {error}"))
            }
            Err(error) => Err(format!("the document is not valid JSON: {error}")),
        }
    }

    /// What a pointer leads to.
    pub fn find(&self, steps: &[String]) -> Result<Option<&'d str>, Misfit> {
        let Some((first, rest)) = steps.split_first() else {
            return Ok(None);
        };
        let of_first = |members: &Members<'d>| members.0.iter().find(|(name, _)| name == first).map(|(_, of)| *of);
        let Some(mut value) = of_first(&self.0) else {
            return Ok(None);
        };
        for step in rest {
            let next = match value.as_bytes().first() {
                Some(b'{') => members(value)?
                    .0
                    .into_iter()
                    .find(|(name, _)| name == step)
                    .map(|(_, of)| of),
                Some(b'[') => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|at| elements(value).ok()?.get(at).copied()),
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            value = next;
        }
        Ok(Some(value))
    }
}

/// The members of an object.
pub fn members(value: &str) -> Result<Members<'_>, Misfit> {
    if !value.starts_with('{') {
        return Err(Misfit::of(value, "it is not an object"));
    }
    serde_json::from_str(value).map_err(|error| Misfit::of(value, error.to_string()))
}

/// The elements of an array.
pub fn elements(value: &str) -> Result<Vec<&str>, Misfit> {
    if !value.starts_with('[') {
        return Err(Misfit::of(value, "it is not an array"));
    }
    let elements: Result<Vec<&RawValue>, _> = serde_json::from_str(value);
    let elements = elements.map_err(|error| Misfit::of(value, error.to_string()))?;
    Ok(elements.into_iter().map(RawValue::get).collect())
}

impl<'d> Deserialize<'d> for Members<'d> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

/// A name of a member, borrowed where it has no escapes.
struct Name<'d>(Cow<'d, str>);

impl<'d> Deserialize<'d> for Name<'d> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'d> Visitor<'d> for NameVisitor {
            type Value = Name<'d>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'d str) -> Result<Name<'d>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'d>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'d> Visitor<'d> for MembersVisitor {
    type Value = Members<'d>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Members<'d>, A::Error> {
        let mut members: Vec<(Cow<'d, str>, &'d str)> = Vec::new();
        while let Some((Name(name), value)) = map.next_entry::<Name<'d>, &'d RawValue>()? {
            members.push((name, value.get()));
        }
        match repeated(&members) {
            Some(name) => Err(A::Error::custom(format_args!("the key `{name:.64}` appears twice"))),
            None => Ok(Members(members)),
        }
    }
}

/// A name that occurs twice: one of the two values would be lost.
fn repeated<'m>(members: &'m [(Cow<'_, str>, &str)]) -> Option<&'m str> {
    let mut names = HashSet::with_capacity(members.len());
    members
        .iter()
        .map(|(name, _)| &**name)
        .find(|name| !names.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_they_are_written() {
        let document = Document::parse(br#" {"a":{"b":[1, {"c\/d":2.50}]}, "e" : "x"} "#).expect("an object");
        let find = |pointer: &str| {
            let steps: Vec<_> = pointer.split('/').skip(1).map(|step| step.replace("~1", "/")).collect();
            document.find(&steps).expect("valid")
        };
        assert_eq!(find("/a/b/1/c~1d"), Some("2.50"));
        assert_eq!(find("/e"), Some("\"x\""));
        assert_eq!(find("/a/b"), Some(r#"[1, {"c\/d":2.50}]"#));
        for absent in ["/x", "/a/b/2", "/a/b/x", "/e/x", "/a/b/0/x"] {
            assert_eq!(find(absent), None);
        }
    }

    #[test]
    fn what_is_no_object_says_why() {
        let error = |body: &str| Document::parse(body.as_bytes()).err().expect("refused");
        assert!(error("[1]").contains("not a JSON object"));
        assert!(error("").contains("not valid JSON"));
        assert!(error(r#"{"a":1} x"#).contains("not valid JSON"));
        assert!(error(r#"{"a":1,"\u0061":2}"#).contains("`a` appears twice"));
        assert!(error("{\"a\":\"\u{1}\"}").contains("not valid JSON"));
        assert!(Document::parse(b"{\"a\":\"\xff\"}").is_err());
    }
}
