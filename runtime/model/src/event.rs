//! What an ingress takes in, and the batch of it that a source component sees.

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::now_ms;
use crate::columns::{Attributes, Blobs, ColumnError, Labels, Origins, Payloads, Rejection};

/// One event from the outside world, not yet confirmed to its sender.
#[derive(Debug, Clone)]
pub struct Event {
    /// The endpoint it came through: for HTTP, its configured path.
    pub endpoint: Arc<str>,
    /// The sender's id for it, or one minted at ingress. Satisfies [`crate::identity::is_event_id`].
    pub id: String,
    /// What was sent, decompressed.
    pub payload: Bytes,
    /// Media type that the sender claimed; empty if none.
    pub content_type: String,
    /// Key that the transport gave.
    pub key: Option<Bytes>,
    /// When it arrived, in milliseconds since 1970-01-01 UTC.
    pub received_ms: u64,
    /// What the transport knows: for HTTP `method`, `path`, `query`, `client-ip`.
    pub attributes: Vec<(String, String)>,
    /// Headers, names in lower case, without those that carry credentials.
    pub headers: Vec<(String, String)>,
    /// W3C `traceparent` of the span that took it in.
    pub traceparent: Option<String>,
    /// Why no component is asked about it. The endpoint's `on_invalid` decides what becomes of it, as of data that a component
    /// refuses.
    pub refusal: Option<Box<EventRefusal>>,
}

/// Why an event is refused by the source that it comes through: it cannot be read, or is over a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRefusal {
    /// What is wrong with it, and what to do.
    pub error: String,
    /// Whether the event has the payload that was sent. Otherwise it is empty, and there is nothing to try again.
    pub has_payload: bool,
}

impl Event {
    /// An event with this id and JSON, which arrives now; nothing else is known of it.
    pub fn json(endpoint: impl Into<Arc<str>>, id: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            endpoint: endpoint.into(),
            id: id.into(),
            payload: payload.into(),
            content_type: "application/json".to_owned(),
            key: None,
            received_ms: now_ms(),
            attributes: Vec::new(),
            headers: Vec::new(),
            traceparent: None,
            refusal: None,
        }
    }
}

/// n events as columns, as `wit/source.wit` defines them. Columns that the component did not ask for are empty.
#[derive(Debug, Clone, Default)]
pub struct EventBatch {
    /// Endpoint of each.
    pub endpoints: Labels,
    /// Payload of each.
    pub payloads: Blobs,
    /// Id of each, or empty.
    pub ids: Blobs,
    /// Key of each, or empty.
    pub keys: Blobs,
    /// Media type of each, or empty.
    pub content_types: Labels,
    /// Arrival of each, in milliseconds since 1970-01-01 UTC, or empty.
    pub received_ms: Vec<u64>,
    /// Attributes of each, or empty.
    pub attributes: Attributes,
    /// Headers of each, or empty.
    pub headers: Attributes,
}

