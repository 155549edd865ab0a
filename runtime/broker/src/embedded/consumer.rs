//! One consumer of a subscription.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    loader,
    queue::Command,
    shared::{Shared, subscription_deleted},
    topic::{Subscription, Topic},
    window::{ConsumerId, Position},
};
use crate::{Acker, BrokerError, Consumer, ErrorKind, Message, MessageId, Result};

/// See [`Consumer`].
pub(super) struct EmbeddedConsumer {
    pub(super) shared: Arc<Shared>,
    pub(super) topic: Arc<Topic>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) consumer: ConsumerId,
    /// Where each partition ended when it connected.
    pub(super) began: Vec<Position>,
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let changed = self.subscription.changed.notified();
            if let Some(why) = self.shared.queue.close_reason() {
                return Err(why);
            }
            if self.subscription.is_deleted() {
                return Err(subscription_deleted(&self.topic, &self.subscription.name));
            }
            let can_load = self.shared.store.ready().is_ok();
            let (turn, unreadable) = {
                let mut dispatcher = self.subscription.dispatcher.lock();
                let turn = dispatcher.take(self.consumer, max.max(1), Instant::now(), can_load);
                (turn.map_err(|_| self.taken_over())?, dispatcher.unreadable.clone())
            };
            for (index, load) in turn.loads {
                loader::start(&self.shared, &self.topic, &self.subscription, index, load);
            }
            if !turn.messages.is_empty() {
                return Ok(turn.messages);
            }
            if let Some(unreadable) = unreadable {
                return Err(unreadable);
            }
            match turn.due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// Deliveries are counted from when a message is first in the window, for all consumers, but only in memory: what was
    /// published before this consumer connected may have been delivered by an earlier process.
    fn is_first_delivery(&self, message: &Message) -> bool {
        let MessageId { partition, offset } = message.message_id;
        let Some(index) = self.topic.index_of(partition) else {
            return false;
        };
        let began = self.began.get(index).copied().unwrap_or_default();
        let dispatcher = self.subscription.dispatcher.lock();
        let continues = dispatcher
            .windows()
            .get(index)
            .is_some_and(|window| window.continues(began));
        message.redeliveries == 0 && offset >= began.end && continues
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(EmbeddedAcker {
            shared: self.shared.clone(),
            topic: self.topic.clone(),
            subscription: self.subscription.clone(),
            consumer: self.consumer,
        })
    }
}

impl EmbeddedConsumer {
    fn taken_over(&self) -> BrokerError {
        BrokerError::new(
            ErrorKind::Conflict,
            format!(
                "another consumer of the same name took over subscription `{}` of {}: give each its own name",
                self.subscription.name, self.topic.name
            ),
        )
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.subscription.dispatcher.lock().detach(self.consumer);
        self.subscription.changed.notify_waiters();
    }
}

pub(super) struct EmbeddedAcker {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    consumer: ConsumerId,
}

impl EmbeddedAcker {
    /// An acker that belongs to no consumer.
    pub(super) fn without_consumer(shared: Arc<Shared>, topic: Arc<Topic>, subscription: Arc<Subscription>) -> Self {
        Self {
            shared,
            topic,
            subscription,
            consumer: 0,
        }
    }

    /// Sorts offsets by partition. A message of another topic, or one that was never published, is refused:
    /// acknowledging it would skip a future message.
    fn by_partition(&self, messages: &[MessageId]) -> Result<Vec<(usize, Vec<u64>)>> {
        let mut sorted: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for message in messages {
            let index = self.topic.index_of(message.partition);
            let there = index.filter(|at| self.topic.end(*at).is_some_and(|end| message.offset < end));
            let index = there.ok_or_else(|| {
                BrokerError::new(
                    ErrorKind::NotFound,
                    format!(
                        "message {} of partition {} is not one of {}",
                        message.offset, message.partition, self.topic.name
                    ),
                )
            })?;
            sorted.entry(index).or_default().push(message.offset);
        }
        Ok(sorted.into_iter().collect())
    }
}

#[async_trait]
impl Acker for EmbeddedAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        let offsets = self.by_partition(messages)?;
        let (topic, subscription) = (self.topic.clone(), self.subscription.clone());
        self.shared
            .send(|reply| Command::Ack {
                topic,
                subscription,
                offsets,
                reply,
            })
            .await
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        let offsets = self.by_partition(messages)?;
        if self.subscription.is_deleted() {
            return Err(subscription_deleted(&self.topic, &self.subscription.name));
        }
        let due = Instant::now().checked_add(delay).filter(|_| !delay.is_zero());
        let mut dispatcher = self.subscription.dispatcher.lock();
        for (index, offsets) in offsets {
            offsets
                .into_iter()
                .for_each(|offset| dispatcher.nack(self.consumer, index, offset, due));
        }
        drop(dispatcher);
        self.subscription.changed.notify_waiters();
        Ok(())
    }
}
