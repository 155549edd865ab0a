//! Reads the open letters of a topic without closing them: by offset, however many there are.

use std::sync::Arc;

use danube_wasm_broker::{
    Acker, Broker, BrokerError, Message, MessageId,
    embedded::{Browse, EmbeddedBroker},
};
use danube_wasm_model::TopicName;

use super::SUBSCRIPTION;

/// Most letters in memory at a time.
const PAGE_MESSAGES: usize = 64;

/// Topics of letters, each with the number of open ones.
pub(super) async fn topics(log: &EmbeddedBroker) -> Result<Vec<(TopicName, u64)>, BrokerError> {
    let lags = log.lag().await?.into_iter();
    let of_letters = lags.filter(|lag| lag.subscription == SUBSCRIPTION);
    Ok(of_letters.map(|lag| (lag.topic, lag.messages)).collect())
}

/// One pass over a topic. DeadLetters that come meanwhile are not part of it.
pub(super) struct Pass {
    letters: Browse,
    acker: Arc<dyn Acker>,
}

impl Pass {
    pub(super) fn begin(log: &EmbeddedBroker, topic: &TopicName) -> Result<Self, BrokerError> {
        Ok(Self {
            letters: log.browse(topic, SUBSCRIPTION)?,
            acker: log.acker(topic, SUBSCRIPTION)?,
        })
    }

    /// The next letters; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, BrokerError> {
        self.letters.next(PAGE_MESSAGES).await
    }

    /// Closes letters of this pass; durable when it returns.
    pub(super) async fn close(&self, letters: &[MessageId]) -> Result<(), BrokerError> {
        match letters {
            [] => Ok(()),
            letters => self.acker.ack(letters).await,
        }
    }
}
