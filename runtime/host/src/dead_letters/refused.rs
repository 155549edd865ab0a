//! Turns records that the broker refuses after a spool accepted them into dead letters: their senders got a success.
//!
//! A record is published to the log of dead letters, then removed from the spool. A crash between the two repeats the
//! publishing, which its id makes harmless.

use std::sync::Arc;

use danube_wasm_broker::{Broker, BrokerError, Message, MessageId, Outgoing, Published, embedded::EmbeddedBroker};
use danube_wasm_broker_spool::{Refused, Spool};
use danube_wasm_model::{ConnectorId, identity::PUBLISH_TIME_ATTRIBUTE};
use danube_wasm_pipeline::{
    BackoffPolicy,
    dead_letter::{DeadLetter, Reason},
};
use danube_wasm_telemetry::ConnectorMetrics;

use super::{LOCAL_SUBSCRIPTION_TYPE, SUBSCRIBER_NAME, SUBSCRIPTION, moving::WAIT_MAX, subscribe};

/// Most records in memory at a time.
const PAGE_RECORDS: usize = 64;

/// Processes the refused records of one spool.
pub(super) struct RefusedRecords {
    pub(super) spool: Arc<Spool>,
    pub(super) log: Arc<EmbeddedBroker>,
    pub(super) connector: ConnectorId,
    pub(super) metrics: ConnectorMetrics,
}

impl RefusedRecords {
    /// Runs until it is aborted, or until the spool is closed.
    pub(super) async fn run(self) {
        let mut status = self.spool.status();
        let mut backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
        while status.wait_for(|status| status.refused > 0).await.is_ok() {
            match self.keep_all().await {
                Ok(()) => {
                    backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
                    // The count may still include records that were just removed.
                    if status.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let wait = backoff.next(None);
                    tracing::warn!(connector = %self.connector, %error, wait_ms = danube_wasm_model::clock::millis(wait), "records that the broker refuses stay in the spool for now; trying again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn keep_all(&self) -> Result<(), BrokerError> {
        loop {
            let page = self.spool.refused(PAGE_RECORDS).await?;
            if page.is_empty() {
                return Ok(());
            }
            for refused in page {
                let place = refused.place;
                self.keep(refused).await?;
                self.spool.remove_refused(&[place]).await?;
            }
        }
    }

    async fn keep(&self, refused: Refused) -> Result<(), BrokerError> {
        let (id, reason) = (refused.record.id.clone(), refused.reason.clone());
        let letter = to_dead_letter(&self.connector, refused);
        let topic = letter.topic.clone();
        subscribe(&*self.log, &topic, SUBSCRIBER_NAME, LOCAL_SUBSCRIPTION_TYPE, 1).await?;
        let publisher = self.log.publisher(SUBSCRIPTION).await?;
        let published = publisher.publish(vec![vec![letter]]).await;
        published
            .into_iter()
            .try_for_each(|result| result.map(|Published { .. }| ()))?;
        self.metrics.dead_letter(Reason::BrokerRefused.as_str());
        tracing::warn!(connector = %self.connector, topic = %topic, id = %id, reason = Reason::BrokerRefused.as_str(), why = reason, "dead letter");
        Ok(())
    }
}

/// Returns a record as a dead letter; one that is a dead letter stays unchanged.
fn to_dead_letter(connector: &ConnectorId, refused: Refused) -> Outgoing {
    let Refused {
        mut record,
        producer,
        reason,
        time_ms,
        ..
    } = refused;
    if record.topic.is_for_dead_letters() {
        let time = (PUBLISH_TIME_ATTRIBUTE.to_owned(), time_ms.to_string());
        record.attributes.push(time);
        return record;
    }
    let message = Message {
        message_id: MessageId {
            partition: 0,
            offset: 0,
        },
        topic: record.topic,
        key: record.key,
        payload: record.payload,
        attributes: record.attributes,
        id: record.id,
        publish_time_ms: time_ms,
        producer: producer.into(),
        schema: record.schema,
        redeliveries: 0,
    };
    let topic = message.topic.dead_letters_of(connector);
    let letter = DeadLetter::of_message(&message, Reason::BrokerRefused, reason, Vec::new(), 1);
    // No component caused it.
    letter.into_outgoing(&topic, connector, "")
}
