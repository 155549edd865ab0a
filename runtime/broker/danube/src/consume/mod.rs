//! Consuming: a consumer has one session for each partition, and one buffer from which messages are delivered.
//!
//! * **Reading** never waits for acknowledging, nor the other way round: a stream that is not read blocks its
//!   dispatcher in the broker, and the dispatcher blocks the acknowledgements.
//! * **A lost session** is rebuilt for ever, under the same names, which replaces a session that the broker may still
//!   have. [`Consumer::receive`] waits meanwhile; an error that keeps a session from being rebuilt, such as a missing
//!   permission, is returned from it once for each attempt.
//! * **A message that the caller has is not delivered twice.** A broker delivers a message again if it was not
//!   acknowledged in time or before its session ended. If the caller still has it, only its newest delivery is
//!   recorded, which its acknowledgement then refers to; if the caller has acknowledged it, it is acknowledged again
//!   and not delivered.
//! * **Missing messages** are detected: skipped offsets, and partitions with unread messages that deliver nothing.
//!   Danube's brokers report neither ([`Consumer::delivery`]).
//! * **Messages that were read and not delivered** are dropped with their session: the broker delivers them again,
//!   perhaps to another consumer of the subscription.

mod acks;
mod attach;
mod delivery;
mod discovery;
mod gaps;
mod incoming;
mod partition;
mod quirks;
mod session;
mod shared;
mod tracker;
mod unconfirmed;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{
    Acker, BrokerError, Consumer, ConsumerOptions, Delivery, ErrorKind, Message, MessageId, Result,
};
use danube_wasm_model::TopicName;
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::{
    shared::{Shared, closed},
    topics,
};
use shared::Core;

/// Subscribes to all partitions, once all exist: a new subscription starts at a partition's end, so messages published
/// to a partition before it is found would be missed. A partition whose broker cannot be reached now is subscribed to
/// later; if one refuses, the whole call fails.
pub(crate) async fn subscribe(shared: Arc<Shared>, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
    let topic = options.topic.clone();
    let names = topics::wait_until_complete(&shared, &topic).await?.names(&topic);
    if names.is_empty() {
        return Err(missing(&topic));
    }
    let core = Arc::new(Core::new(shared, options));
    // Stops the tasks of the partitions that succeeded if one does not.
    let consumer = DanubeConsumer { core: core.clone() };
    let begun = names.into_iter().map(|name| attach::add_partition(core.clone(), name));
    for begun in join_all(begun).await {
        begun?;
    }
    core.shared.runtime.spawn(discovery::watch(core.clone()));
    core.shared.runtime.spawn(delivery::watch(core.clone()));
    Ok(Box::new(consumer))
}

/// The error for a topic that does not exist yet.
pub(crate) fn missing(topic: &TopicName) -> BrokerError {
    BrokerError::new(
        ErrorKind::NotFound,
        format!(
            "topic {topic} does not exist yet: Danube's topics are made by their first producer, or with `danube-admin \
             topics create`"
        ),
    )
}

/// See [`Consumer`].
struct DanubeConsumer {
    core: Arc<Core>,
}

#[async_trait]
impl Consumer for DanubeConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let changed = self.core.changed.notified();
            let taken = self.core.take(max.max(1));
            if !taken.is_empty() {
                return Ok(taken);
            }
            if let Some(refusal) = self.core.refusal.lock().take() {
                return Err(refusal);
            }
            tokio::select! {
                () = changed => {}
                () = self.core.stopped.cancelled() => return Err(closed()),
            }
        }
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(DanubeAcker(self.core.clone()))
    }

    fn delivery(&self) -> watch::Receiver<Delivery> {
        self.core.delivery.subscribe()
    }
}

impl Drop for DanubeConsumer {
    fn drop(&mut self) {
        self.core.stopped.cancel();
    }
}

/// Acknowledges messages, also after its consumer was dropped.
struct DanubeAcker(Arc<Core>);

#[async_trait]
impl Acker for DanubeAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        self.0.finish(messages, None).await
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        self.0.finish(messages, Some(delay)).await
    }
}
