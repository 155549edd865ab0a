//! The id of an event: the sender's, else minted here.
//!
//! A sender's retry updates the same row only if the sender gave the id. With a minted id, a retry is a new event.

use std::fmt::Write as _;

use danube_wasm_ingress_listener::Refusal;
use danube_wasm_model::{clock::now_ms, identity::is_event_id};
use danube_wasm_settings::values::JsonPointer;
use http::{HeaderMap, HeaderName};

use crate::{json, json::PointerValue};

/// Headers that commonly carry an id, in order of precedence: the IETF draft's, the Standard Webhooks specification's,
/// GitHub's.
pub static WELL_KNOWN_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("x-github-delivery"),
];

/// Where to find the id of an event. If it is missing, one is minted; if it is not a valid id, the request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EventIdSource {
    /// The first of [`WELL_KNOWN_HEADERS`] that the request has.
    #[default]
    WellKnown,
    /// A header.
    Header(HeaderName),
    /// A string or whole number in the body, which must be JSON.
    JsonPointer(JsonPointer),
    /// Nowhere: every request is a new event.
    Minted,
}

/// What happens to an event whose id an earlier event had with another body. It is counted in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdReuse {
    /// It is accepted as a retry: what was published first stays.
    #[default]
    Accept,
    /// It is answered 409.
    Reject,
}

impl EventIdSource {
    /// Returns the sender's id, if it is in a header.
    pub(crate) fn in_headers(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        match self {
            Self::WellKnown => {
                let name = WELL_KNOWN_HEADERS.iter().find(|name| headers.contains_key(*name));
                name.map_or(Ok(None), |name| header(headers, name))
            }
            Self::Header(name) => header(headers, name),
            Self::JsonPointer(_) | Self::Minted => Ok(None),
        }
    }

    /// Returns the sender's id, if it is in the body. With `json`, checks that the body is JSON.
    pub(crate) fn in_body(&self, body: &[u8], json: bool) -> Result<Option<String>, Refusal> {
        match self {
            Self::JsonPointer(pointer) => match json::find(body, pointer.steps()).map_err(not_json)? {
                PointerValue::Absent => Ok(None),
                PointerValue::Text(id) if is_event_id(&id) => Ok(Some(id)),
                PointerValue::Text(_) => Err(refuse(pointer, "must have 1 to 256 bytes and no control characters")),
                PointerValue::Other(kind) => {
                    Err(refuse(pointer, &format!("is {kind}, not a string or a whole number")))
                }
                PointerValue::Ambiguous => Err(refuse(pointer, "is there twice")),
            },
            _ if json => json::check(body).map_err(not_json).map(|()| None),
            _ => Ok(None),
        }
    }
}

fn refuse(pointer: &JsonPointer, why: &str) -> Refusal {
    Refusal::BadRequest(format!("the event id at {pointer} of the body {why}"))
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::BadRequest(format!(
            "the event id in header {name} is there twice"
        )));
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(id) if is_event_id(id) => Ok(Some(id.to_owned())),
        _ => Err(Refusal::BadRequest(format!(
            "the event id in header {name} must be UTF-8 of 1 to 256 bytes without control characters"
        ))),
    }
}

fn not_json(error: serde_json::Error) -> Refusal {
    let why = error.to_string();
    // The parser's own message describes its implementation.
    if why.starts_with("recursion limit exceeded") {
        return Refusal::BadRequest("objects and arrays of the body are nested deeper than 127".to_owned());
    }
    Refusal::BadRequest(format!("the body is not JSON: {why}"))
}

/// Returns a new id: 32 hex digits, a UUID version 7 without its dashes (48 bits of milliseconds, then 74 random bits). Later
/// ids sort after earlier ones, which keeps indexes over them compact.
pub(crate) fn mint() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::Overloaded)?;
    bytes[..6].copy_from_slice(&now_ms().to_be_bytes()[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let mut id = String::with_capacity(32);
    // Writing to a string cannot fail.
    let _ = write!(id, "{:032x}", u128::from_be_bytes(bytes));
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_uuids_of_version_7_and_differ() {
        let ids: Vec<String> = (0..1000).map(|_| mint().unwrap()).collect();
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        for id in &ids {
            assert_eq!((id.len(), &id[12..13]), (32, "7"));
            assert!(matches!(&id[16..17], "8" | "9" | "a" | "b"));
            assert!(is_event_id(id));
        }
        // Milliseconds since 1970 in the first 48 bits: after 2020 and before 2100.
        let ms = u64::from_str_radix(&ids[0][..12], 16).unwrap();
        assert!((1_577_836_800_000..4_102_444_800_000).contains(&ms));
    }
}
