//! Inputs: an event for a source, or a message for a sink, one of a line.

use std::sync::Arc;

use danube_wasm_model::{
    event::{Event, EventBatch, Interests},
    message::MessageBatch,
};
use serde_json::{Map, Value, json};

use crate::{content, read::Fields};

/// The time at which every case runs, unless it says otherwise: 2026-01-01 00:00:00 UTC, in milliseconds.
pub const NOW_MS: u64 = 1_767_225_600_000;

/// One input. What is not of its role stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// The endpoint of an event, or the topic of a message; empty for the first that is configured.
    pub place: String,
    /// What was sent.
    pub payload: Vec<u8>,
    /// Its id; `None` for one by its place: `input-0`.
    pub id: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Media type of an event.
    pub content_type: String,
    /// When it arrived or was published, in milliseconds since 1970-01-01 UTC; `None` for the case's time and its place.
    pub time_ms: Option<u64>,
    /// Attributes.
    pub attributes: Vec<(String, String)>,
    /// Headers of an event.
    pub headers: Vec<(String, String)>,
    /// Producer of a message.
    pub producer: String,
    /// `subject@version` of a message.
    pub schema: String,
    /// Order of a message; `None` for its place from 1.
    pub order: Option<u64>,
}

/// Keys of an event.
pub(crate) const EVENT_KEYS: [&str; 10] = [
    "endpoint",
    "payload",
    "text",
    "base64",
    "id",
    "key",
    "content_type",
    "headers",
    "attributes",
    "received_ms",
];
/// Keys of a message.
pub(crate) const MESSAGE_KEYS: [&str; 11] = [
    "topic",
    "payload",
    "text",
    "base64",
    "id",
    "key",
    "attributes",
    "published_ms",
    "producer",
    "schema",
    "order",
];

impl Input {
    /// An input with these bytes.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: payload.into(),
            ..Self::default()
        }
    }

    /// An event of a line, or what is wrong with it.
    pub(crate) fn event(line: &str) -> Result<Self, Vec<String>> {
        let mut fields = Fields::parse(line).map_err(|wrong| vec![wrong])?;
        let input = Self {
            place: fields.text("endpoint").unwrap_or_default(),
            payload: content::take(&mut fields, true),
            id: fields.text("id"),
            key: content::key(&mut fields),
            content_type: fields.text("content_type").unwrap_or_default(),
            time_ms: fields.number("received_ms"),
            attributes: fields.pairs("attributes").unwrap_or_default(),
            headers: lower(fields.pairs("headers").unwrap_or_default()),
            ..Self::default()
        };
        checked(input, fields.finish(&EVENT_KEYS))
    }

    /// A message of a line, or what is wrong with it.
    pub(crate) fn message(line: &str) -> Result<Self, Vec<String>> {
        let mut fields = Fields::parse(line).map_err(|wrong| vec![wrong])?;
        let input = Self {
            place: fields.text("topic").unwrap_or_default(),
            payload: content::take(&mut fields, true),
            id: fields.text("id"),
            key: content::key(&mut fields),
            time_ms: fields.number("published_ms"),
            attributes: fields.pairs("attributes").unwrap_or_default(),
            producer: fields.text("producer").unwrap_or_default(),
            schema: fields.text("schema").unwrap_or_default(),
            order: fields.number("order"),
            ..Self::default()
        };
        checked(input, fields.finish(&MESSAGE_KEYS))
    }

    /// As a line of `events.jsonl`.
    pub(crate) fn to_line(&self, is_event: bool) -> String {
        let (place, time) = if is_event {
            ("endpoint", "received_ms")
        } else {
            ("topic", "published_ms")
        };
        let mut line = Map::new();
        let mut text = |key: &str, text: &str| {
            if !text.is_empty() {
                line.insert(key.to_owned(), json!(text));
            }
        };
        text(place, &self.place);
        text("id", self.id.as_deref().unwrap_or_default());
        text("content_type", &self.content_type);
        text("producer", &self.producer);
        text("schema", &self.schema);
        let (name, value) = content::shown(&self.payload);
        // As it was sent: JSON that is written otherwise would be another sample.
        let (name, value) = match (name, value) {
            ("payload", value) if value.to_string().as_bytes() != self.payload => {
                ("text", json!(String::from_utf8_lossy(&self.payload)))
            }
            shown => shown,
        };
        line.insert(name.to_owned(), value);
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                line.insert(key.to_owned(), value);
            }
        };
        set("key", self.key.as_deref().map(content::shown_key));
        set(time, self.time_ms.map(|ms| json!(ms)));
        set("order", self.order.map(|order| json!(order)));
        set("attributes", pairs(&self.attributes));
        set("headers", pairs(&self.headers));
        Value::Object(line).to_string()
    }
}

