//! One consumer of a subscription.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    loader,
    queue::Command,
    shared::Shared,
    topic::{Subscription, Topic},
    window::MemberId,
};
use crate::{Acker, BrokerError, Consumer, ErrorKind, Message, MessageId, Result};

/// See [`Consumer`].
pub(super) struct EmbeddedConsumer {
    pub(super) shared: Arc<Shared>,
    pub(super) topic: Arc<Topic>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) member: MemberId,
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let changed = self.subscription.changed.notified();
            if let Some(why) = self.shared.queue.closed() {
                return Err(why);
            }
            if self.subscription.has_ended() {
                return Err(ended(&self.topic, &self.subscription.name));
            }
            let can_load = self.shared.store.ready().is_ok();
            let (turn, damage) = {
                let mut delivery = self.subscription.delivery.lock();
                let turn = delivery.take(self.member, max.max(1), Instant::now(), can_load);
                (turn.map_err(|_| self.taken_over())?, delivery.damage.clone())
            };
            for (index, load) in turn.loads {
                loader::start(&self.shared, &self.topic, &self.subscription, index, load);
            }
            if !turn.messages.is_empty() {
                return Ok(turn.messages);
            }
            if let Some(damage) = damage {
                return Err(damage);
            }
            match turn.due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, changed).await;
                }
                None => changed.await,
            }
        }
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(EmbeddedAcker {
            shared: self.shared.clone(),
            topic: self.topic.clone(),
            subscription: self.subscription.clone(),
            member: self.member,
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
        self.subscription.delivery.lock().detach(self.member);
        self.subscription.changed.notify_waiters();
    }
}

/// The session is over: what it consumed was deleted.
pub(super) fn ended(topic: &Topic, subscription: &str) -> BrokerError {
    let name = &topic.name;
    let message = format!("subscription `{subscription}` of {name} was deleted, alone or with its topic");
    BrokerError::new(ErrorKind::NotFound, message)
}

pub(super) struct EmbeddedAcker {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    member: MemberId,
}

impl EmbeddedAcker {
    /// Belongs to no consumer.
    pub(super) fn of_nobody(shared: Arc<Shared>, topic: Arc<Topic>, subscription: Arc<Subscription>) -> Self {
        Self {
            shared,
            topic,
            subscription,
            member: 0,
        }
    }

    /// Offsets by partition. A message of another topic, or one that was never published, is refused: acknowledging it
    /// would skip a message that is still to come.
    fn sort(&self, messages: &[MessageId]) -> Result<Vec<(usize, Vec<u64>)>> {
        let mut sorted: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for message in messages {
            let place = self.topic.place(message.partition);
            let there = place.filter(|at| self.topic.end(*at).is_some_and(|end| message.offset < end));
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
        let offsets = self.sort(messages)?;
        let (topic, subscription) = (self.topic.clone(), self.subscription.clone());
        self.shared
            .ask(|reply| Command::Ack {
                topic,
                subscription,
                offsets,
                reply,
            })
            .await
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        let offsets = self.sort(messages)?;
        if self.subscription.has_ended() {
            return Err(ended(&self.topic, &self.subscription.name));
        }
        let due = Instant::now().checked_add(delay).filter(|_| !delay.is_zero());
        let mut delivery = self.subscription.delivery.lock();
        for (index, offsets) in offsets {
            offsets
                .into_iter()
                .for_each(|offset| delivery.nack(self.member, index, offset, due));
        }
        drop(delivery);
        self.subscription.changed.notify_waiters();
        Ok(())
    }
}
