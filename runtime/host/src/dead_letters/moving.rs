//! Moves dead letters from Danube to the log of this machine: they are published there, then acknowledged to Danube. A
//! crash between the two repeats the publishing, which their ids make harmless.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, BrokerError, Consumer, Message, Outgoing, Publisher};
use danube_wasm_model::{TopicName, clock, identity::PUBLISH_TIME_ATTRIBUTE};
use danube_wasm_pipeline::BackoffPolicy;

use super::{DANUBE_SUBSCRIPTION_TYPE, SUBSCRIPTION};

/// Most messages that Danube delivers before they are acknowledged.
pub(super) const WINDOW_MESSAGES: usize = 10;
/// Longest wait between retries.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(30);

/// Moves the dead letters of one topic.
pub(super) struct Mover {
    pub(super) from: Arc<dyn Broker>,
    pub(super) to: Arc<dyn Broker>,
    pub(super) topic: TopicName,
    /// Name of the consumer.
    pub(super) reader: String,
}

/// Creates the topic and the subscription in the cluster.
pub(super) async fn subscribe(
    broker: &dyn Broker,
    topic: &TopicName,
    reader: &str,
) -> Result<Box<dyn Consumer>, BrokerError> {
    super::subscribe(broker, topic, reader, DANUBE_SUBSCRIPTION_TYPE, WINDOW_MESSAGES).await
}

impl Mover {
    /// Runs until it is aborted.
    pub(super) async fn run(self, mut consumer: Option<Box<dyn Consumer>>) {
        let mut backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
        loop {
            let moved = match consumer.as_mut() {
                Some(consumer) => self.move_batch(&mut **consumer).await,
                None => match subscribe(&*self.from, &self.topic, &self.reader).await {
                    Ok(begun) => {
                        consumer = Some(begun);
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
            };
            let Err(error) = moved else {
                backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
                continue;
            };
            // Unacknowledged messages are redelivered to the next subscription.
            consumer = None;
            let wait = backoff.next(None);
            tracing::warn!(topic = %self.topic, %error, wait_ms = clock::millis(wait), "dead letters stay in Danube for now; trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn move_batch(&self, consumer: &mut dyn Consumer) -> Result<(), BrokerError> {
        let letters = consumer.receive(WINDOW_MESSAGES).await?;
        let publisher = self.to.publisher(SUBSCRIPTION).await?;
        let places: Vec<_> = letters.iter().map(|letter| letter.message_id).collect();
        for kept in publish(&*publisher, &self.topic, letters).await {
            kept?;
        }
        consumer.acker().ack(&places).await
    }
}

/// Publishes dead letters to a dead-letter topic.
pub(super) async fn publish(
    publisher: &dyn Publisher,
    topic: &TopicName,
    letters: Vec<Message>,
) -> Vec<Result<(), BrokerError>> {
    let groups = letters
        .into_iter()
        .map(|letter| vec![to_outgoing(letter, topic)])
        .collect();
    let results = publisher.publish(groups).await;
    results.into_iter().map(|result| result.map(drop)).collect()
}

/// Returns the dead letter unchanged, with the time at which it came to Danube.
fn to_outgoing(letter: Message, topic: &TopicName) -> Outgoing {
    let mut attributes = letter.attributes;
    // One that was moved before has the attribute already.
    if !attributes.iter().any(|(name, _)| name == PUBLISH_TIME_ATTRIBUTE) {
        attributes.push((PUBLISH_TIME_ATTRIBUTE.to_owned(), letter.publish_time_ms.to_string()));
    }
    Outgoing {
        topic: topic.clone(),
        key: letter.key,
        payload: letter.payload,
        attributes,
        id: letter.id,
        schema: letter.schema,
    }
}
