//! Records that the broker will never accept: stored in a topic of the log and counted, until they are removed.

use danube_wasm_broker::{Message, MessageId, Outgoing, Result};

use crate::store::{self, Store};

const TOPIC: &str = "danube-wasm-spool-topic";
const REASON: &str = "danube-wasm-spool-reason";
const PRODUCER: &str = "danube-wasm-spool-producer";

/// A record that the broker refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The record as it was published.
    pub record: Outgoing,
    /// Its producer.
    pub producer: String,
    /// The broker's error.
    pub reason: String,
    /// When it was stored as refused, in milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// Its id for [`Spool::remove_refused`](crate::Spool::remove_refused).
    pub place: MessageId,
}

/// Stores a refused record; returns when it is durable.
pub(super) async fn store_refused(store: &Store, mut record: Outgoing, producer: &str, reason: &str) -> Result<()> {
    let mut set = |name: &str, value: &str| record.attributes.push((name.to_owned(), value.to_owned()));
    set(TOPIC, record.topic.as_str());
    set(REASON, reason);
    set(PRODUCER, producer);
    record.topic = store::refused()?;
    store.write(vec![record]).await?;
    store.board.changed.notify_one();
    Ok(())
}

/// The refused records, oldest first, up to `max`.
pub(crate) async fn list(store: &Store, max: usize) -> Result<Vec<Refused>> {
    let mut listed = Vec::new();
    let mut waiting = store.browse(&store::refused()?)?;
    while listed.len() < max {
        let messages = waiting.next(max - listed.len()).await?;
        if messages.is_empty() {
            break;
        }
        listed.extend(messages.into_iter().filter_map(restore));
    }
    Ok(listed)
}

/// Removes refused records.
pub(crate) async fn remove(store: &Store, places: &[MessageId]) -> Result<()> {
    store.acker(&store::refused()?)?.ack(places).await
}

fn restore(message: Message) -> Option<Refused> {
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
    Some(Refused {
        record,
        producer,
        reason,
        time_ms: message.publish_time_ms,
        place: message.message_id,
    })
}
