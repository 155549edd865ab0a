//! The id of an event: the sender's, else minted here.
//!
//! A sender's retry updates the same row only if the sender gave the id. With a minted id, a retry is a new event.

use std::fmt::Write as _;

use danube_wasm_ingress_listener::Refusal;
use danube_wasm_model::{clock::now_ms, identity::is_event_id};
use danube_wasm_settings::values::JsonPointer;
use http::{HeaderMap, HeaderName};

use crate::{cloudevents, json, json::PointerValue};

/// Headers that carry an id which stays the same when an event is sent again, in order of precedence. After the second come
/// `ce-source` and `ce-id` of CloudEvents, where a request has both.
pub static WELL_KNOWN_HEADERS: [HeaderName; 12] = [
    // The IETF's draft; GitLab since 17.4.
    HeaderName::from_static("idempotency-key"),
    // Standard Webhooks.
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("x-github-delivery"),
    HeaderName::from_static("x-gitea-delivery"),
    HeaderName::from_static("x-shopify-webhook-id"),
    HeaderName::from_static("x-amz-sns-message-id"),
    HeaderName::from_static("linear-delivery"),
    HeaderName::from_static("i-twilio-idempotency-token"),
    // Jira.
    HeaderName::from_static("x-atlassian-webhook-identifier"),
    // Bitbucket.
    HeaderName::from_static("x-request-uuid"),
    // Last: the events that an event caused have it, too, on a GitLab without `Idempotency-Key`.
    HeaderName::from_static("x-gitlab-event-uuid"),
];

static CLOUDEVENTS_SOURCE: HeaderName = HeaderName::from_static("ce-source");
static CLOUDEVENTS_ID: HeaderName = HeaderName::from_static("ce-id");

/// Where to find the id of an event. If it is missing, one is minted; if it is not a valid id, the request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EventIdSource {
    /// The first of [`WELL_KNOWN_HEADERS`] that the request has; where an endpoint takes CloudEvents, what they have.
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

/// What happens to an event whose sender gave no id where one is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingId {
    /// It gets an id when it arrives: a retry of it is another event.
    #[default]
    Mint,
    /// It is answered 400.
    Reject,
}

impl EventIdSource {
    /// An id for an event whose sender gave none.
    pub(crate) fn replace_missing(&self, missing: MissingId) -> Result<String, Refusal> {
        match missing {
            MissingId::Mint => mint(),
            MissingId::Reject => Err(Refusal::BadRequest(format!("the event has no id{}", self.place()))),
        }
    }

    /// Where the id of an event should be, as the end of a sentence.
    fn place(&self) -> String {
        match self {
            Self::Header(name) => format!(": header {name} is missing"),
            Self::JsonPointer(pointer) => format!(": the body has nothing at {pointer}"),
            Self::WellKnown => ": none of the headers is there that carry one, such as idempotency-key".to_owned(),
            Self::Minted => String::new(),
        }
    }

    /// Returns the sender's id, if it is in a header.
    pub(crate) fn in_headers(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        match self {
            Self::WellKnown => well_known(headers),
            Self::Header(name) => header(headers, name),
            Self::JsonPointer(_) | Self::Minted => Ok(None),
        }
    }

    /// Returns the sender's id, if it is in a document, which must be JSON. `what` is how an error calls the document.
    pub(crate) fn in_body(&self, document: &[u8], what: &str) -> Result<Option<String>, String> {
        let no_json = |error| why_not_json(what, &error);
        let Self::JsonPointer(pointer) = self else {
            return json::check(document).map_err(no_json).map(|()| None);
        };
        let refused = |why: &str| Err(format!("the event id at {pointer} of {what} {why}"));
        match json::find(document, pointer.steps()).map_err(no_json)? {
            PointerValue::Absent => Ok(None),
            PointerValue::Text(id) if is_event_id(&id) => Ok(Some(id)),
            PointerValue::Text(_) => refused("must have 1 to 256 bytes and no control characters"),
            PointerValue::Other(kind) => refused(&format!("is {kind}, not a string or a whole number")),
            PointerValue::Ambiguous => refused("is there twice"),
        }
    }
}

fn well_known(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let (first, others) = WELL_KNOWN_HEADERS.split_at(2);
    if let Some(name) = first.iter().find(|name| headers.contains_key(*name)) {
        return header(headers, name);
    }
    if headers.contains_key(&CLOUDEVENTS_ID) && headers.contains_key(&CLOUDEVENTS_SOURCE) {
        let [source, id] = [&CLOUDEVENTS_SOURCE, &CLOUDEVENTS_ID].map(|name| header(headers, name));
        let (source, id) = (source?.unwrap_or_default(), id?.unwrap_or_default());
        let refused = |why| Refusal::BadRequest(format!("the id of the CloudEvent cannot be used: {why}"));
        return cloudevents::event_id(&source, &id).map(Some).map_err(refused);
    }
    let name = others.iter().find(|name| headers.contains_key(*name));
    name.map_or(Ok(None), |name| header(headers, name))
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

/// Why a document is refused that is not JSON.
pub(crate) fn not_json(what: &str, error: &serde_json::Error) -> Refusal {
    Refusal::BadRequest(why_not_json(what, error))
}

fn why_not_json(what: &str, error: &serde_json::Error) -> String {
    let why = error.to_string();
    // The parser's own message describes its implementation.
    if why.starts_with("recursion limit exceeded") {
        return format!("objects and arrays of {what} are nested deeper than 127");
    }
    format!("{what} is not JSON: {why}")
}

/// Returns the id of an item of a list that has none of its own: that of the request, and its place.
pub(crate) fn of_item(request: &str, place: usize) -> Result<String, Refusal> {
    let id = format!("{request}#{place}");
    let too_long = || {
        Refusal::BadRequest(format!(
            "the event id in a header of a list of events must have at most {ID_OF_LIST_BYTES_MAX} bytes"
        ))
    };
    is_event_id(&id).then_some(id).ok_or_else(too_long)
}

/// What is left of an event id when a place is appended to it, in bytes.
const ID_OF_LIST_BYTES_MAX: usize = 250;

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
