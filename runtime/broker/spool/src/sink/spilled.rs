//! The spilled messages of a subscription.

use std::sync::Arc;

use danube_wasm_broker::{Consumer, Message, Result};
use danube_wasm_model::TopicName;
use tokio::time::Instant;

use super::{
    pending_acks::PendingAck,
    retry_timer::RetryTimer,
    shared::{Shared, Subscription},
    stored_copy::{count_fitting, from_record, to_record},
};
use crate::{limits::READ_ONCE_MAX, store::record_size};

/// See the module.
pub(super) struct Spilled {
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    /// Their topic and its consumer, once messages were spilled.
    spill_topic: Option<TopicName>,
    log: Option<Box<dyn Consumer>>,
    /// Whether there are any, as of the last check.
    pub(super) has_messages: bool,
    /// Writing and reading are retried independently.
    pub(super) write_retry: RetryTimer,
    pub(super) read_retry: RetryTimer,
}

impl Spilled {
    /// `spill_topic` is `None` if no message is spilled.
    pub(super) async fn open(
        subscription: Arc<Subscription>,
        shared: Arc<Shared>,
        spill_topic: Option<TopicName>,
    ) -> Result<Self> {
        let mut spilled = Self {
            subscription,
            shared,
            spill_topic: None,
            log: None,
            has_messages: spill_topic.is_some(),
            write_retry: RetryTimer::default(),
            read_retry: RetryTimer::default(),
        };
        if let Some(spill_topic) = spill_topic {
            spilled.open_topic(spill_topic).await?;
        }
        Ok(spilled)
    }

    /// Starts to read a topic.
    async fn open_topic(&mut self, spill_topic: TopicName) -> Result<()> {
        let (options, store) = (&self.subscription.options, &self.subscription.store);
        let log = store
            .read(&spill_topic, options.subscription_type, options.unacknowledged_max)
            .await?;
        self.shared.set_disk_acker(log.acker());
        self.log = Some(log);
        self.spill_topic = Some(spill_topic);
        Ok(())
    }

    /// The topic for spilled messages; created and read when it is first needed.
    async fn spill_topic(&mut self) -> Result<TopicName> {
        if let Some(spill_topic) = &self.spill_topic {
            return Ok(spill_topic.clone());
        }
        let options = &self.subscription.options;
        let spill_topic = self
            .subscription
            .catalog
            .ensure_spill_topic(&options.topic, &options.subscription)
            .await?;
        self.open_topic(spill_topic.clone()).await?;
        Ok(spill_topic)
    }

    /// The next copies; never returns if none were ever written.
    pub(super) async fn receive(&mut self) -> Result<Vec<Message>> {
        match &mut self.log {
            Some(log) => log.receive(READ_ONCE_MAX).await,
            None => std::future::pending().await,
        }
    }

    /// Whether no spilled message is left.
    pub(super) async fn is_drained(&mut self) -> Result<bool> {
        let Some(spill_topic) = &self.spill_topic else {
            return Ok(true);
        };
        let through = self.subscription.store.unacknowledged(spill_topic).await? == 0;
        if through {
            self.shared.dedup.lock().clear_read();
        }
        if through && self.has_messages {
            let options = &self.subscription.options;
            tracing::info!(topic = %options.topic, subscription = options.subscription, "what the spool held is through: messages pass by it again");
        }
        self.has_messages = !through;
        Ok(through)
    }

    /// Writes messages durably, as many as there is room for, and returns their pending acknowledgements. The other
    /// messages are returned too.
    pub(super) async fn write(&mut self, mut messages: Vec<Message>) -> (Vec<PendingAck>, Vec<Message>) {
        if messages.is_empty() {
            return Default::default();
        }
        match self.try_write(&messages).await {
            Ok(pending_acks) => {
                self.write_retry.reset();
                let left = messages.split_off(pending_acks.len());
                (pending_acks, left)
            }
            Err(error) => {
                self.write_retry.record_failure(error);
                (Vec::new(), messages)
            }
        }
    }

    async fn try_write(&mut self, messages: &[Message]) -> Result<Vec<PendingAck>> {
        let spill_topic = self.spill_topic().await?;
        let incarnation = self.shared.dedup.lock().incarnation();
        let mut copies: Vec<_> = messages
            .iter()
            .map(|message| to_record(message, &spill_topic, incarnation))
            .collect();
        let store = &self.subscription.store;
        // At least one: if there is no room for it, the error says why.
        copies.truncate(count_fitting(&copies, store.free_bytes()).max(1));
        let messages = messages.iter().take(copies.len());
        let _room = store.reserve(copies.iter().map(record_size).sum::<usize>() as u64)?;
        let written = store.write(copies).await;
        let mut dedup = self.shared.dedup.lock();
        let pending_acks: Vec<PendingAck> = messages
            .map(|message| (message.message_id, dedup.fingerprint(message)))
            .collect();
        for (_, fingerprint) in &pending_acks {
            match written {
                Ok(()) => dedup.record_write(*fingerprint),
                Err(_) => dedup.record_uncertain_write(*fingerprint),
            }
        }
        written.map(|()| pending_acks)
    }

    /// A copy that was read belongs to a message in flight, is new, or is a duplicate.
    pub(super) async fn handle_copies(&mut self, copies: Vec<Message>) {
        self.read_retry.reset();
        let mut twice = Vec::new();
        let now = Instant::now();
        for message in copies {
            let copy = match from_record(message, &self.subscription.options.topic) {
                Ok(copy) => copy,
                Err(error) => {
                    self.read_retry.record_failure(error);
                    continue;
                }
            };
            let mut dedup = self.shared.dedup.lock();
            let fingerprint = dedup.fingerprint(&copy.message);
            if dedup.is_duplicate_copy(fingerprint, copy.incarnation, copy.place.offset) {
                dedup.record_caller_ack(fingerprint);
                twice.push(copy.place);
                continue;
            }
            drop(dedup);
            let mut in_flight = self.shared.in_flight.lock();
            if let Some(copy) = in_flight.finish_spilling(copy, fingerprint) {
                in_flight.add_from_disk(copy, fingerprint, now);
            }
        }
        self.shared.copies_read.notify_waiters();
        self.shared.notify_available();
        if let (false, Ok(log)) = (twice.is_empty(), self.shared.disk_acker())
            && let Err(error) = log.ack(&twice).await
        {
            self.read_retry.record_failure(error);
        }
    }
}
