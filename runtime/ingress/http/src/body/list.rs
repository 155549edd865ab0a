//! Bodies that hold several documents: JSON lines and JSON arrays, cut without copying.

use std::fmt;

use bytes::Bytes;
use danube_wasm_ingress_listener::Refusal;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{event_id::not_json, limits::EVENTS_PER_REQUEST_MAX};

/// Cuts JSON lines. Empty lines are none. What is in a line is not looked at.
pub(super) fn lines(body: &Bytes) -> Result<Vec<Bytes>, Refusal> {
    let mut lines = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if lines.len() >= EVENTS_PER_REQUEST_MAX {
            return Err(too_many());
        }
        lines.push(body.slice_ref(line));
    }
    Ok(lines)
}

/// Cuts a JSON array into its items; `None` if the body is not an array. How deep an item is nested is not looked at.
pub(super) fn items(body: &Bytes) -> Result<Option<Vec<Bytes>>, Refusal> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(None);
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let mut cut = Cut { is_over: false };
    let items = match cut.deserialize(&mut parser) {
        Err(_) if cut.is_over => return Err(too_many()),
        items => items.map_err(|error| not_json("the body", &error))?,
    };
    parser.end().map_err(|error| not_json("the body", &error))?;
    Ok(Some(
        items
            .into_iter()
            .map(|item| body.slice_ref(item.get().as_bytes()))
            .collect(),
    ))
}

fn too_many() -> Refusal {
    Refusal::OverLimit(format!(
        "the body has more than {EVENTS_PER_REQUEST_MAX} events, which is the most that one request may have: send them in \
         several requests"
    ))
}

/// Reads the items of an array, up to the limit.
struct Cut {
    is_over: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Cut {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Cut {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() >= EVENTS_PER_REQUEST_MAX {
                self.is_over = true;
                return Err(A::Error::custom("too many"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: Vec<Bytes>) -> Vec<String> {
        parts
            .iter()
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect()
    }

    #[test]
    fn lines_are_cut_and_empty_ones_are_none() {
        let body = Bytes::from_static(b"{\"a\":1}\r\n\n  \n[2]\nnot json\n");
        assert_eq!(text(lines(&body).expect("few")), ["{\"a\":1}", "[2]", "not json"]);
        assert!(lines(&Bytes::new()).expect("none").is_empty());
    }

    #[test]
    fn an_array_is_cut_and_nothing_else() {
        let cut = |body: &'static str| items(&Bytes::from_static(body.as_bytes()));
        let some = cut(" [ {\"a\": [1, 2]} , \"x\", 1.50 ] ")
            .expect("JSON")
            .expect("an array");
        assert_eq!(text(some), ["{\"a\": [1, 2]}", "\"x\"", "1.50"]);
        assert_eq!(cut("[]"), Ok(Some(Vec::new())));
        assert_eq!(cut("{\"a\":[]}"), Ok(None));
        assert!(matches!(cut("[1,]"), Err(Refusal::BadRequest(why)) if why.starts_with("the body is not JSON")));
        assert!(matches!(cut("[1] 2"), Err(Refusal::BadRequest(_))));
    }

    #[test]
    fn one_past_the_limit_is_refused() {
        let body = |n: usize| Bytes::from(format!("[{}]", vec!["1"; n].join(",")));
        assert!(items(&body(EVENTS_PER_REQUEST_MAX)).is_ok());
        assert!(matches!(
            items(&body(EVENTS_PER_REQUEST_MAX + 1)),
            Err(Refusal::OverLimit(_))
        ));
        let body = |n: usize| Bytes::from("1\n".repeat(n));
        assert!(lines(&body(EVENTS_PER_REQUEST_MAX)).is_ok());
        assert!(matches!(
            lines(&body(EVENTS_PER_REQUEST_MAX + 1)),
            Err(Refusal::OverLimit(_))
        ));
    }
}
