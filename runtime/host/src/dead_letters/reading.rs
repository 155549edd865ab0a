//! Reads the open dead letters of a topic by offset, without closing them.

use std::sync::Arc;

use danube_wasm_broker::{
    Acker, Broker, BrokerError, Message, MessageId,
    embedded::{Browse, EmbeddedBroker},
};
use danube_wasm_model::TopicName;

use super::SUBSCRIPTION;

/// Most dead letters in memory at a time.
const PAGE_MESSAGES: usize = 64;

/// Returns the dead-letter topics, each with its number of open dead letters.
pub(super) async fn topics(log: &EmbeddedBroker) -> Result<Vec<(TopicName, u64)>, BrokerError> {
    let lags = log.lag().await?.into_iter();
    let of_letters = lags.filter(|lag| lag.subscription == SUBSCRIPTION);
    Ok(of_letters.map(|lag| (lag.topic, lag.messages)).collect())
}

/// A scan of a topic. Dead letters that arrive later are not part of it.
pub(super) struct Scan {
    letters: Browse,
    acker: Arc<dyn Acker>,
}

impl Scan {
    pub(super) fn begin(log: &EmbeddedBroker, topic: &TopicName) -> Result<Self, BrokerError> {
        Ok(Self {
            letters: log.browse(topic, SUBSCRIPTION)?,
            acker: log.acker(topic, SUBSCRIPTION)?,
        })
    }

    /// Returns the next dead letters; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, BrokerError> {
        self.letters.next(PAGE_MESSAGES).await
    }

    /// Closes dead letters of this scan. They are durably closed when this returns.
    pub(super) async fn close(&self, letters: &[MessageId]) -> Result<(), BrokerError> {
        match letters {
            [] => Ok(()),
            letters => self.acker.ack(letters).await,
        }
    }
}
