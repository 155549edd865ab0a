//! Moves dead letters out of a topic of Danube with the legacy name, which pipelines shared: see
//! [`TopicName::former_dead_letters_of`]. Those of this pipeline go to the log of this machine; those of another go to
//! its own topic, from which its process moves them.

use std::{convert::Infallible, sync::Arc};

use danube_wasm_broker::{Broker, BrokerError, ConsumerOptions, ErrorKind, Message, StartAt};
use danube_wasm_model::{ConnectorId, TopicName};
use danube_wasm_pipeline::{BackoffPolicy, envelope::Envelope};

use super::{
    DANUBE_SUBSCRIPTION_TYPE, LOCAL_SUBSCRIPTION_TYPE, SUBSCRIBER_NAME, SUBSCRIPTION,
    moving::{self, WAIT_MAX, WINDOW_MESSAGES},
    subscribe,
};

/// Empties a topic with the legacy name.
pub(super) struct LegacyTopic {
    pub(super) from: Arc<dyn Broker>,
    pub(super) to: Arc<dyn Broker>,
    pub(super) topic: TopicName,
    /// A connector of this pipeline.
    pub(super) own: ConnectorId,
    /// Name of the consumer and of the producer.
    pub(super) reader: String,
}

impl LegacyTopic {
    /// Runs until it is aborted, or until the topic does not exist.
    pub(super) async fn run(self) {
        let mut backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
        loop {
            let Err(error) = self.empty().await;
            if error.kind == ErrorKind::NotFound {
                return;
            }
            let wait = backoff.next(None);
            tracing::debug!(topic = %self.topic, %error, wait_ms = danube_wasm_model::clock::millis(wait), "dead letters of the former topic stay there for now; trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn empty(&self) -> Result<Infallible, BrokerError> {
        let options = ConsumerOptions {
            topic: self.topic.clone(),
            subscription: SUBSCRIPTION.to_owned(),
            subscription_type: DANUBE_SUBSCRIPTION_TYPE,
            consumer: self.reader.clone(),
            start: StartAt::Earliest,
            unacknowledged_max: WINDOW_MESSAGES,
        };
        let mut consumer = self.from.subscribe(options).await?;
        let acker = consumer.acker();
        loop {
            for letter in consumer.receive(WINDOW_MESSAGES).await? {
                let place = letter.message_id;
                self.pass_on(letter).await?;
                acker.ack(&[place]).await?;
            }
        }
    }

    async fn pass_on(&self, letter: Message) -> Result<(), BrokerError> {
        let envelope = Envelope::new(letter.clone());
        let connector = envelope
            .attribute("connector")
            .and_then(|id| id.parse::<ConnectorId>().ok());
        let topic = match &connector {
            Some(id) => self.topic.dead_letters_of(id),
            None => self.topic.clone(),
        };
        tracing::info!(from = %self.topic, to = %topic, letter = %letter.id, "a dead letter under a topic's former name is moved");
        // A topic without a subscription drops messages.
        let to = match connector.filter(|id| !self.is_of_this_pipeline(id)) {
            Some(_) => {
                moving::subscribe(&*self.from, &topic, &self.reader).await?;
                &self.from
            }
            None => {
                subscribe(&*self.to, &topic, SUBSCRIBER_NAME, LOCAL_SUBSCRIPTION_TYPE, 1).await?;
                &self.to
            }
        };
        let publisher = to.publisher(&self.reader).await?;
        moving::publish(&*publisher, &topic, vec![letter])
            .await
            .into_iter()
            .collect()
    }

    fn is_of_this_pipeline(&self, id: &ConnectorId) -> bool {
        (id.tenant(), id.pipeline()) == (self.own.tenant(), self.own.pipeline())
    }
}
