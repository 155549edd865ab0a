//! CloudEvents 1.0 over HTTP, in its three modes.
//!
//! An event becomes the same in each: a JSON object as of the structured mode (the specification's JSON format), and its
//! attributes as headers `ce-…`, as of the binary mode. Its id is its `source` and its `id`, which are unique together.

mod binary;
mod structured;

use sha2::{Digest, Sha256};

pub(crate) use self::{binary::from_headers, structured::from_document};
use danube_wasm_model::identity::is_event_id;

/// How events are laid out in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Attributes in headers, the data as the body.
    Binary,
    /// One JSON object.
    Structured,
    /// An array of such.
    Batched,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CloudEvent {
    pub(crate) id: String,
    /// Its attributes, as headers.
    pub(crate) headers: Vec<(String, String)>,
}

/// Media type of an event as JSON.
pub(crate) const MEDIA_TYPE: &str = "application/cloudevents+json";

/// The version that is read.
const VERSION: &str = "1.0";

/// What every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// The id of an event; the two are joined by a space, which no `source` has. Longer ones than ids may be become a digest.
pub(crate) fn event_id(source: &str, id: &str) -> Result<String, String> {
    if source.contains(' ') {
        return Err("its `source` has a space, and is to be a URI reference".to_owned());
    }
    let joined = format!("{source} {id}");
    if is_event_id(&joined) {
        return Ok(joined);
    }
    if joined.chars().any(char::is_control) {
        return Err("its `source` or `id` has control characters".to_owned());
    }
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(joined))))
}

/// What is wrong with the attributes of an event, if something is; else its id.
fn check<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    for name in REQUIRED {
        if get(name).is_none_or(str::is_empty) {
            return Err(format!("it has no `{name}`, which every CloudEvent has"));
        }
    }
    let of = |name| get(name).unwrap_or_default();
    if of("specversion") != VERSION {
        return Err(format!(
            "its `specversion` is not {VERSION}, which is the one that is read here"
        ));
    }
    event_id(of("source"), of("id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_its_source() {
        assert_eq!(event_id("/a", "1").as_deref(), Ok("/a 1"));
        let long = event_id(&"/a".repeat(200), "1").expect("a digest");
        assert!(long.starts_with("sha256:") && is_event_id(&long));
        assert_ne!(long, event_id(&"/a".repeat(200), "2").expect("another"));
        assert!(event_id("/a b", "1").is_err() && event_id("/a", "1\n").is_err());
    }
}