fn lower(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect()
}

fn checked(input: Input, wrong: Vec<String>) -> Result<Input, Vec<String>> {
    match wrong.is_empty() {
        true => Ok(input),
        false => Err(wrong),
    }
}

/// Pairs as an object; a name that comes several times has a list.
pub(crate) fn pairs<N: AsRef<str>>(pairs: &[(N, N)]) -> Option<Value> {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        let value = json!(value.as_ref());
        match object.get_mut(name.as_ref()) {
            None => {
                object.insert(name.as_ref().to_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Some(Value::Object(object)).filter(|_| !pairs.is_empty())
}

/// The inputs of a call, with what they are given where they do not say: their place in the whole case goes with them, so that
/// a part of a batch has the ids, times and orders that it has in the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults<'a> {
    /// The endpoint or topic of inputs that name none.
    pub(crate) place: &'a str,
    /// The time of the first input.
    pub(crate) now_ms: u64,
}

impl Defaults<'_> {
    fn id(&self, i: usize, input: &Input) -> String {
        input.id.clone().unwrap_or_else(|| format!("input-{i}"))
    }

    fn place<'a>(&'a self, input: &'a Input) -> &'a str {
        if input.place.is_empty() {
            self.place
        } else {
            &input.place
        }
    }

    fn time_ms(&self, i: usize, input: &Input) -> u64 {
        input.time_ms.unwrap_or(self.now_ms.saturating_add(number(i)))
    }

    /// Columns for a source.
    pub(crate) fn events(&self, inputs: &[(usize, &Input)], wants: &Interests) -> EventBatch {
        let events: Vec<_> = inputs.iter().map(|(i, input)| self.event(*i, input)).collect();
        EventBatch::from_events(&events, wants)
    }

    fn event(&self, i: usize, input: &Input) -> Event {
        Event {
            endpoint: Arc::from(self.place(input)),
            id: self.id(i, input),
            payload: input.payload.clone().into(),
            content_type: input.content_type.clone(),
            key: input.key.clone().map(Into::into),
            received_ms: self.time_ms(i, input),
            attributes: input.attributes.clone(),
            headers: input.headers.clone(),
            traceparent: None,
            refusal: None,
        }
    }

    /// Columns for a sink.
    pub(crate) fn messages(&self, inputs: &[(usize, &Input)], wants: &Interests) -> MessageBatch {
        let mut batch = MessageBatch::default();
        for (i, input) in inputs {
            self.push(&mut batch, *i, input, wants);
        }
        batch
    }

    fn push(&self, batch: &mut MessageBatch, i: usize, input: &Input, wants: &Interests) {
        batch.topics.push(self.place(input));
        batch.payloads.push(&input.payload);
        if wants.ids {
            batch.ids.push(self.id(i, input).as_bytes());
        }
        if wants.keys {
            batch.keys.push(input.key.as_deref().unwrap_or_default());
        }
        if wants.times {
            batch.publish_times_ms.push(self.time_ms(i, input));
        }
        if wants.producers {
            batch.producers.push(&input.producer);
        }
        if wants.schemas {
            batch.schemas.push(&input.schema);
        }
        if wants.attributes {
            let attributes = input.attributes.iter();
            batch
                .attributes
                .push(attributes.map(|(name, value)| (name.as_str(), value.as_str())));
        }
        if wants.orders {
            batch.orders.push(input.order.unwrap_or(number(i) + 1));
        }
    }
}

fn number(i: usize) -> u64 {
    u64::try_from(i).unwrap_or(u64::MAX - 1)
}
