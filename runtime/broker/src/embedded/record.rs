//! A message as it is stored. Version 1:
//!
//! | field | encoding |
//! |---|---|
//! | version | one byte, 1 |
//! | publish time, ms since 1970 | 8 bytes, little endian; at a fixed place because the writer sets it last |
//! | flags | one byte: 1 has a key, 2 has a schema |
//! | producer, record id | length (varint) and bytes, each; an empty id stands for one made of the message's place |
//! | key | length and bytes, if flagged |
//! | schema | subject id and version (varints), if flagged |
//! | attributes | their number, then name and value of each |
//! | payload | the rest |

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_model::{RecordId, TopicName};

use super::codec::{Malformed, Reader, put_bytes, put_varint};
use crate::{Message, MessageId, Outgoing, SchemaRef};

const VERSION: u8 = 1;
const HAS_KEY: u8 = 1;
const HAS_SCHEMA: u8 = 2;
const TIME_AT: std::ops::Range<usize> = 1..9;

/// Encodes a record; its publish time is set later, by [`set_time`].
pub(super) fn encode(producer: &str, record: &Outgoing) -> Vec<u8> {
    let attributes: usize = record.attributes.iter().map(|(n, v)| n.len() + v.len() + 6).sum();
    let key = record.key.as_ref().map_or(0, Bytes::len);
    let fixed = producer.len() + record.id.as_str().len() + key + 48;
    let mut out = Vec::with_capacity(fixed + attributes + record.payload.len());
    out.push(VERSION);
    out.extend_from_slice(&[0; 8]);
    let flags = u8::from(record.key.is_some()) * HAS_KEY + u8::from(record.schema.is_some()) * HAS_SCHEMA;
    out.push(flags);
    put_bytes(&mut out, producer.as_bytes());
    put_bytes(&mut out, record.id.as_str().as_bytes());
    if let Some(key) = &record.key {
        put_bytes(&mut out, key);
    }
    if let Some(schema) = record.schema {
        put_varint(&mut out, schema.id);
        put_varint(&mut out, u64::from(schema.version));
    }
    put_varint(&mut out, record.attributes.len() as u64);
    for (name, value) in &record.attributes {
        put_bytes(&mut out, name.as_bytes());
        put_bytes(&mut out, value.as_bytes());
    }
    out.extend_from_slice(&record.payload);
    out
}

/// Sets the publish time of an encoded record.
pub(super) fn set_time(encoded: &mut [u8], time_ms: u64) {
    if let Some(place) = encoded.get_mut(TIME_AT) {
        place.copy_from_slice(&time_ms.to_le_bytes());
    }
}

/// The publish time of an encoded record; 0 if it has none.
pub(super) fn time(encoded: &[u8]) -> u64 {
    let array = encoded.get(TIME_AT).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    array.map_or(0, u64::from_le_bytes)
}

/// The id of a record whose producer set none: made of the topic and the message's id, which is never used twice, not
/// even by a topic that is created again.
pub fn fallback_record_id(topic: &TopicName, place: MessageId) -> RecordId {
    RecordId::from_broker(format!("{topic}:{}-{}.0", place.partition, place.offset))
}

/// Decodes records of one topic; names that repeat from one to the next share memory.
pub(super) struct Decoder {
    topic: TopicName,
    producer: Arc<str>,
}

impl Decoder {
    pub(super) fn new(topic: TopicName) -> Self {
        Self {
            topic,
            producer: "".into(),
        }
    }

