//! Reads the open letters of a topic without closing them.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, BrokerError, Consumer, ErrorKind, Message, MessageId};
use danube_wasm_model::TopicName;

use super::{IN_OWN_LOG, SUBSCRIPTION, subscribe};

/// Most letters in memory at a time.
const PAGE_MESSAGES: usize = 64;
/// A letter that is there comes within this time, however busy the disk is.
const PATIENCE: Duration = Duration::from_secs(20);

/// Topics of letters, each with the number of open ones.
pub(super) async fn topics(log: &dyn Broker) -> Result<Vec<(TopicName, u64)>, BrokerError> {
    let lags = log.lag().await?.into_iter();
    let of_letters = lags.filter(|lag| lag.subscription == SUBSCRIPTION);
    Ok(of_letters.map(|lag| (lag.topic, lag.messages)).collect())
}

/// One pass over a topic. Letters that come meanwhile are not part of it. Dropping it leaves open what was not closed.
pub(super) struct Pass {
    log: Arc<dyn Broker>,
    topic: TopicName,
    consumer: Box<dyn Consumer>,
    left: u64,
    /// Given by this pass and not closed.
    open: u64,
}

impl Pass {
    pub(super) async fn begin(log: &Arc<dyn Broker>, topic: &TopicName) -> Result<Self, BrokerError> {
        let consumer = subscribe(&**log, topic, SUBSCRIPTION, IN_OWN_LOG, usize::MAX).await?;
        let mut pass = Self {
            log: log.clone(),
            topic: topic.clone(),
            consumer,
            left: 0,
            open: 0,
        };
        pass.left = count(&pass.log, &pass.topic).await?;
        Ok(pass)
    }

    /// The next letters; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, BrokerError> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let max = usize::try_from(self.left).unwrap_or(usize::MAX).min(PAGE_MESSAGES);
        match tokio::time::timeout(PATIENCE, self.consumer.receive(max)).await {
            Ok(received) => {
                let letters = received?;
                self.left = self.left.saturating_sub(letters.len() as u64);
                self.open += letters.len() as u64;
                Ok(letters)
            }
            // The log's limits of age or size have dropped the rest.
            Err(_) if count(&self.log, &self.topic).await? <= self.open => Ok(Vec::new()),
            Err(_) => Err(BrokerError::new(
                ErrorKind::Unavailable,
                format!(
                    "the dead letters of {} do not come: the log is busy, try again",
                    self.topic
                ),
            )),
        }
    }

    /// Closes letters of this pass; durable when it returns.
    pub(super) async fn close(&mut self, letters: &[MessageId]) -> Result<(), BrokerError> {
        if !letters.is_empty() {
            self.consumer.acker().ack(letters).await?;
            self.open = self.open.saturating_sub(letters.len() as u64);
        }
        Ok(())
    }
}

async fn count(log: &Arc<dyn Broker>, topic: &TopicName) -> Result<u64, BrokerError> {
    let topics = topics(&**log).await?;
    let of_it = topics.into_iter().find(|(found, _)| found == topic);
    Ok(of_it.map_or(0, |(_, open)| open))
}
