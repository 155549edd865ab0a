//! Messages as they are stored in the log: as a record, with the other fields of the message in one attribute.

use danube_wasm_broker::{BrokerError, ErrorKind, Message, MessageId, Outgoing, Result};
use danube_wasm_model::TopicName;

use crate::store::record_size;

/// `incarnation partition offset publish-time-ms redeliveries producer`.
const ATTRIBUTE: &str = "danube-wasm-spool-message";

/// A message that was read from the log.
pub(super) struct StoredCopy {
    /// As the broker delivered it.
    pub(super) message: Message,
    /// Its id in the log.
    pub(super) place: MessageId,
    /// The incarnation of the process that wrote it.
    pub(super) incarnation: u64,
    /// When it was written, in milliseconds since 1970.
    pub(super) time_ms: u64,
}

/// The record of a message, for a topic of the log.
pub(super) fn to_record(message: &Message, to: &TopicName, incarnation: u64) -> Outgoing {
    let Message {
        message_id: MessageId { partition, offset },
        publish_time_ms,
        redeliveries,
        producer,
        ..
    } = message;
    let rest = format!("{incarnation} {partition} {offset} {publish_time_ms} {redeliveries} {producer}");
    let mut attributes = message.attributes.clone();
    attributes.push((ATTRIBUTE.to_owned(), rest));
    Outgoing {
        topic: to.clone(),
        key: message.key.clone(),
        payload: message.payload.clone(),
        attributes,
        id: message.id.clone(),
        schema: message.schema,
    }
}

/// How many of these records, counted from the first, fit into `room` bytes.
pub(super) fn count_fitting(copies: &[Outgoing], room: usize) -> usize {
    let mut left = Some(room);
    let fits = |copy: &&Outgoing| {
        left = left.and_then(|left| left.checked_sub(record_size(copy)));
        left.is_some()
    };
    copies.iter().take_while(fits).count()
}

/// Reads a message from its record.
pub(super) fn from_record(mut copy: Message, topic: &TopicName) -> Result<StoredCopy> {
    let (place, time_ms) = (copy.message_id, copy.publish_time_ms);
    let rest = copy.attributes.pop().filter(|(name, _)| name == ATTRIBUTE);
    let incarnation = rest.and_then(|(_, rest)| parse_attribute(&mut copy, &rest));
    let incarnation = incarnation.ok_or_else(|| {
        let message = format!(
            "message {} of {} in the spool is damaged, or of another version: use the version that wrote it",
            place.offset, copy.topic
        );
        BrokerError::new(ErrorKind::Incompatible, message)
    })?;
    copy.topic = topic.clone();
    Ok(StoredCopy {
        message: copy,
        place,
        incarnation,
        time_ms,
    })
}

/// Sets the message's fields from the attribute; returns the incarnation.
fn parse_attribute(message: &mut Message, rest: &str) -> Option<u64> {
    let mut fields = rest.splitn(6, ' ');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let incarnation = number()?;
    message.message_id = MessageId {
        partition: number()?,
        offset: number()?,
    };
    message.publish_time_ms = number()?;
    let before = u32::try_from(number()?).ok()?;
    message.redeliveries = message.redeliveries.saturating_add(before);
    message.producer = fields.next()?.into();
    Some(incarnation)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use danube_wasm_broker::SchemaRef;
    use danube_wasm_model::RecordId;

    use super::*;

    #[test]
    fn a_copy_is_the_message() {
        let topic: TopicName = "/a/b".parse().expect("valid");
        for (key, producer) in [(None, ""), (Some(Bytes::new()), "a b  c\n")] {
            let message = Message {
                message_id: MessageId {
                    partition: 7,
                    offset: u64::MAX,
                },
                topic: topic.clone(),
                key,
                payload: Bytes::from_static(b"payload"),
                attributes: vec![("a".into(), "1".into()), (ATTRIBUTE.into(), "its own".into())],
                id: RecordId::from_broker("id".into()),
                publish_time_ms: 42,
                producer: producer.into(),
                schema: Some(SchemaRef { id: 1, version: 2 }),
                redeliveries: 3,
            };
            let place = MessageId {
                partition: 1,
                offset: 2,
            };
            let Outgoing {
                topic: at,
                key,
                payload,
                attributes,
                id,
                schema,
            } = to_record(&message, &"/s/p".parse().expect("valid"), 5);
            let read = Message {
                message_id: place,
                topic: at,
                key,
                payload,
                attributes,
                id,
                schema,
                publish_time_ms: 99,
                producer: "spool".into(),
                redeliveries: 0,
            };
            let copy = from_record(read.clone(), &topic).expect("restores");
            assert_eq!(
                (copy.message, copy.place, copy.incarnation, copy.time_ms),
                (message, place, 5, 99)
            );
            let bare = Message {
                attributes: Vec::new(),
                ..read
            };
            assert_eq!(
                from_record(bare, &topic).err().map(|e| e.kind),
                Some(ErrorKind::Incompatible)
            );
        }
    }
}
