//! Dead letters: what one was made of comes back out of it, and nothing else is taken for one.

use bytes::Bytes;
use danube_wasm_broker::{Message, MessageId, Outgoing, SchemaRef};
use danube_wasm_model::{
    ConnectorId, RecordId, TopicName,
    event::Event,
    identity::{HOST_ATTRIBUTE_PREFIX, ORDER_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};
use danube_wasm_pipeline::{
    dead_letter::{DeadLetter, Reason},
    envelope::{Envelope, Input},
};

use crate::pieces::{Pieces, Written};

type Attributes = Vec<(String, String)>;

/// A message's letter, an event's, or something that claims to be one.
pub fn envelope(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    match pieces.byte() % 3 {
        0 => of_a_message(&message(&mut pieces), &mut pieces),
        1 => of_an_event(&event(&mut pieces), &mut pieces),
        _ => of_anything(message(&mut pieces)),
    }
}

fn of_a_message(message: &Message, pieces: &mut Pieces<'_>) {
    let (why, frames, attempts) = (pieces.text(), pieces.list(Pieces::text), pieces.number());
    let letter = DeadLetter::of_message(message, reason(pieces), why.clone(), frames, attempts);
    let envelope = written(letter, &why);
    let Some(Input::Message { record, published_ms }) = envelope.input() else {
        panic!("the letter of a message is none: {envelope:?}")
    };
    assert_eq!(published_ms, message.publish_time_ms);
    assert_eq!(*record, as_published(message));
    assert_eq!(envelope.attribute("attempts"), Some(attempts.to_string().as_str()));
}

/// A message as it was handed to the broker, but for what the host adds.
fn as_published(message: &Message) -> Outgoing {
    Outgoing {
        topic: message.topic.clone(),
        key: message.key.clone(),
        payload: message.payload.clone(),
        attributes: with_order(own(&message.attributes), message.order()),
        id: message.id.clone(),
        schema: message.schema,
    }
}

fn with_order(mut attributes: Attributes, order: u64) -> Attributes {
    attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
    attributes
}

fn own(attributes: &Attributes) -> Attributes {
    let own = attributes.iter();
    let own = own.filter(|(name, _)| !name.starts_with("dlq.") && !name.starts_with(HOST_ATTRIBUTE_PREFIX));
    own.cloned().collect()
}

fn of_an_event(event: &Event, pieces: &mut Pieces<'_>) {
    let why = pieces.text();
    let envelope = written(DeadLetter::of_event(event, reason(pieces), why.clone()), &why);
    let Some(Input::Event(again)) = envelope.input() else {
        panic!("the letter of an event is none: {envelope:?}")
    };
    let mut attributes = own(&event.attributes);
    attributes.push((PUBLISH_TIME_ATTRIBUTE.to_owned(), event.received_ms.to_string()));
    assert_eq!(again.attributes, attributes);
    assert_eq!((&again.id, &again.endpoint), (&event.id, &event.endpoint));
    assert_eq!((&again.payload, &again.key), (&event.payload, &event.key));
    assert_eq!(
        (&again.content_type, &again.headers),
        (&event.content_type, &event.headers)
    );
    assert_eq!(again.received_ms, event.received_ms);
}

/// Writes a letter and reads it as the broker gives it.
fn written(letter: DeadLetter, why: &str) -> Envelope {
    let reason = letter.reason().as_str();
    let topic: TopicName = "/fuzz/dlq-c".parse().expect("a topic");
    let connector = ConnectorId::try_new("p", "c").expect("a name");
    let outgoing = letter.clone().into_outgoing(&topic, &connector, "digest");
    let again = letter.into_outgoing(&topic, &connector, "digest");
    assert_eq!(outgoing, again, "an input meets its own letter");
    let envelope = Envelope::new(delivered(outgoing));
    assert_eq!(envelope.attribute("reason"), Some(reason));
    assert_eq!(envelope.attribute("connector"), Some("p/c"));
    let message = envelope.attribute("message").expect("a reason in words");
    assert!(why.starts_with(message), "{message:?} is not the beginning of {why:?}");
    envelope
}

fn delivered(outgoing: Outgoing) -> Message {
    Message {
        message_id: MessageId {
            partition: 1,
            offset: 0,
        },
        topic: outgoing.topic,
        key: outgoing.key,
        payload: outgoing.payload,
        attributes: outgoing.attributes,
        id: outgoing.id,
        publish_time_ms: 1,
        producer: "fuzz".into(),
        schema: outgoing.schema,
        redeliveries: 0,
    }
}

/// What is taken for an envelope is one: its input makes the same envelope again.
fn of_anything(message: Message) {
    let envelope = Envelope::new(message);
    let _ = (envelope.origin(), envelope.written_ms());
    let _ = (envelope.headers().count(), envelope.own_attributes().count());
    let why = String::new();
    match envelope.input() {
        Some(Input::Message { record, published_ms }) => {
            let message = Message {
                publish_time_ms: published_ms,
                ..delivered((*record).clone())
            };
            let letter = DeadLetter::of_message(&message, Reason::Refused, why.clone(), Vec::new(), 1);
            let Some(Input::Message { record: again, .. }) = written(letter, &why).input() else {
                panic!("the letter of {message:?} is none")
            };
            // A letter of a version without orders has one from then on.
            assert_eq!(*again, as_published(&message));
        }
        Some(Input::Event(event)) => of_an_event(&event, &mut Pieces::new(&[])),
        None => {}
    }
}

fn message(pieces: &mut Pieces<'_>) -> Message {
    Message {
        message_id: MessageId {
            partition: pieces.long(),
            offset: pieces.long(),
        },
        topic: pieces
            .text()
            .parse()
            .unwrap_or_else(|_| "/a/b".parse().expect("a topic")),
        key: pieces.flag().then(|| Bytes::copy_from_slice(pieces.bytes())),
        payload: Bytes::copy_from_slice(pieces.bytes()),
        attributes: pieces.list(|pieces| (name(pieces), pieces.text())),
        id: RecordId::from_broker(pieces.text()),
        publish_time_ms: pieces.long(),
        producer: pieces.text().into(),
        schema: pieces.flag().then(|| SchemaRef {
            id: pieces.long(),
            version: pieces.number(),
        }),
        redeliveries: pieces.number(),
    }
}

fn event(pieces: &mut Pieces<'_>) -> Event {
    Event {
        endpoint: pieces.text().into(),
        id: pieces.text(),
        payload: Bytes::copy_from_slice(pieces.bytes()),
        content_type: pieces.text(),
        key: pieces.flag().then(|| Bytes::copy_from_slice(pieces.bytes())),
        received_ms: pieces.long(),
        attributes: pieces.list(|pieces| (name(pieces), pieces.text())),
        headers: pieces.list(|pieces| (pieces.text(), pieces.text())),
        traceparent: None,
        refusal: None,
    }
}

/// Names that mean something to an envelope, and any other.
const NAMES: [&str; 14] = [
    "dlq.id",
    "dlq.origin",
    "dlq.reason",
    "dlq.message",
    "dlq.connector",
    "dlq.attempts",
    "dlq.schema",
    "dlq.received-ms",
    "dlq.publish-time-ms",
    "dlq.content-type",
    "dlq.header.a",
    "dlq.",
    PUBLISH_TIME_ATTRIBUTE,
    HOST_ATTRIBUTE_PREFIX,
];

fn name(pieces: &mut Pieces<'_>) -> String {
    let at = pieces.byte();
    match NAMES.get(usize::from(at)) {
        Some(known) => (*known).to_owned(),
        None => pieces.text(),
    }
}

fn reason(pieces: &mut Pieces<'_>) -> Reason {
    let reasons = [
        Reason::Crashed,
        Reason::Refused,
        Reason::Undecodable,
        Reason::TargetRefused,
    ];
    reasons[pieces.below(reasons.len())]
}

const ANOTHER: u8 = NAMES.len() as u8;

fn attribute(out: &mut Written, (name, value): &(&str, &str)) {
    match NAMES.iter().position(|known| known == name) {
        Some(at) => out.byte(at as u8),
        None => out.byte(ANOTHER).bytes(name.as_bytes()),
    };
    out.bytes(value.as_bytes());
}

fn written_message(kind: u8, attributes: &[(&str, &str)]) -> Written {
    let mut out = Written::default();
    out.byte(kind).long(3).long(9).bytes(b"/stripe/payments");
    out.byte(1).bytes(b"customer").bytes(br#"{"amount":1}"#);
    out.list(attributes, attribute);
    out.bytes(b"p/c/x:e.0").long(1_700_000_000_000).bytes(b"p/c");
    out.byte(1).long(7).long(2).long(1);
    out
}

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let own = [
        ("a", "1"),
        ("a", "2"),
        ("dlq.id", "not mine"),
        (PUBLISH_TIME_ATTRIBUTE, "5"),
    ];
    let mut of_message = written_message(0, &own);
    of_message.bytes("zu groß".as_bytes()).list(&["f", "g"], |out, frame| {
        out.bytes(frame.as_bytes());
    });
    of_message.long(2).byte(3);
    let mut of_event = Written::default();
    of_event
        .byte(1)
        .bytes(b"/hook")
        .bytes(b"evt-1")
        .bytes(b"{}")
        .bytes(b"application/json")
        .byte(0);
    of_event.long(1_700_000_000_000).list(&own, attribute);
    of_event.list(&[("x-a", "1"), ("id", "2")], |out, (name, value)| {
        out.bytes(name.as_bytes()).bytes(value.as_bytes());
    });
    of_event.bytes(b"refused").byte(1);
    let claims = [
        ("dlq.id", "e.0"),
        ("dlq.origin", "/stripe/payments"),
        ("dlq.schema", "7@2"),
        ("dlq.publish-time-ms", "17"),
        ("b", "3"),
    ];
    let event_claims = [
        ("dlq.id", "e"),
        ("dlq.origin", "/hook"),
        ("dlq.received-ms", "17"),
        ("dlq.header.a", "b"),
    ];
    vec![
        ("message", of_message.finish()),
        ("event", of_event.finish()),
        ("claims-message", written_message(2, &claims).finish()),
        ("claims-event", written_message(2, &event_claims).finish()),
    ]
}