    pub(super) fn decode(&mut self, message_id: MessageId, encoded: &[u8]) -> Result<Message, Malformed> {
        let mut reader = Reader::new(Bytes::copy_from_slice(encoded));
        if reader.byte()? != VERSION {
            return Err(Malformed("its version is unknown"));
        }
        let publish_time_ms = reader.u64_le()?;
        let flags = reader.byte()?;
        let producer = self.producer(&reader.bytes()?)?;
        let id = match reader.text()? {
            none if none.is_empty() => fallback_record_id(&self.topic, message_id),
            id => RecordId::from_broker(id),
        };
        let key = (flags & HAS_KEY != 0).then(|| reader.bytes()).transpose()?;
        let schema = (flags & HAS_SCHEMA != 0).then(|| schema(&mut reader)).transpose()?;
        let attributes = attributes(&mut reader)?;
        Ok(Message {
            message_id,
            topic: self.topic.clone(),
            key,
            payload: reader.rest(),
            attributes,
            id,
            publish_time_ms,
            producer,
            schema,
            redeliveries: 0,
        })
    }

    fn producer(&mut self, name: &[u8]) -> Result<Arc<str>, Malformed> {
        if self.producer.as_bytes() != name {
            self.producer = std::str::from_utf8(name)
                .map_err(|_| Malformed("a text is not UTF-8"))?
                .into();
        }
        Ok(self.producer.clone())
    }
}

fn schema(reader: &mut Reader) -> Result<SchemaRef, Malformed> {
    let id = reader.varint()?;
    let version = u32::try_from(reader.varint()?).map_err(|_| Malformed("a schema version is too large"))?;
    Ok(SchemaRef { id, version })
}

fn attributes(reader: &mut Reader) -> Result<Vec<(String, String)>, Malformed> {
    let n = reader.varint()?;
    // Each takes at least its two lengths.
    if n > (reader.remaining() / 2) as u64 {
        return Err(Malformed("it ends early"));
    }
    (0..n).map(|_| Ok((reader.text()?, reader.text()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: MessageId = MessageId {
        partition: 3,
        offset: 9,
    };

    fn decode(encoded: &[u8]) -> Result<Message, Malformed> {
        Decoder::new("/a/b".parse().expect("valid")).decode(PLACE, encoded)
    }

    fn outgoing() -> Outgoing {
        Outgoing {
            topic: "/a/b".parse().expect("valid"),
            key: Some(Bytes::from_static(b"k")),
            payload: Bytes::from_static(b"payload"),
            attributes: vec![("a".into(), "1".into()), ("b".into(), String::new())],
            id: RecordId::from_broker("p/c:e.0".into()),
            schema: Some(SchemaRef { id: 7, version: 2 }),
        }
    }

    #[test]
    fn what_was_encoded_comes_back() {
        let sent = outgoing();
        let mut encoded = encode("producer", &sent);
        set_time(&mut encoded, 1234);
        assert_eq!(time(&encoded), 1234);
        let message = decode(&encoded).expect("decodes");
        assert_eq!(message.message_id, PLACE);
        assert_eq!(message.publish_time_ms, 1234);
        assert_eq!(&*message.producer, "producer");
        assert_eq!((message.key, message.payload), (sent.key, sent.payload));
        assert_eq!((message.attributes, message.id), (sent.attributes, sent.id));
        assert_eq!(message.schema, sent.schema);
    }

    #[test]
    fn no_key_is_not_an_empty_key() {
        let keyless = Outgoing {
            key: None,
            ..outgoing()
        };
        let empty = Outgoing {
            key: Some(Bytes::new()),
            ..outgoing()
        };
        assert_eq!(decode(&encode("p", &keyless)).expect("decodes").key, None);
        assert_eq!(decode(&encode("p", &empty)).expect("decodes").key, Some(Bytes::new()));
    }

    #[test]
    fn damaged_records_are_errors_and_never_panics() {
        let encoded = encode("producer", &outgoing());
        for len in 0..encoded.len() - b"payload".len() {
            assert!(decode(&encoded[..len]).is_err(), "cut at {len}");
        }
        for at in 0..encoded.len() {
            for byte in [0, 0x7f, 0x80, 0xff] {
                let mut damaged = encoded.clone();
                damaged[at] = byte;
                // Some damage is still a record; it must only not panic.
                let _ = decode(&damaged);
            }
        }
    }
}
