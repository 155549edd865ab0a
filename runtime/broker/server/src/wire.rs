//! Converts records to messages of the wire, and back.

use std::collections::HashMap;

use bytes::Bytes;
use danube_wasm_broker::{Message, Outgoing, SchemaRef, embedded::fallback_record_id};
use danube_wasm_model::{RecordId, identity::ID_ATTRIBUTE};
use danube_wasm_proto::{
    KEY_ATTRIBUTE, KEY_IN_HEX,
    api::{MsgId, StreamMessage},
};

use crate::names::TopicPartition;

/// The record of a message that was sent to a topic or partition.
pub(crate) fn record(target: &TopicPartition, message: StreamMessage) -> Outgoing {
    let mut attributes = message.attributes;
    // Producers of other clients send no id: then it is made from the message's id.
    let id = RecordId::from_broker(attributes.remove(ID_ATTRIBUTE).unwrap_or_default());
    let key = message.routing_key.map(|key| read_key(key, &mut attributes));
    let mut attributes: Vec<(String, String)> = attributes.into_iter().collect();
    attributes.sort();
    let version = message.schema_version.unwrap_or(NO_VERSION);
    Outgoing {
        topic: target.topic.clone(),
        key,
        payload: message.payload,
        attributes,
        id,
        schema: message.schema_id.map(|id| SchemaRef { id, version }),
    }
}

/// Versions count from 1.
const NO_VERSION: u32 = 0;

/// The message of a record, for a consumer.
pub(crate) fn message(target: &TopicPartition, subscription: &str, address: &str, record: Message) -> StreamMessage {
    let own_id = (record.id != fallback_record_id(&record.topic, record.message_id)).then(|| record.id.to_string());
    let mut attributes: HashMap<String, String> = record.attributes.into_iter().collect();
    attributes.extend(own_id.map(|id| (ID_ATTRIBUTE.to_owned(), id)));
    let routing_key = record.key.map(|key| write_key(&key, &mut attributes));
    StreamMessage {
        // The same at every delivery, because clients may identify messages by it.
        request_id: record.message_id.offset,
        msg_id: Some(MsgId {
            producer_id: 0,
            topic_name: target.name.to_string(),
            broker_addr: address.to_owned(),
            topic_offset: record.message_id.offset,
        }),
        payload: record.payload,
        publish_time: record.publish_time_ms,
        producer_name: record.producer.to_string(),
        subscription_name: subscription.to_owned(),
        attributes,
        schema_id: record.schema.map(|schema| schema.id),
        schema_version: record.schema.map(|schema| schema.version).filter(|v| *v != NO_VERSION),
        routing_key,
    }
}

fn read_key(key: String, attributes: &mut HashMap<String, String>) -> Bytes {
    let is_hex = attributes.get(KEY_ATTRIBUTE).is_some_and(|how| how == KEY_IN_HEX);
    match is_hex.then(|| hex::decode(&key)) {
        Some(Ok(bytes)) => {
            attributes.remove(KEY_ATTRIBUTE);
            bytes.into()
        }
        _ => key.into(),
    }
}

fn write_key(key: &Bytes, attributes: &mut HashMap<String, String>) -> String {
    match std::str::from_utf8(key) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            attributes.insert(KEY_ATTRIBUTE.to_owned(), KEY_IN_HEX.to_owned());
            hex::encode(key)
        }
    }
}
