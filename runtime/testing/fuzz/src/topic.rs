//! Names: of topics, which say whose namespace they are in, and of records, which say whose they are.

use danube_wasm_model::{ConnectorId, RecordId, TopicName};

use crate::pieces::{Pieces, Written};

/// A text as a topic, then as many pairs of records as the rest has.
pub fn topic(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let text = pieces.text();
    if let Ok(topic) = text.parse::<TopicName>() {
        is_in_its_namespace(&topic, &text);
        let connector = pieces.text();
        if let Ok(connector) = ConnectorId::try_new("p", &connector) {
            letters_are_in_its_namespace(&topic, &connector);
        }
    }
    while !pieces.is_empty() {
        let (one, other) = (Record::read(&mut pieces), Record::read(&mut pieces));
        if let (Some(one), Some(other)) = (one, other) {
            assert_eq!(one.id() == other.id(), one == other, "{one:?} and {other:?}");
        }
    }
}

fn is_in_its_namespace(topic: &TopicName, text: &str) {
    assert_eq!(topic.as_str(), text);
    assert_eq!(topic.to_string(), text);
    assert_eq!(text.parse::<TopicName>().as_ref(), Ok(topic));
    assert_eq!(format!("/{}/{}", topic.namespace(), topic.name()), text);
    for part in [topic.namespace(), topic.name()] {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(!part.is_empty() && part.chars().all(legal), "{text}");
    }
    assert!(text.len() <= TopicName::BYTES_MAX, "{text}");
    let partition = topic.partition(u32::MAX);
    assert_eq!(partition.namespace(), topic.namespace());
    assert!(partition.name().starts_with(topic.name()), "{partition}");
}

/// They are kept in a log, which must be able to read their name again.
fn letters_are_in_its_namespace(topic: &TopicName, connector: &ConnectorId) {
    let letters = topic.dead_letters_of(connector);
    assert_eq!(letters.namespace(), topic.namespace());
    let again = letters.as_str().parse::<TopicName>();
    assert_eq!(
        again,
        Ok(letters),
        "dead letters of `{connector}` in the namespace of {topic}"
    );
}

/// What a record's id is made of.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    connector: ConnectorId,
    place: String,
    event: String,
    ordinal: u32,
}

impl Record {
    /// `None` if it cannot be one.
    fn read(pieces: &mut Pieces<'_>) -> Option<Self> {
        let (tenant, pipeline, name) = (pieces.text(), pieces.text(), pieces.text());
        let record = Self {
            connector: ConnectorId::try_with_tenant(&tenant, &pipeline, &name).ok()?,
            place: pieces.text(),
            event: pieces.text(),
            ordinal: pieces.number(),
        };
        let is_place = record.place.is_empty() || record.place.starts_with('/');
        (is_place && !record.event.is_empty()).then_some(record)
    }

    fn id(&self) -> RecordId {
        RecordId::derive(&self.connector, &self.place, &self.event, self.ordinal)
    }
}

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let named = |text: &str, connector: &str| {
        Written::default()
            .bytes(text.as_bytes())
            .bytes(connector.as_bytes())
            .finish()
    };
    let longest = format!("/{}/b", "a".repeat(TopicName::NAMESPACE_BYTES_MAX));
    let too_long = format!("/{}/b", "a".repeat(190));
    let mut escaping = Written::default();
    escaping.bytes(b"/a/../b").bytes(b"c");
    for record in [
        ("default", "p", "c", "/x", "a", 1),
        ("default", "p", "c", "/x", "a.1", 0),
        ("default", "p", "c", "/x/y", "e", 0),
        ("p", "c", "x", "/y", "e", 0),
        ("default", "p", "c", "/x:y", "e", 0),
        ("default", "p", "c", "/x%3Ay", "e", 0),
    ] {
        let (tenant, pipeline, connector, place, event, ordinal) = record;
        for text in [tenant, pipeline, connector, place, event] {
            escaping.bytes(text.as_bytes());
        }
        escaping.long(ordinal);
    }
    vec![
        ("plain", named("/stripe/payments-v1_x", "sink.a")),
        ("longest", named(&longest, &"c".repeat(64))),
        ("too-long", named(&too_long, "a-connector")),
        ("escaping", escaping.finish()),
    ]
}
