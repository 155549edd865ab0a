//! Events as the host sent them: views that copy nothing.

use std::ops::Range;

use serde::Deserialize;

use crate::{
    Error, Result,
    bindings::source::EventBatch,
    columns::{read, write::u32_of},
};

/// A batch of events, in the order of their arrival.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(&'a EventBatch);

impl<'a> Events<'a> {
    pub(crate) fn new(batch: &'a EventBatch) -> Self {
        Self(batch)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.payloads.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after another.
    pub fn iter(&self) -> EventIter<'a> {
        EventIter {
            batch: self.0,
            places: 0..self.len(),
        }
    }
}

impl<'a> IntoIterator for Events<'a> {
    type Item = Event<'a>;
    type IntoIter = EventIter<'a>;

    fn into_iter(self) -> EventIter<'a> {
        self.iter()
    }
}

/// Events, one after another.
#[derive(Debug, Clone)]
pub struct EventIter<'a> {
    batch: &'a EventBatch,
    places: Range<usize>,
}

impl<'a> Iterator for EventIter<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let batch = self.batch;
        self.places.next().map(|at| Event { batch, at })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl ExactSizeIterator for EventIter<'_> {}

/// One event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    batch: &'a EventBatch,
    at: usize,
}

impl<'a> Event<'a> {
    /// The endpoint it came through; for HTTP, its path as configured.
    pub fn endpoint(&self) -> &'a str {
        read::label(&self.batch.endpoints, self.at)
    }

    /// What was sent.
    pub fn payload(&self) -> &'a [u8] {
        read::blob(&self.batch.payloads, self.at)
    }

    /// What was sent, as text. [`Error::InvalidData`] if it is not UTF-8.
    pub fn text(&self) -> Result<&'a str> {
        std::str::from_utf8(self.payload()).map_err(|_| Error::invalid_data("the body is not UTF-8"))
    }

    /// What was sent, as JSON. [`Error::InvalidData`] if it is not.
    pub fn json(&self) -> Result<serde_json::Value> {
        self.as_type()
    }

    /// What was sent, as a type that may borrow from it. [`Error::InvalidData`] if it does not fit.
    pub fn as_type<T: Deserialize<'a>>(&self) -> Result<T> {
        Ok(serde_json::from_slice(self.payload())?)
    }

    /// Its id: the sender's where the endpoint says where to find it, else minted by the host.
    pub fn id(&self) -> &'a str {
        read::text(&self.batch.ids, self.at)
    }

    /// The key that the transport gave.
    pub fn key(&self) -> Option<&'a [u8]> {
        Some(read::blob(&self.batch.keys, self.at)).filter(|key| !key.is_empty())
    }

    /// The media type that the sender claimed, such as `application/json`; empty if none.
    pub fn content_type(&self) -> &'a str {
        read::label(&self.batch.content_types, self.at)
    }

    /// When it arrived, in milliseconds since 1970-01-01 UTC.
    pub fn received(&self) -> u64 {
        self.batch.received.get(self.at).copied().unwrap_or(0)
    }

    /// What the transport knows under this name: for HTTP `method`, `path`, `query`, `client-ip`.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        read::pair(&self.batch.attributes, self.at, name)
    }

    /// All that the transport knows.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        read::pairs(&self.batch.attributes, self.at)
    }

    /// A header that the sender set, by its name in lower case; the first, if there are several. Headers that carry
    /// credentials are not given.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        read::pair(&self.batch.headers, self.at, name)
    }

    /// All headers that are given, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        read::pairs(&self.batch.headers, self.at)
    }

    pub(crate) fn place(&self) -> u32 {
        u32_of(self.at)
    }
}
