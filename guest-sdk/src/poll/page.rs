//! What a source fetched, on its way to the host.

use std::{borrow::Cow, time::Duration};

use super::millis;
use crate::{
    bindings::{poller::Page, types::Blobs},
    columns::write::{NO_BLOBS, OptionalBlobs, OptionalPairs, push_blob},
};

/// Takes the events of one fetch, in the order in which they are to be published.
#[derive(Debug)]
pub struct PageBuilder {
    payloads: Blobs,
    ids: OptionalBlobs,
    keys: OptionalBlobs,
    attributes: OptionalPairs,
    again_after: Option<Duration>,
}

/// An event that was fetched.
#[derive(Debug, Clone, Default)]
pub struct PolledEvent<'a> {
    payload: Cow<'a, [u8]>,
    id: Cow<'a, str>,
    key: Cow<'a, [u8]>,
    attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> PolledEvent<'a> {
    /// An event with this payload, whose id the host makes from it: events of equal payloads are one.
    pub fn new(payload: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            payload: payload.into(),
            ..Self::default()
        }
    }

    /// Its id, the same however often it is fetched: 1 to 256 bytes without control characters.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = id.into();
        self
    }

    /// Its routing key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Cow<'a, [u8]>>) -> Self {
        self.key = key.into();
        self
    }

    /// One more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }
}

impl PageBuilder {
    pub(crate) fn new() -> Self {
        Self {
            payloads: NO_BLOBS,
            ids: OptionalBlobs::EMPTY,
            keys: OptionalBlobs::EMPTY,
            attributes: OptionalPairs::EMPTY,
            again_after: None,
        }
    }

    /// Number of events so far.
    pub fn len(&self) -> usize {
        self.payloads.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of payloads so far.
    pub fn bytes(&self) -> usize {
        self.payloads.bytes.len()
    }

    /// One more event.
    pub fn push(&mut self, event: PolledEvent<'_>) {
        let place = self.len();
        push_blob(&mut self.payloads, &event.payload);
        if !event.id.is_empty() {
            self.ids.set(place, event.id.as_bytes());
        }
        if !event.key.is_empty() {
            self.keys.set(place, &event.key);
        }
        if !event.attributes.is_empty() {
            let pairs = event.attributes.iter().map(|(name, value)| (&**name, &**value));
            self.attributes.set(place, pairs);
        }
    }

    /// Fetch again after this long instead of the interval of the pipeline file: at once, where there is more.
    pub fn again_after(&mut self, after: Duration) {
        self.again_after = Some(after);
    }

    pub(crate) fn finish(self) -> Page {
        let n = self.len();
        Page {
            payloads: self.payloads,
            ids: self.ids.finish(n),
            keys: self.keys.finish(n),
            attributes: self.attributes.finish(n),
            again_after_ms: self.again_after.map(millis),
            extra: Vec::new(),
        }
    }
}
