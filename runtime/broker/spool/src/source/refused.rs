//! Records that the broker will never accept: kept in a topic of the log, counted, until an operator has them tried again.

use std::sync::Arc;

use danube_wasm_broker::{Acker, Message, Outgoing, Publisher, Result};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};

use super::lanes::lane_of;
use crate::{
    limits::READ_ONCE_MAX,
    store::{self, Store},
};

const TOPIC: &str = "danube-wasm-spool-topic";
const REASON: &str = "danube-wasm-spool-reason";
const PRODUCER: &str = "danube-wasm-spool-producer";

/// A record that the broker refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The topic it was for.
    pub topic: TopicName,
    /// Its id.
    pub id: RecordId,
    /// What the broker said.
    pub reason: String,
    /// When it was set aside, in milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
}

/// Sets a record aside; returns when that is durable.
pub(super) async fn set_aside(store: &Store, mut record: Outgoing, producer: &str, reason: &str) -> Result<()> {
    let mut set = |name: &str, value: &str| record.attributes.push((name.to_owned(), value.to_owned()));
    set(TOPIC, record.topic.as_str());
    set(REASON, reason);
    set(PRODUCER, producer);
    record.topic = store::refused()?;
    store.write(vec![record]).await
}

/// What was set aside, oldest first, up to `max`.
pub(crate) async fn list(store: &Store, max: usize) -> Result<Vec<Refused>> {
    let mut listed = Vec::new();
    let (messages, _) = read(store, max).await?;
    for message in messages {
        let (time_ms, id) = (message.publish_time_ms, message.id.clone());
        let Some(aside) = restore(message) else { continue };
        listed.push(Refused {
            topic: aside.record.topic,
            id,
            reason: aside.reason,
            time_ms,
        });
    }
    Ok(listed)
}

/// Has everything that was set aside published again, behind what waits; returns how many records that is.
pub(crate) async fn retry(store: &Store, ordered: impl Fn(&TopicName) -> bool) -> Result<u64> {
    let (messages, acker) = read(store, usize::MAX).await?;
    let mut retried = 0;
    for message in messages {
        let id = message.message_id;
        let Some(aside) = restore(message) else { continue };
        let mut record = aside.record;
        record.key = lane_of(record.key.as_ref(), ordered(&record.topic));
        let publisher: Arc<dyn Publisher> = store.publisher(&aside.producer).await?;
        for result in publisher.publish(vec![vec![record]]).await {
            result?;
        }
        acker.ack(&[id]).await?;
        retried += 1;
    }
    Ok(retried)
}

/// The messages that are there, and how to let go of them.
async fn read(store: &Store, max: usize) -> Result<(Vec<Message>, Arc<dyn Acker>)> {
    let topic = store::refused()?;
    let mut consumer = store.read(&topic, SubscriptionType::Exclusive, usize::MAX).await?;
    let there = usize::try_from(store.waiting(&topic).await?)
        .unwrap_or(usize::MAX)
        .min(max);
    let mut messages = Vec::new();
    while messages.len() < there {
        messages.extend(consumer.receive(READ_ONCE_MAX.min(there - messages.len())).await?);
    }
    Ok((messages, consumer.acker()))
}

struct Aside {
    record: Outgoing,
    producer: String,
    reason: String,
}

fn restore(message: Message) -> Option<Aside> {
    let mut attributes = message.attributes;
    let mut take = |name: &str| {
        let at = attributes.iter().rposition(|(n, _)| n == name)?;
        Some(attributes.remove(at).1)
    };
    let (producer, reason, topic) = (take(PRODUCER)?, take(REASON)?, take(TOPIC)?);
    let record = Outgoing {
        topic: topic.parse().ok()?,
        key: message.key,
        payload: message.payload,
        attributes,
        id: message.id,
        schema: message.schema,
    };
    Some(Aside {
        record,
        producer,
        reason,
    })
}
