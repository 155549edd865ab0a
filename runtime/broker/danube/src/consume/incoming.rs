//! Decodes messages for delivery.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use bytes::Bytes;
use danube_wasm_broker::{Message, SchemaRef};
use danube_wasm_model::{RecordId, TopicName, identity::ID_ATTRIBUTE};
use danube_wasm_proto::{KEY_ATTRIBUTE, KEY_IN_HEX, api::StreamMessage};

use super::tracker::TrackedMessage;

/// The message of a delivery.
pub(super) fn decode(delivered: TrackedMessage, topic: &TopicName, partition: &TopicName) -> Message {
    let TrackedMessage {
        id: message_id,
        redeliveries,
        message,
    } = delivered;
    let foreign = || foreign_id(&message, partition);
    let id = message.attributes.get(ID_ATTRIBUTE).cloned().unwrap_or_else(foreign);
    let StreamMessage {
        payload,
        publish_time,
        producer_name,
        mut attributes,
        schema_id,
        schema_version,
        routing_key,
        ..
    } = message;
    attributes.remove(ID_ATTRIBUTE);
    let key = routing_key.map(|text| match attributes.get(KEY_ATTRIBUTE) {
        Some(how) if how == KEY_IN_HEX => match hex::decode(&text) {
            Ok(bytes) => {
                attributes.remove(KEY_ATTRIBUTE);
                Bytes::from(bytes)
            }
            Err(_) => Bytes::from(text),
        },
        _ => Bytes::from(text),
    });
    let mut attributes: Vec<(String, String)> = attributes.into_iter().collect();
    attributes.sort_unstable();
    Message {
        message_id,
        topic: topic.clone(),
        key,
        payload,
        attributes,
        id: RecordId::from_broker(id),
        publish_time_ms: publish_time,
        producer: producer_name.into(),
        schema: schema_id.map(|id| SchemaRef {
            id,
            version: schema_version.unwrap_or(1),
        }),
        redeliveries,
    }
}

/// The record id of a message from another kind of producer: its offset and publish time, because a broker that crashed
/// reuses offsets. Without reliable dispatch every offset is 0, so the content is hashed too.
fn foreign_id(message: &StreamMessage, partition: &TopicName) -> String {
    let (offset, producer) = message
        .msg_id
        .as_ref()
        .map_or((0, 0), |id| (id.topic_offset, id.producer_id));
    let place = format!("{partition}@{offset}.{}", message.publish_time);
    if offset > 0 {
        return place;
    }
    let mut hasher = DefaultHasher::new();
    (producer, message.request_id, &message.producer_name, &message.payload).hash(&mut hasher);
    format!("{place}.{:016x}", hasher.finish())
}
