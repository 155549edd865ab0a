//! A source in a test.

use super::{Refused, read_back};
use crate::{
    Column, PollingSource, ProducerConfig, Result, SourceConnector,
    bindings::{
        poller,
        source::{EventBatch, RecordBatch},
        types::Configuration,
    },
    columns::{
        read,
        write::{NO_ATTRIBUTES, NO_BLOBS, NO_LABELS, push_blob, push_label, push_pairs},
    },
    export::SourceSlot,
};

/// A source connector, ready to be called. Its connector's name is `under-test`.
#[derive(Debug)]
pub struct SourceHarness<C> {
    slot: SourceSlot<C>,
    wants: Vec<String>,
}

/// An event to give it.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// [`Event::endpoint`](crate::Event::endpoint).
    pub endpoint: String,
    /// [`Event::payload`](crate::Event::payload).
    pub payload: Vec<u8>,
    /// [`Event::id`](crate::Event::id).
    pub id: String,
    /// [`Event::key`](crate::Event::key); empty for none.
    pub key: Vec<u8>,
    /// [`Event::content_type`](crate::Event::content_type).
    pub content_type: String,
    /// [`Event::received`](crate::Event::received), in milliseconds.
    pub received: u64,
    /// [`Event::attributes`](crate::Event::attributes).
    pub attributes: Vec<(String, String)>,
    /// [`Event::headers`](crate::Event::headers).
    pub headers: Vec<(String, String)>,
}

impl Incoming {
    /// An event with an endpoint and a payload, nothing else.
    pub fn new(endpoint: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            endpoint: endpoint.into(),
            payload: payload.into(),
            ..Self::default()
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// Records to publish.
    pub records: Vec<Published>,
    /// Events that were refused.
    pub refused: Vec<Refused>,
    /// Answers for waiting callers.
    pub answers: Vec<Answered>,
}

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Whether the payload is an event's own, which did not cross the sandbox again.
    pub forwarded: bool,
    /// The events it came from, by their places.
    pub origins: Vec<usize>,
    /// Its event id, where the connector gave one.
    pub id: Option<String>,
    /// Its routing key.
    pub key: Option<String>,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
}

impl Published {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut pairs = self.attributes.iter();
        pairs.find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// An answer for a waiting caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The event, by its place.
    pub origin: usize,
    /// HTTP status.
    pub status: u16,
    /// Media type of `body`.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// An event that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedEvent {
    /// Its payload.
    pub payload: Vec<u8>,
    /// Its id; empty where the host makes it.
    pub id: String,
    /// Its routing key; empty for none.
    pub key: Vec<u8>,
}

/// What a fetch gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPage {
    /// The events, in their order.
    pub events: Vec<FetchedEvent>,
    /// When to fetch again, if it says so.
    pub again_after_ms: Option<u32>,
}

impl<C: PollingSource> SourceHarness<C> {
    /// Fetches. [`state`](crate::state) is this thread's, and [`http`](crate::http) what the test answers.
    pub fn fetch(&mut self, events: u32, bytes: u32) -> Result<FetchedPage> {
        let page = self
            .slot
            .fetch(poller::Room { events, bytes })
            .map_err(read_back::error)?;
        let event = |at| FetchedEvent {
            payload: read::blob(&page.payloads, at).to_vec(),
            id: read::text(&page.ids, at).to_owned(),
            key: read::blob(&page.keys, at).to_vec(),
        };
        Ok(FetchedPage {
            events: (0..page.payloads.ends.len()).map(event).collect(),
            again_after_ms: page.again_after_ms,
        })
    }
}

impl<C: SourceConnector> SourceHarness<C> {
    /// Initializes a connector with these settings, JSON text.
    pub fn new(settings: &str) -> Result<Self> {
        let slot = SourceSlot::new();
        let config = Configuration {
            connector: "under-test".to_owned(),
            settings: settings.to_owned(),
        };
        let wants = slot.initialize(config).map_err(read_back::error)?;
        Ok(Self { slot, wants })
    }

    /// The topics it publishes to.
    pub fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        let configs = self.slot.producer_configs().map_err(read_back::error)?;
        let config = |config: crate::bindings::types::ProducerConfig| ProducerConfig {
            topic: config.topic,
            partitions: config.partitions,
            reliable_dispatch: config.reliable_dispatch,
        };
        Ok(configs.into_iter().map(config).collect())
    }

    /// Gives it a batch.
    pub fn poll(&mut self, events: &[Incoming]) -> Result<Polled> {
        let batch = self.columns(events);
        let made = self.slot.poll(&batch).map_err(read_back::error)?;
        Ok(Polled::read(made, events))
    }

    fn columns(&self, events: &[Incoming]) -> EventBatch {
        let wants = |column: Column| self.wants.iter().any(|name| name == column.name());
        let mut batch = EventBatch {
            endpoints: NO_LABELS,
            payloads: NO_BLOBS,
            ids: NO_BLOBS,
            keys: NO_BLOBS,
            content_types: NO_LABELS,
            received: Vec::new(),
            attributes: NO_ATTRIBUTES,
            headers: NO_ATTRIBUTES,
            extra: Vec::new(),
        };
        for event in events {
            push_label(&mut batch.endpoints, &event.endpoint);
            push_blob(&mut batch.payloads, &event.payload);
            if wants(Column::Ids) {
                push_blob(&mut batch.ids, event.id.as_bytes());
            }
            if wants(Column::Keys) {
                push_blob(&mut batch.keys, &event.key);
            }
            if wants(Column::ContentTypes) {
                push_label(&mut batch.content_types, &event.content_type);
            }
            if wants(Column::Received) {
                batch.received.push(event.received);
            }
            if wants(Column::Attributes) {
                push_pairs(&mut batch.attributes, borrowed(&event.attributes));
            }
            if wants(Column::Headers) {
                push_pairs(&mut batch.headers, borrowed(&event.headers));
            }
        }
        batch
    }
}

impl Polled {
    fn read(batch: RecordBatch, events: &[Incoming]) -> Self {
        let n = batch.topics.index.len();
        let payloads = read_back::payloads(&batch.payloads, n, |input| &events[input].payload);
        let record = |(i, payload)| Published {
            topic: read::label(&batch.topics, i).to_owned(),
            payload,
            forwarded: batch.payloads.reuse.get(i).is_some_and(|k| *k > 0),
            origins: read_back::origins(&batch.origins, i),
            id: read_back::optional(read::blob(&batch.ids, i)),
            key: read_back::optional(read::blob(&batch.keys, i)),
            attributes: read::pairs(&batch.attributes, i)
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        Self {
            records: payloads.into_iter().enumerate().map(record).collect(),
            refused: read_back::refused(batch.rejected),
            answers: batch
                .answers
                .into_iter()
                .map(|answer| Answered {
                    origin: answer.origin as usize,
                    status: answer.status,
                    content_type: answer.content_type,
                    body: answer.body,
                })
                .collect(),
        }
    }
}

pub(super) fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}
