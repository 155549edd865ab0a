//! What the lanes of a sink share.

use std::{collections::HashSet, sync::Arc};

use danube_wasm_broker::{BrokerError, Message, MessageId};
use danube_wasm_model::{
    BatchPolicy,
    door::{ConsumerConfig, Egress, SinkGuest},
};
use danube_wasm_schema::Schemas;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::SinkParts;
use crate::{
    backoff::BackoffPolicy,
    breaker::{Breaker, Dependency},
    concurrency::Concurrency,
    dead_letter::DeadLetters,
    panics::Guard,
    probe::Probe,
    status::StatusCell,
};

/// What all subscriptions of a sink share.
pub(super) struct Common {
    dead_letters: Arc<DeadLetters>,
    component: Arc<Breaker>,
    target: Arc<Breaker>,
    writers: Arc<Concurrency>,
    pub(super) status: StatusCell,
    pub(super) stop: CancellationToken,
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
    pub(super) ordered: bool,
    pub(super) backoff: BackoffPolicy,
    pub(super) dead_letters: Arc<DeadLetters>,
    pub(super) component: Arc<Breaker>,
    pub(super) target: Arc<Breaker>,
    pub(super) writers: Arc<Concurrency>,
    pub(super) status: StatusCell,
    /// Cancelled when the sink is to stop or has failed: nothing is begun that has to wait.
    pub(super) stop: CancellationToken,
    in_flight: Mutex<HashSet<MessageId>>,
    pub(super) probe: Probe,
}

impl Common {
    /// Creates the topic for dead letters.
    pub(super) async fn open(parts: &SinkParts) -> Result<Self, BrokerError> {
        let (guest, policy, probe) = (&parts.guest, &parts.retry_policy, &parts.probe);
        let (id, configs) = (guest.id(), guest.consumer_configs());
        let dead_letters = DeadLetters::open(
            &*parts.broker,
            parts.broker.publisher(id.as_str()).await?,
            configs.first().map(|config| config.topic.dead_letters_of(id)),
            id,
            guest.digest(),
            policy.dead_letters,
        );
        Ok(Self {
            dead_letters: Arc::new(dead_letters.await?),
            component: Breaker::new(policy.component, Dependency::Component, probe.clone()),
            target: Breaker::new(policy.target(), Dependency::Target, probe.clone()),
            writers: Concurrency::up_to(guest.lanes().max(1) * configs.len(), probe.clone()),
            status: StatusCell::default(),
            stop: CancellationToken::new(),
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
            ordered: config.subscription_type.keeps_order(),
            backoff: parts.retry_policy.waits,
            dead_letters: common.dead_letters.clone(),
            component: common.component.clone(),
            target: common.target.clone(),
            writers: common.writers.clone(),
            status: common.status.clone(),
            stop: common.stop.clone(),
            in_flight: Mutex::default(),
            probe: parts.probe.clone(),
        })
    }

    /// Of a task of this sink.
    pub(super) fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            stop: Some(self.stop.clone()),
        }
    }

    /// Messages were read. Removes those that a lane has, or that wait for one: a broker delivers a message again that was
    /// not acknowledged in time, and while its first copy is here, another is only work twice.
    pub(super) fn track(&self, batch: &mut Vec<Message>) {
        let mut in_flight = self.in_flight.lock();
        batch.retain(|message| in_flight.insert(message.message_id));
        self.probe.in_flight(in_flight.len());
    }

    /// These messages are about to be acknowledged or given back.
    pub(super) fn untrack(&self, ids: &[MessageId]) {
        let mut in_flight = self.in_flight.lock();
        for id in ids {
            in_flight.remove(id);
        }
        self.probe.in_flight(in_flight.len());
    }
}
