//! Acknowledges messages, beside the next batch.

use std::sync::Arc;

use danube_wasm_broker::{Acker, Message, MessageId};

use super::{Shared, lane::Lane};
use crate::{
    failpoints::{self, FailPoint},
    status::Cause,
};

impl Lane {
    /// Acknowledges beside the next batch.
    pub(super) fn acknowledge(&mut self, done: Vec<Message>) {
        if done.is_empty() {
            return;
        }
        done.iter().for_each(|message| self.blocked.release(message));
        let topics = done.iter().map(|message| message.topic.as_str());
        self.shared.instruments.processed(topics);
        self.mark_progress();
        if self.blocked.is_empty() {
            self.shared
                .status
                .recover(Cause::BlockedKey(self.shared.subscription, self.lane));
        }
        let ids: Vec<_> = done.iter().map(|m| m.message_id).collect();
        let (shared, acker) = (self.shared.clone(), self.acker.clone());
        self.shared.untrack(&ids);
        let guard = shared.guard();
        self.acking
            .spawn(guard.run("acknowledging", acknowledge(shared, acker, ids)));
    }
}

/// Tries until the broker has the acknowledgements. What it will never take cannot be undone: the messages are written, and
/// come again, which is harmless, when the connector has subscribed anew.
async fn acknowledge(shared: Arc<Shared>, acker: Arc<dyn Acker>, ids: Vec<MessageId>) {
    let mut backoff = shared.backoff.start();
    let mut last = false;
    while let Err(error) = acker.ack(&ids).await {
        let wait = backoff.next(None);
        tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, messages = ids.len(), "acknowledgements were not taken");
        if last {
            return;
        }
        if !error.is_transient() {
            let why = format!("the broker refused {} acknowledgements: {error}", ids.len());
            return shared.guard().crashed(why);
        }
        // Told to stop meanwhile: once more, at once.
        last = shared.sleep(wait).await.is_err();
    }
    failpoints::reach(FailPoint::SinkAcknowledged);
}
