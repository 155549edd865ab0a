//! From a request's body to its events.

mod form;
mod list;
mod reader;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use danube_wasm_model::event::{Event, EventRefusal};

pub(crate) use self::reader::BodyReader;
use crate::recent_ids::BodyDigest;

/// What a body holds.
#[derive(Debug)]
pub(crate) enum Contents {
    /// It is an event.
    One(Item),
    /// It is a list of events, which are taken together.
    List(Vec<Item>),
    /// It is a list, and these of its items are no events, each with the reason.
    Broken(Vec<(usize, String)>),
}

/// An event of a body, and what was found in it.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) payload: Bytes,
    /// Media type of the payload, where it is not that of the request.
    pub(crate) media_type: Option<&'static str>,
    /// The sender's id, if it is in the body.
    pub(crate) id: Option<String>,
    pub(crate) key: Option<Bytes>,
    pub(crate) digest: Option<BodyDigest>,
    /// Headers that it has besides those of the request.
    pub(crate) headers: Vec<(String, String)>,
    /// Why it is none that can be read, though it is kept.
    pub(crate) refused: Option<String>,
}

impl Item {
    /// As an event of this id, with what the head of its request says.
    pub(crate) fn into_event(self, mut head: Event, id: String) -> Event {
        if let Some(media_type) = self.media_type {
            media_type.clone_into(&mut head.content_type);
        }
        // In the binary mode the request has the same, encoded.
        head.headers
            .retain(|(name, _)| self.headers.iter().all(|(own, _)| own != name));
        head.headers.extend(self.headers);
        Event {
            id,
            payload: self.payload,
            key: self.key,
            refusal: self.refused.map(|error| {
                Box::new(EventRefusal {
                    error,
                    has_payload: true,
                })
            }),
            ..head
        }
    }
}
