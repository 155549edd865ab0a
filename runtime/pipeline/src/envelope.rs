//! The envelope of a dead letter, read back: [`crate::dead_letter`] writes it and lists its attributes.
//!
//! A dead letter may come from a broker that others write to, so nothing in it is trusted: what is missing or makes no sense
//! is [`None`].

use danube_wasm_broker::{Message, Outgoing, SchemaRef};
use danube_wasm_model::{
    RecordId, TopicName,
    event::Event,
    identity::{HOST_ATTRIBUTE_PREFIX, ORDER_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};

const PREFIX: &str = "dlq.";
const HEADER: &str = "dlq.header.";

/// A message of a dead-letter topic.
#[derive(Debug, Clone)]
pub struct Envelope(Message);

/// What a dead letter was made of.
#[derive(Debug, Clone)]
pub enum Input {
    /// A message, with its first publish time in milliseconds since 1970-01-01 UTC.
    Message {
        /// As it was published, but for the host's own attributes, of which it has its order.
        record: Box<Outgoing>,
        /// When it was published first.
        published_ms: u64,
    },
    /// An event that never became a record.
    Event(Box<Event>),
}

impl Envelope {
    /// Of a message as it was delivered.
    pub fn new(message: Message) -> Self {
        Self(message)
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.0
    }

    /// The attribute `dlq.<name>`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.0.attributes.iter();
        attributes
            .find(|(n, _)| n.strip_prefix(PREFIX) == Some(name))
            .map(|(_, value)| value.as_str())
    }

    /// The input's own attributes, without the envelope and what the host adds.
    pub fn own_attributes(&self) -> impl Iterator<Item = &(String, String)> {
        let attributes = self.0.attributes.iter();
        attributes.filter(|(name, _)| !name.starts_with(PREFIX) && !name.starts_with(HOST_ATTRIBUTE_PREFIX))
    }

    /// Headers of an event.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let attributes = self.0.attributes.iter();
        attributes.filter_map(|(name, value)| Some((name.strip_prefix(HEADER)?, value.as_str())))
    }

    /// The topic or the endpoint that the input came through; empty if it is not said.
    pub fn origin(&self) -> &str {
        self.attribute("origin").unwrap_or_default()
    }

    /// When it became a dead letter, in milliseconds since 1970-01-01 UTC: one that was moved says so itself.
    pub fn written_ms(&self) -> u64 {
        let mut attributes = self.0.attributes.iter();
        let moved = attributes.find(|(name, _)| name == PUBLISH_TIME_ATTRIBUTE);
        moved
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(self.0.publish_time_ms)
    }

    /// The input as it was; `None` if the envelope is none, or the input's payload was never read.
    pub fn input(&self) -> Option<Input> {
        if self.attribute("without-payload").is_some() {
            return None;
        }
        let id = self.attribute("id")?.to_owned();
        let attributes = self.own_attributes().cloned().collect();
        match self.attribute("received-ms") {
            Some(received) => self.event(id, received, attributes),
            None => self.record(id, self.with_order(attributes)),
        }
    }

    fn event(&self, id: String, received: &str, mut attributes: Vec<(String, String)>) -> Option<Input> {
        attributes.push((PUBLISH_TIME_ATTRIBUTE.to_owned(), received.to_owned()));
        let headers = self.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Input::Event(Box::new(Event {
            endpoint: self.origin().into(),
            id,
            payload: self.0.payload.clone(),
            content_type: self.attribute("content-type").unwrap_or_default().to_owned(),
            key: self.0.key.clone(),
            received_ms: received.parse().ok()?,
            attributes,
            headers: headers.collect(),
            traceparent: None,
            refusal: None,
        })))
    }

    /// A record keeps its order: published again, it stays older than what came after it.
    fn with_order(&self, mut attributes: Vec<(String, String)>) -> Vec<(String, String)> {
        attributes.extend(
            self.0
                .stamp()
                .map(|order| (ORDER_ATTRIBUTE.to_owned(), order.to_string())),
        );
        attributes
    }

    fn record(&self, id: String, attributes: Vec<(String, String)>) -> Option<Input> {
        let topic: TopicName = self.origin().parse().ok()?;
        let schema = match self.attribute("schema") {
            Some(text) => Some(schema(text)?),
            None => None,
        };
        Some(Input::Message {
            record: Box::new(Outgoing {
                topic,
                key: self.0.key.clone(),
                payload: self.0.payload.clone(),
                attributes,
                id: RecordId::from_broker(id),
                schema,
            }),
            published_ms: self.attribute("publish-time-ms")?.parse().ok()?,
        })
    }
}

