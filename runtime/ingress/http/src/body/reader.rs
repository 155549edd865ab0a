//! Reads a decompressed body as its format says, and finds ids and keys in it.

use bytes::{Buf, Bytes};
use danube_wasm_ingress_listener::Refusal;
use danube_wasm_settings::values::JsonPointer;
use http::HeaderMap;

use super::{Contents, Item, form, list};
use crate::{
    cloudevents::{self, CloudEvent, Mode},
    content::BodyFormat,
    event_id::EventIdSource,
    event_limit::EventLimit,
    key,
    recent_ids::Digester,
};

/// Some senders put it before the text. It is not JSON, and parsers may ignore it (RFC 8259, section 8.1); neither components
/// nor schemas do.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const JSON: Option<&str> = Some("application/json");

/// What to find in a body.
pub(crate) struct BodyReader {
    pub(crate) format: BodyFormat,
    /// Of a body's only event.
    pub(crate) limit: EventLimit,
    /// Of each event of a list.
    pub(crate) limit_of_each: EventLimit,
    pub(crate) event_id: EventIdSource,
    pub(crate) key: Option<JsonPointer>,
    pub(crate) digester: Option<Digester>,
    /// Whether what cannot be read of a list is an event all the same, which is refused as others are.
    pub(crate) keeps_refused: bool,
    /// For CloudEvents in the binary mode.
    pub(crate) headers: HeaderMap,
}

impl BodyReader {
    /// Reads a body.
    pub(crate) fn read(&self, body: Bytes) -> Result<Contents, Refusal> {
        let contents = self.contents(body)?;
        if let Contents::One(item) = &contents {
            self.limit.check(item.payload.len()).map_err(Refusal::EventTooLarge)?;
        }
        Ok(contents)
    }

    fn contents(&self, mut body: Bytes) -> Result<Contents, Refusal> {
        let is_text = self.format != BodyFormat::Bytes { is_json: false };
        if is_text && body.starts_with(BYTE_ORDER_MARK) {
            body.advance(BYTE_ORDER_MARK.len());
        }
        match self.format {
            BodyFormat::Json => self.document(body, None).map(Contents::One),
            BodyFormat::NamedOtherwise => self.document(body, JSON).map(Contents::One),
            BodyFormat::Bytes { .. } => Ok(Contents::One(self.bytes(body))),
            BodyFormat::Text => match std::str::from_utf8(&body) {
                Ok(_) => Ok(Contents::One(self.bytes(body))),
                Err(error) => Err(not_utf8(error.valid_up_to())),
            },
            BodyFormat::Form => self.document(form::to_json(&body)?, JSON).map(Contents::One),
            BodyFormat::Ndjson => Ok(self.each(list::lines(&body)?, |line| self.item(line, JSON))),
            BodyFormat::JsonList => match list::items(&body)? {
                Some(items) => Ok(self.each(items, |item| self.item(item, JSON))),
                None => self.document(body, None).map(Contents::One),
            },
            BodyFormat::CloudEvents(mode) => self.cloudevents(mode, body),
        }
    }

    fn cloudevents(&self, mode: Mode, body: Bytes) -> Result<Contents, Refusal> {
        let refused = |why| Refusal::BadRequest(format!("the CloudEvent cannot be read: {why}"));
        match mode {
            Mode::Structured => self.structured(body).map(Contents::One).map_err(refused),
            Mode::Binary => self.binary(&body).map(Contents::One).map_err(refused),
            Mode::Batched => {
                let not_a_batch = || Refusal::BadRequest("a batch of CloudEvents is a JSON array".to_owned());
                let items = list::items(&body)?.ok_or_else(not_a_batch)?;
                Ok(self.each(items, |item| self.structured(item)))
            }
        }
    }

    fn structured(&self, object: Bytes) -> Result<Item, String> {
        // First: it bounds how deep the object is.
        let item = self.item(object, Some(cloudevents::MEDIA_TYPE))?;
        let event = cloudevents::from_document(&item.payload)?;
        Ok(self.with_attributes(event, item))
    }

    fn binary(&self, data: &[u8]) -> Result<Item, String> {
        let (event, object) = cloudevents::from_headers(&self.headers, data)?;
        let item = self.item(object, Some(cloudevents::MEDIA_TYPE))?;
        Ok(self.with_attributes(event, item))
    }

    /// Its id is its own, unless the endpoint says where another one is.
    fn with_attributes(&self, event: CloudEvent, item: Item) -> Item {
        let own = matches!(self.event_id, EventIdSource::WellKnown).then_some(event.id);
        Item {
            id: item.id.or(own),
            headers: event.headers,
            ..item
        }
    }

    /// A body that is one JSON document.
    fn document(&self, payload: Bytes, media_type: Option<&'static str>) -> Result<Item, Refusal> {
        let id = self
            .event_id
            .in_body(&payload, "the body")
            .map_err(Refusal::BadRequest)?;
        Ok(Item {
            id,
            media_type,
            ..self.bytes(payload)
        })
    }

    /// A JSON document among others.
    fn item(&self, payload: Bytes, media_type: Option<&'static str>) -> Result<Item, String> {
        let id = self.event_id.in_body(&payload, "the event")?;
        Ok(Item {
            id,
            media_type,
            ..self.bytes(payload)
        })
    }

    /// Reads each of them. What is wrong with any of them is wrong with the request, unless it is kept.
    fn each(&self, parts: Vec<Bytes>, read: impl Fn(Bytes) -> Result<Item, String>) -> Contents {
        let (mut items, mut broken) = (Vec::with_capacity(parts.len()), Vec::new());
        for (place, part) in parts.into_iter().enumerate() {
            match self.limit_of_each.check(part.len()).and_then(|()| read(part.clone())) {
                Ok(item) => items.push(item),
                Err(why) if self.keeps_refused => items.push(Item {
                    refused: Some(why),
                    ..self.bytes(part)
                }),
                Err(why) => broken.push((place, why)),
            }
        }
        match broken.is_empty() {
            true => Contents::List(items),
            false => Contents::Broken(broken),
        }
    }

    /// What need not be JSON.
    fn bytes(&self, payload: Bytes) -> Item {
        let key = self.key.as_ref();
        Item {
            key: key.and_then(|pointer| key::find(&payload, pointer.steps())),
            digest: self.digester.as_ref().map(|digester| digester.digest(&payload)),
            payload,
            ..Item::default()
        }
    }
}

fn not_utf8(at: usize) -> Refusal {
    Refusal::BadRequest(format!(
        "the body is not UTF-8 from its byte {at} on: text is sent here in UTF-8"
    ))
}
