//! A record on its way to a topic, and what one event may become.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;

use super::{Event, Reply};
use crate::{Error, Result, one_or_many::OneOrMany, payload::Payload};

/// A record to publish. May borrow from its event and its connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord<'a> {
    pub(super) topic: Cow<'a, str>,
    pub(super) payload: Payload<'a>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) key: Option<Cow<'a, [u8]>>,
    pub(super) attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> SourceRecord<'a> {
    /// A JSON value.
    pub fn new(topic: impl Into<Cow<'a, str>>, payload: &serde_json::Value) -> Self {
        Self::with_payload(topic, Payload::New(payload.to_string().into_bytes().into()))
    }

    /// Any value as JSON. [`Error::InvalidData`] if it cannot be spelled as JSON.
    pub fn from_json(topic: impl Into<Cow<'a, str>>, value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        Ok(Self::with_payload(topic, Payload::New(bytes.into())))
    }

    /// A text, as a JSON string.
    pub fn from_string(topic: impl Into<Cow<'a, str>>, text: impl Into<String>) -> Self {
        Self::new(topic, &json!(text.into()))
    }

    /// A number, as JSON. [`Error::InvalidData`] if it is none that JSON has, such as infinity.
    pub fn from_number(topic: impl Into<Cow<'a, str>>, number: impl Serialize) -> Result<Self> {
        let value = serde_json::to_value(number)?;
        if !value.is_number() {
            return Err(Error::invalid_data(format!("{value} is not a number of JSON")));
        }
        Ok(Self::new(topic, &value))
    }

    /// Bytes as they are, for a topic whose schema is not a JSON one, or JSON text that is ready.
    pub fn from_bytes(topic: impl Into<Cow<'a, str>>, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::with_payload(topic, Payload::New(bytes.into()))
    }

    /// The event's own payload, unchanged. It does not cross the sandbox again.
    pub fn forward(topic: impl Into<Cow<'a, str>>, event: Event<'a>) -> Self {
        Self::with_payload(topic, Payload::input(event.place()))
    }

    /// With an event id that is better than the transport's, such as a payment provider's event id: the sender's
    /// retries then meet the same record. 1 to 256 bytes without control characters.
    pub fn with_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With a routing key: records of one key keep their order. An empty one is none.
    pub fn with_key(mut self, key: impl IntoKey<'a>) -> Self {
        self.key = Some(key.into_key());
        self
    }

    /// With an attribute. Names beginning with `x-danube-wasm-` are the host's and are dropped.
    pub fn with_attribute(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With attributes.
    pub fn with_attributes<N, V>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.attributes.extend(pairs);
        self
    }

    fn with_payload(topic: impl Into<Cow<'a, str>>, payload: Payload<'a>) -> Self {
        Self {
            topic: topic.into(),
            payload,
            id: None,
            key: None,
            attributes: Vec::new(),
        }
    }
}

/// What can be a routing key: text or bytes.
pub trait IntoKey<'a> {
    /// The key's bytes.
    fn into_key(self) -> Cow<'a, [u8]>;
}

impl<'a> IntoKey<'a> for &'a str {
    fn into_key(self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }
}

impl<'a> IntoKey<'a> for &'a String {
    fn into_key(self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }
}

impl<'a> IntoKey<'a> for String {
    fn into_key(self) -> Cow<'a, [u8]> {
        Cow::Owned(self.into_bytes())
    }
}

impl<'a> IntoKey<'a> for Cow<'a, str> {
    fn into_key(self) -> Cow<'a, [u8]> {
        match self {
            Cow::Borrowed(text) => text.into_key(),
            Cow::Owned(text) => text.into_key(),
        }
    }
}

impl<'a> IntoKey<'a> for &'a [u8] {
    fn into_key(self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self)
    }
}

impl<'a> IntoKey<'a> for Vec<u8> {
    fn into_key(self) -> Cow<'a, [u8]> {
        Cow::Owned(self)
    }
}

/// What one event became: `SourceRecord`, `Option<SourceRecord>`, `Vec<SourceRecord>`, [`Reply`] or `()` by `.into()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records<'a> {
    pub(super) records: OneOrMany<SourceRecord<'a>>,
    pub(super) reply: Option<Reply>,
}

impl Records<'_> {
    /// None: the event is filtered out, and its sender is told that all is well.
    pub const NONE: Self = Self {
        records: OneOrMany::None,
        reply: None,
    };

    /// With what its waiting HTTP caller is answered instead of the host's own answer.
    pub fn with_reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }
}

impl<'a> From<SourceRecord<'a>> for Records<'a> {
    fn from(record: SourceRecord<'a>) -> Self {
        Self {
            records: OneOrMany::One(record),
            reply: None,
        }
    }
}

impl<'a> From<Option<SourceRecord<'a>>> for Records<'a> {
    fn from(record: Option<SourceRecord<'a>>) -> Self {
        record.map_or(Self::NONE, Self::from)
    }
}

impl<'a> From<Vec<SourceRecord<'a>>> for Records<'a> {
    fn from(records: Vec<SourceRecord<'a>>) -> Self {
        Self {
            records: OneOrMany::Many(records),
            reply: None,
        }
    }
}

impl From<Reply> for Records<'_> {
    fn from(reply: Reply) -> Self {
        Self::NONE.with_reply(reply)
    }
}
