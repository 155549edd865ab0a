//! Records that the broker will never accept: kept in a topic of the log and counted, until somebody takes them.

use danube_wasm_broker::{Message, MessageId, Outgoing, Result};

use crate::store::{self, Store};

const TOPIC: &str = "danube-wasm-spool-topic";
const REASON: &str = "danube-wasm-spool-reason";
const PRODUCER: &str = "danube-wasm-spool-producer";

/// A record that the broker refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As it was handed over.
    pub record: Outgoing,
    /// By whom.
    pub producer: String,
    /// What the broker said.
    pub reason: String,
    /// When it was set aside, in milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// Names it for [`Spool::let_refused_go`](crate::Spool::let_refused_go).
    pub place: MessageId,
}

/// Sets a record aside; returns when that is durable.
pub(super) async fn set_aside(store: &Store, mut record: Outgoing, producer: &str, reason: &str) -> Result<()> {
    let mut set = |name: &str, value: &str| record.attributes.push((name.to_owned(), value.to_owned()));
    set(TOPIC, record.topic.as_str());
    set(REASON, reason);
    set(PRODUCER, producer);
    record.topic = store::refused()?;
    store.write(vec![record]).await?;
    store.board.changed.notify_one();
    Ok(())
}

/// What was set aside, oldest first, up to `max`.
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

/// Forgets these.
pub(crate) async fn let_go(store: &Store, places: &[MessageId]) -> Result<()> {
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
