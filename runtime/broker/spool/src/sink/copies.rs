//! Messages as they are held in the log: an ordinary record, with what a record has no place for in one attribute.

use danube_wasm_broker::{BrokerError, ErrorKind, Message, MessageId, Outgoing, Result};
use danube_wasm_model::TopicName;

use crate::store::size;

/// `life partition offset publish-time-ms redeliveries producer`.
const ATTRIBUTE: &str = "danube-wasm-spool-message";

/// A message that was read from the log.
pub(super) struct Copy {
    /// As the broker delivered it.
    pub(super) message: Message,
    /// Where it is in the log.
    pub(super) place: MessageId,
    /// Of the process that wrote it.
    pub(super) life: u64,
    /// When it was written, in milliseconds since 1970.
    pub(super) time_ms: u64,
}

/// The copy of a message, to be written to a topic of the log.
pub(super) fn copy(message: &Message, to: &TopicName, life: u64) -> Outgoing {
    let Message {
        message_id: MessageId { partition, offset },
        publish_time_ms,
        redeliveries,
        producer,
        ..
    } = message;
    let rest = format!("{life} {partition} {offset} {publish_time_ms} {redeliveries} {producer}");
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

/// Of these copies, from the first on, how many fit into so many bytes.
pub(super) fn fitting(copies: &[Outgoing], room: usize) -> usize {
    let mut left = Some(room);
    let fits = |copy: &&Outgoing| {
        left = left.and_then(|left| left.checked_sub(size(copy)));
        left.is_some()
    };
    copies.iter().take_while(fits).count()
}

/// The message of a copy.
pub(super) fn restore(mut copy: Message, topic: &TopicName) -> Result<Copy> {
    let (place, time_ms) = (copy.message_id, copy.publish_time_ms);
    let rest = copy.attributes.pop().filter(|(name, _)| name == ATTRIBUTE);
    let life = rest.and_then(|(_, rest)| fill(&mut copy, &rest));
    let life = life.ok_or_else(|| {
        let message = format!(
            "message {} of {} in the spool is damaged, or of another version: use the version that wrote it",
            place.offset, copy.topic
        );
        BrokerError::new(ErrorKind::Incompatible, message)
    })?;
    copy.topic = topic.clone();
    Ok(Copy {
        message: copy,
        place,
        life,
        time_ms,
    })
}

/// Fills in what the attribute says; returns the life.
fn fill(message: &mut Message, rest: &str) -> Option<u64> {
    let mut fields = rest.splitn(6, ' ');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let life = number()?;
    message.message_id = MessageId {
        partition: number()?,
        offset: number()?,
    };
    message.publish_time_ms = number()?;
    let before = u32::try_from(number()?).ok()?;
    message.redeliveries = message.redeliveries.saturating_add(before);
    message.producer = fields.next()?.into();
    Some(life)
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
            } = copy(&message, &"/s/p".parse().expect("valid"), 5);
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
            let copy = restore(read.clone(), &topic).expect("restores");
            assert_eq!(
                (copy.message, copy.place, copy.life, copy.time_ms),
                (message, place, 5, 99)
            );
            let bare = Message {
                attributes: Vec::new(),
                ..read
            };
            assert_eq!(
                restore(bare, &topic).err().map(|e| e.kind),
                Some(ErrorKind::Incompatible)
            );
        }
    }
}
