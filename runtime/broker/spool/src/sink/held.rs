//! The messages of a subscription that are on disk.

use std::sync::Arc;

use danube_wasm_broker::{Consumer, Message, Result};
use danube_wasm_model::TopicName;
use tokio::time::Instant;

use super::{
    consumer::{Shared, Subscription},
    copies::{copy, fitting, restore},
    pace::Pace,
    receipts::Receipt,
};
use crate::{limits::READ_ONCE_MAX, store::size};

/// See the module.
pub(super) struct Held {
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    /// Where they are, and who reads there, once there was reason to.
    place: Option<TopicName>,
    log: Option<Box<dyn Consumer>>,
    /// Whether there are any, or there were when this was looked at.
    pub(super) any: bool,
    /// Writing and reading fail each for themselves.
    pub(super) writing: Pace,
    pub(super) reading: Pace,
}

impl Held {
    /// `place` is none when nothing is held.
    pub(super) async fn open(
        subscription: Arc<Subscription>,
        shared: Arc<Shared>,
        place: Option<TopicName>,
    ) -> Result<Self> {
        let mut held = Self {
            subscription,
            shared,
            place: None,
            log: None,
            any: place.is_some(),
            writing: Pace::default(),
            reading: Pace::default(),
        };
        if let Some(place) = place {
            held.read_from(place).await?;
        }
        Ok(held)
    }

    /// Reads there from now on.
    async fn read_from(&mut self, place: TopicName) -> Result<()> {
        let (options, store) = (&self.subscription.options, &self.subscription.store);
        let log = store
            .read(&place, options.subscription_type, options.unacknowledged_max)
            .await?;
        self.shared.opened(log.acker());
        self.log = Some(log);
        self.place = Some(place);
        Ok(())
    }

    /// Where messages are held; read from when there is reason to.
    async fn place(&mut self) -> Result<TopicName> {
        if let Some(place) = &self.place {
            return Ok(place.clone());
        }
        let options = &self.subscription.options;
        let place = self
            .subscription
            .catalog
            .make_place(&options.topic, &options.subscription)
            .await?;
        self.read_from(place.clone()).await?;
        Ok(place)
    }

    /// The next copies; never, where none were ever written.
    pub(super) async fn receive(&mut self) -> Result<Vec<Message>> {
        match &mut self.log {
            Some(log) => log.receive(READ_ONCE_MAX).await,
            None => std::future::pending().await,
        }
    }

    /// Whether there are none.
    pub(super) async fn is_through(&mut self) -> Result<bool> {
        let Some(place) = &self.place else { return Ok(true) };
        let through = self.subscription.store.waiting(place).await? == 0;
        if through {
            self.shared.known.lock().emptied();
        }
        if through && self.any {
            let options = &self.subscription.options;
            tracing::info!(topic = %options.topic, subscription = options.subscription, "what the spool held is through: messages pass by it again");
        }
        self.any = !through;
        Ok(through)
    }

    /// Has messages durable, as many as there is room for: these are owed to the broker. The others are given back.
    pub(super) async fn write(&mut self, mut messages: Vec<Message>) -> (Vec<Receipt>, Vec<Message>) {
        if messages.is_empty() {
            return Default::default();
        }
        match self.try_write(&messages).await {
            Ok(receipts) => {
                self.writing.succeeded();
                let left = messages.split_off(receipts.len());
                (receipts, left)
            }
            Err(error) => {
                self.writing.failed(error);
                (Vec::new(), messages)
            }
        }
    }

    async fn try_write(&mut self, messages: &[Message]) -> Result<Vec<Receipt>> {
        let place = self.place().await?;
        let life = self.shared.known.lock().life();
        let mut copies: Vec<_> = messages.iter().map(|message| copy(message, &place, life)).collect();
        let store = &self.subscription.store;
        // One at least: if there is no room for it, it is refused with the reason.
        copies.truncate(fitting(&copies, store.room()).max(1));
        let messages = messages.iter().take(copies.len());
        let _room = store.reserve(copies.iter().map(size).sum::<usize>() as u64)?;
        let written = store.write(copies).await;
        let mut known = self.shared.known.lock();
        let receipts: Vec<Receipt> = messages
            .map(|message| (message.message_id, known.print(message)))
            .collect();
        for (_, print) in &receipts {
            match written {
                Ok(()) => known.wrote(*print),
                Err(_) => known.may_have_written(*print),
            }
        }
        written.map(|()| receipts)
    }

    /// A copy that was read is that of something in hand, or new to it, or there twice.
    pub(super) async fn take(&mut self, copies: Vec<Message>) {
        self.reading.succeeded();
        let mut twice = Vec::new();
        let now = Instant::now();
        for message in copies {
            let copy = match restore(message, &self.subscription.options.topic) {
                Ok(copy) => copy,
                Err(error) => {
                    self.reading.failed(error);
                    continue;
                }
            };
            let mut known = self.shared.known.lock();
            let print = known.print(&copy.message);
            if known.is_second(print, copy.life, copy.place.offset) {
                known.acknowledged_by_caller(print);
                twice.push(copy.place);
                continue;
            }
            drop(known);
            let mut hand = self.shared.hand.lock();
            if let Some(copy) = hand.moved(copy, print) {
                hand.add_copy(copy, print, now);
            }
        }
        self.shared.moved.notify_waiters();
        self.shared.filled();
        if let (false, Ok(log)) = (twice.is_empty(), self.shared.on_disk())
            && let Err(error) = log.ack(&twice).await
        {
            self.reading.failed(error);
        }
    }
}
