//! Retention: JetStream cannot keep messages for a time after they were read, so this purges, behind every
//! acknowledgement. Any process may do it: purging up to a sequence twice changes nothing.

use std::sync::Arc;

use danube_wasm_broker::Result;
use danube_wasm_model::clock;
use serde_json::{Value, json};

use crate::{
    admin::NatsAdmin,
    session::Session,
    stored,
    topic::{Topic, Topics},
};

/// Purges what every subscription has acknowledged and is not to be kept.
pub(crate) async fn purge_all(session: &Arc<Session>, topics: &Arc<Topics>) {
    for topic in topics.known() {
        if let Err(error) = purge(session, topics, &topic).await {
            tracing::debug!(%error, topic = %topic.name, "what was read could not be purged now");
        }
    }
}

async fn purge(session: &Arc<Session>, topics: &Arc<Topics>, topic: &Topic) -> Result<()> {
    let admin = NatsAdmin {
        session: session.clone(),
        topics: topics.clone(),
    };
    let consumers = admin.by_subscription(topic).await?;
    // After the consumers, so that what they have passed is in it.
    let info = topics.info(&topic.name).await?;
    let state = &info.state;
    if topic.health.damage.borrow().is_some() || state.messages == 0 {
        return Ok(());
    }
    let floors = consumers.values().flatten().map(|consumer| match consumer.lag() {
        // What came since may be unread, so only what was delivered counts.
        0 => consumer.delivered.stream_seq.max(consumer.ack_floor.stream_seq),
        _ => consumer.ack_floor.stream_seq,
    });
    // Without a subscription nothing is read.
    let Some(read) = floors.min().filter(|read| *read >= state.first_seq) else {
        return Ok(());
    };
    let retention = session.options.retention;
    let keep_from = clock::now_ms().saturating_sub(clock::millis(retention.keep.max(session.options.duplicate_window)));
    let kept_from = match state.bytes > retention.keep_bytes {
        true => read + 1,
        false => stored::first_at_or_after(session, &topic.stream, state, keep_from).await?,
    };
    let next = kept_from.min(read + 1);
    if next <= state.first_seq {
        return Ok(());
    }
    let call = format!("STREAM.PURGE.{}", topic.stream);
    let _: Value = session
        .api(&call, &json!({"seq": next}), &format!("purging {}", topic.name))
        .await?;
    tracing::debug!(topic = %topic.name, up_to = next, "what was read was purged");
    Ok(())
}
