//! Encodes records as messages.

use std::{borrow::Cow, collections::HashMap};

use bytes::Bytes;
use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Result, record_bytes_max};
use danube_wasm_model::{clock::now_ms, identity::ID_ATTRIBUTE};
use danube_wasm_proto::{KEY_ATTRIBUTE, KEY_IN_HEX, api::StreamMessage};
use prost::Message as _;

/// Most bytes that are added at each send, without the topic: numbers, and the broker's name.
const ENVELOPE_BYTES: usize = 512;

/// The message of a record without the fields that are added at each send; an error if it is too large.
pub(super) fn encode(outgoing: Outgoing, producer: &str, bytes_max: usize) -> Result<Bytes> {
    let Outgoing {
        topic,
        key,
        payload,
        attributes,
        id,
        schema,
    } = outgoing;
    let mut attributes: HashMap<String, String> = attributes.into_iter().collect();
    attributes.insert(ID_ATTRIBUTE.to_owned(), id.to_string());
    if key.as_ref().is_some_and(|key| std::str::from_utf8(key).is_err()) {
        attributes.insert(KEY_ATTRIBUTE.to_owned(), KEY_IN_HEX.to_owned());
    }
    let routing_key = key.map(|key| routing_key(&key).into_owned());
    let message = StreamMessage {
        payload,
        publish_time: now_ms(),
        producer_name: producer.to_owned(),
        attributes,
        schema_id: schema.map(|s| s.id),
        schema_version: schema.map(|s| s.version),
        routing_key,
        ..StreamMessage::default()
    };
    let bytes = message.encoded_len() + topic.as_str().len() + ENVELOPE_BYTES;
    let bytes_max = record_bytes_max(&topic, bytes_max);
    if bytes > bytes_max {
        return Err(BrokerError::new(
            ErrorKind::TooLarge,
            format!(
                "record {id} for {topic} has {bytes} bytes with its key and attributes; Danube takes {bytes_max}: make \
                 it smaller, or put what is large elsewhere and publish where it is"
            ),
        ));
    }
    Ok(message.encode_to_vec().into())
}

/// A key as Danube has it: text.
pub(super) fn routing_key(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) => text.into(),
        Err(_) => hex::encode(key).into(),
    }
}