impl EventBatch {
    /// Columns for what the component wants of these events.
    pub fn from_events<'a>(events: impl IntoIterator<Item = &'a Event>, wants: &Interests) -> Self {
        let mut batch = Self::default();
        for event in events {
            batch.endpoints.push(&event.endpoint);
            batch.payloads.push(&event.payload);
            if wants.ids {
                batch.ids.push(event.id.as_bytes());
            }
            if wants.keys {
                batch.keys.push(event.key.as_deref().unwrap_or_default());
            }
            if wants.content_types {
                batch.content_types.push(&event.content_type);
            }
            if wants.times {
                batch.received_ms.push(event.received_ms);
            }
            if wants.attributes {
                batch
                    .attributes
                    .push(event.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            }
            if wants.headers {
                batch
                    .headers
                    .push(event.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            }
        }
        batch
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which columns a component asked for at `initialize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interests {
    /// `ids`.
    pub ids: bool,
    /// `keys`.
    pub keys: bool,
    /// `attributes`.
    pub attributes: bool,
    /// `headers`.
    pub headers: bool,
    /// `content-types`.
    pub content_types: bool,
    /// `received` or `publish-times`.
    pub times: bool,
    /// `producers`.
    pub producers: bool,
    /// `schemas`.
    pub schemas: bool,
    /// `orders`.
    pub orders: bool,
    /// `order-bytes`: `orders` in a form that keeps 64 bits where an engine's numbers have 53.
    pub order_bytes: bool,
    /// `texts`.
    pub texts: bool,
}

impl Interests {
    /// From the names a component returned; names that are not known are ignored.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut wants = Self::default();
        for name in names {
            match name {
                "ids" => wants.ids = true,
                "keys" => wants.keys = true,
                "attributes" => wants.attributes = true,
                "headers" => wants.headers = true,
                "content-types" => wants.content_types = true,
                "received" | "publish-times" => wants.times = true,
                "producers" => wants.producers = true,
                "schemas" => wants.schemas = true,
                "orders" => wants.orders = true,
                "order-bytes" => (wants.orders, wants.order_bytes) = (true, true),
                "texts" => wants.texts = true,
                _ => {}
            }
        }
        wants
    }
}

/// What a waiting HTTP caller is answered instead of the host's own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The event, by its place in the batch.
    pub origin: u32,
    /// HTTP status, 200 to 499.
    pub status: u16,
    /// Media type of `body`.
    pub content_type: String,
    /// At most [`Answer::BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

impl Answer {
    /// Longest body, in bytes.
    pub const BODY_BYTES_MAX: usize = 64 << 10;
}

/// n records as a source component returned them. Trusted only after [`RecordBatch::check`].
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    /// Topic of each.
    pub topics: Labels,
    /// Payload of each.
    pub payloads: Payloads,
    /// Events of each.
    pub origins: Origins,
    /// Event id of each, or empty.
    pub ids: Blobs,
    /// Key of each, or empty.
    pub keys: Blobs,
    /// Attributes of each, or empty.
    pub attributes: Attributes,
    /// Refused events.
    pub rejected: Vec<Rejection>,
    /// Answers for waiting callers.
    pub answers: Vec<Answer>,
}

impl RecordBatch {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every rule of `wit/source.wit` that the types do not carry, for an answer to `inputs` events. After `Ok`, every
    /// accessor of every column is in range.
    pub fn check(&self, inputs: usize) -> Result<(), ColumnError> {
        self.topics.check("topics")?;
        let n = self.topics.len();
        self.payloads.check("payloads", n, inputs)?;
        self.origins.check("origins", n, inputs)?;
        self.ids
            .check_optional_text("ids", n, crate::identity::EVENT_ID_BYTES_MAX)?;
        self.keys.check_optional("keys", n)?;
        self.attributes.check_optional("attributes", n)?;
        Rejection::check_all(&self.rejected, inputs)?;
        let mut answered = vec![false; inputs];
        for answer in &self.answers {
            let seen = answered.get_mut(answer.origin as usize).ok_or_else(|| {
                ColumnError::new("answers", format!("event {} of {inputs} was not given", answer.origin))
            })?;
            if std::mem::replace(seen, true) {
                return Err(ColumnError::new(
                    "answers",
                    format!("event {} has two answers", answer.origin),
                ));
            }
            if !(200..=499).contains(&answer.status) {
                return Err(ColumnError::new(
                    "answers",
                    format!("status {} is not within 200 to 499", answer.status),
                ));
            }
            if answer.body.len() > Answer::BODY_BYTES_MAX {
                return Err(ColumnError::new(
                    "answers",
                    format!(
                        "a body of {} bytes is over {}",
                        answer.body.len(),
                        Answer::BODY_BYTES_MAX
                    ),
                ));
            }
            if answer.content_type.len() > 256 || !answer.content_type.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                return Err(ColumnError::new(
                    "answers",
                    "a content type is not printable ASCII of at most 256 bytes".to_owned(),
                ));
            }
        }
        Ok(())
    }
}