fn schema(text: &str) -> Option<SchemaRef> {
    let (id, version) = text.split_once('@')?;
    Some(SchemaRef {
        id: id.parse().ok()?,
        version: version.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use danube_wasm_broker::MessageId;
    use danube_wasm_model::ConnectorId;

    use super::*;
    use crate::dead_letter::{DeadLetter, Reason};

    fn delivered(outgoing: Outgoing) -> Message {
        Message {
            message_id: MessageId {
                partition: 1,
                offset: 2,
            },
            topic: outgoing.topic,
            key: outgoing.key,
            payload: outgoing.payload,
            attributes: outgoing.attributes,
            id: outgoing.id,
            publish_time_ms: 2000,
            producer: "danube-wasm".into(),
            schema: outgoing.schema,
            redeliveries: 0,
        }
    }

    fn event() -> Event {
        Event {
            endpoint: "/x".into(),
            id: "evt-1".to_owned(),
            payload: Bytes::from_static(b"{}"),
            content_type: "application/json".to_owned(),
            key: None,
            received_ms: 1000,
            attributes: Vec::new(),
            headers: Vec::new(),
            traceparent: None,
            refusal: None,
        }
    }

    fn record() -> Outgoing {
        Outgoing {
            topic: "/a/b".parse().expect("a topic"),
            key: Some(Bytes::from_static(b"k")),
            payload: Bytes::from_static(b"{}"),
            attributes: vec![("a".to_owned(), "1".to_owned())],
            id: RecordId::from_broker("p/c:e.0".to_owned()),
            schema: Some(SchemaRef { id: 7, version: 2 }),
        }
    }

    fn written(message: &Message) -> Envelope {
        let letter = DeadLetter::of_message(message, Reason::Refused, "why".to_owned(), Vec::new(), 2);
        let topic = "/a/dlq-s".parse().expect("a topic");
        let sink = ConnectorId::try_new("p", "s").expect("a name");
        Envelope::new(delivered(letter.into_outgoing(&topic, &sink, "digest")))
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = delivered(record());
        let Some(Input::Message { record, published_ms }) = written(&message).input() else {
            panic!("it is of a message")
        };
        let mut published = self::record();
        published
            .attributes
            .push((ORDER_ATTRIBUTE.to_owned(), message.order().to_string()));
        assert_eq!((*record, published_ms), (published, 2000));
    }

    #[test]
    fn an_envelope_that_lacks_a_part_is_none() {
        let envelope = written(&delivered(record()));
        for part in ["dlq.id", "dlq.origin", "dlq.publish-time-ms"] {
            let mut message = envelope.message().clone();
            message.attributes.retain(|(name, _)| name != part);
            assert!(Envelope::new(message).input().is_none(), "without {part}");
        }
    }

    #[test]
    fn a_letter_without_the_payload_of_its_event_has_no_input() {
        let event = event();
        let source = ConnectorId::try_new("p", "s").expect("a name");
        let letter = DeadLetter::of_event(&event, Reason::Refused, "it is too large".to_owned());
        let read = |letter: DeadLetter| {
            let outgoing = letter.into_outgoing(&"/a/dlq-s".parse().expect("a topic"), &source, "digest");
            Envelope::new(delivered(outgoing))
        };
        assert!(read(letter.clone()).input().is_some());
        let without = read(letter.without_payload());
        assert!(without.input().is_none() && without.message().payload.is_empty());
        assert_eq!(without.attribute("message"), Some("it is too large"));
    }

    #[test]
    fn letters_of_one_event_id_at_two_endpoints_are_two() {
        let letter = |endpoint: &str| {
            let event = Event {
                endpoint: endpoint.into(),
                ..event()
            };
            let source = ConnectorId::try_new("p", "s").expect("a name");
            let letter = DeadLetter::of_event(&event, Reason::Refused, "why".to_owned());
            letter
                .into_outgoing(&"/a/dlq-s".parse().expect("a topic"), &source, "digest")
                .id
        };
        assert_ne!(letter("/x"), letter("/y"));
        assert_eq!(letter("/x"), letter("/x"), "what comes again meets its own letter");
    }
}
