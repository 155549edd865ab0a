//! What the lanes of a sink share.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use danube_wasm_broker::{BrokerError, Message, MessageId};
use danube_wasm_model::{
    BatchPolicy, SubscriptionType,
    door::{ConsumerConfig, Egress, SinkGuest},
};
use danube_wasm_schema::Schemas;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{SinkParts, plan::Rules, target_holds::TargetHolds};
use crate::{
    backoff::BackoffPolicy,
    breaker::{Breaker, Dependency},
    concurrency::Concurrency,
    dead_letter::DeadLetters,
    instruments::Instruments,
    panics::Guard,
    pause::PauseSwitch,
    status::StatusCell,
};

/// What all subscriptions of a sink share.
pub(super) struct Common {
    dead_letters: Arc<DeadLetters>,
    component: Arc<Breaker>,
    target: Arc<Breaker>,
    target_holds: Arc<TargetHolds>,
    writers: Arc<Concurrency>,
    pub(super) status: StatusCell,
    pub(super) stop: CancellationToken,
    pub(super) pause: PauseSwitch,
}

/// What the lanes of one subscription share.
pub(super) struct Shared {
    /// Which of the component's consumer configurations.
    pub(super) subscription: usize,
    pub(super) guest: Arc<dyn SinkGuest>,
    pub(super) egress: Arc<dyn Egress>,
    pub(super) schemas: Arc<Schemas>,
    pub(super) expected_subject: Option<String>,
    pub(super) policy: BatchPolicy,
    pub(super) subscription_type: SubscriptionType,
    pub(super) backoff: BackoffPolicy,
    pub(super) dead_letters: Arc<DeadLetters>,
    pub(super) component: Arc<Breaker>,
    pub(super) target: Arc<Breaker>,
    pub(super) target_holds: Arc<TargetHolds>,
    pub(super) writers: Arc<Concurrency>,
    pub(super) status: StatusCell,
    /// Cancelled when the sink is to stop or has failed: nothing is begun that has to wait.
    pub(super) stop: CancellationToken,
    /// Nothing is read while it says so.
    pub(super) pause: PauseSwitch,
    /// What is read and not acknowledged, and whether it may have been delivered before.
    in_flight: Mutex<HashMap<MessageId, bool>>,
    pub(super) instruments: Instruments,
}

impl Common {
    /// Creates the topic for dead letters.
    pub(super) async fn open(parts: &SinkParts, pause: PauseSwitch) -> Result<Self, BrokerError> {
        let (guest, policy, instruments) = (&parts.guest, &parts.retry_policy, &parts.instruments);
        let (id, configs) = (guest.id(), guest.consumer_configs());
        let dead_letters = DeadLetters::open(
            &*parts.broker,
            parts.broker.publisher(id.as_str()).await?,
            configs.first().map(|config| config.topic.dead_letters_of(id)),
            id,
            guest.digest(),
            policy.dead_letters,
        );
        let status = StatusCell::default();
        Ok(Self {
            dead_letters: Arc::new(dead_letters.await?),
            component: Breaker::new(policy.component, Dependency::Component, instruments.clone()),
            target: Breaker::new(policy.target(), Dependency::Target, instruments.clone()),
            target_holds: TargetHolds::new(policy.waits, parts.egress.targets(), status.clone()),
            writers: Concurrency::up_to(guest.lanes().max(1) * configs.len(), instruments.clone()),
            status,
            stop: CancellationToken::new(),
            pause,
        })
    }

    pub(super) fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            stop: Some(self.stop.clone()),
        }
    }
}

impl Shared {
    /// Of the subscription with this number.
    pub(super) fn of_subscription(
        parts: &SinkParts,
        common: &Common,
        subscription: usize,
        config: &ConsumerConfig,
        policy: BatchPolicy,
    ) -> Arc<Self> {
        Arc::new(Self {
            subscription,
            guest: parts.guest.clone(),
            egress: parts.egress.clone(),
            schemas: parts.schemas.clone(),
            expected_subject: config.expected_schema_subject.clone(),
            policy,
            subscription_type: config.subscription_type,
            backoff: parts.retry_policy.waits,
            dead_letters: common.dead_letters.clone(),
            component: common.component.clone(),
            target: common.target.clone(),
            target_holds: common.target_holds.clone(),
            writers: common.writers.clone(),
            status: common.status.clone(),
            stop: common.stop.clone(),
            pause: common.pause.clone(),
            in_flight: Mutex::default(),
            instruments: parts.instruments.clone(),
        })
    }

    /// Of a task of this sink.
    pub(super) fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            stop: Some(self.stop.clone()),
        }
    }

    /// What the sink may write, and in which order.
    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            targets: self.egress.targets(),
            egress: Some(&*self.egress),
            subscription_type: self.subscription_type,
        }
    }

    /// Messages were read. Removes those that a lane has, or that wait for one: a broker delivers a message again that was
    /// not acknowledged in time, and while its first copy is here, another is only work twice.
    pub(super) fn track(&self, batch: &mut Vec<Message>, is_first_delivery: impl Fn(&Message) -> bool) {
        let mut in_flight = self.in_flight.lock();
        batch.retain(|message| match in_flight.entry(message.message_id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(message.redeliveries > 0 || !is_first_delivery(message));
                true
            }
        });
        self.instruments.in_flight(in_flight.len());
    }

    /// For each of these messages whether it may have been delivered before.
    pub(super) fn redelivered(&self, batch: &[Message]) -> Vec<bool> {
        let in_flight = self.in_flight.lock();
        let each = batch.iter().map(|message| in_flight.get(&message.message_id));
        each.map(|redelivered| redelivered.copied().unwrap_or(true)).collect()
    }

    /// These messages are about to be acknowledged or given back.
    pub(super) fn untrack(&self, ids: &[MessageId]) {
        let mut in_flight = self.in_flight.lock();
        for id in ids {
            in_flight.remove(id);
        }
        self.instruments.in_flight(in_flight.len());
    }
}
