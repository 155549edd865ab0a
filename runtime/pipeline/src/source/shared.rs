//! What the lanes of a source share, and what they work on.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{BrokerError, TopicSpec};
use danube_wasm_model::{
    door::{Outcome, SourceGuest},
    event::Event,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{OnFailure, OnInvalid, SourceLimits, SourceParts, publishing::Publishing, topics::Topics};
use crate::{
    BackoffPolicy,
    breaker::{Behind, Breaker},
    dead_letter::DeadLetters,
    error_budget::Spending,
    panics::Guard,
    probe::Probe,
    status::StatusCell,
};

/// See the module.
pub(super) struct Shared {
    pub(super) guest: Arc<dyn SourceGuest>,
    pub(super) publisher: Publishing,
    pub(super) topics: Topics,
    pub(super) limits: SourceLimits,
    pub(super) push: Push,
    pub(super) dead_letters: DeadLetters,
    pub(super) waits: BackoffPolicy,
    /// Dead letters of crashes: a budget of their own, because a source that spends it does not stop.
    pub(super) crashes: Arc<Spending>,
    pub(super) component: Arc<Breaker>,
    pub(super) publishing: Arc<Breaker>,
    pub(super) status: StatusCell,
    pub(super) probe: Probe,
}

/// What is told to senders.
pub(super) struct Push {
    pub(super) queue: Arc<Semaphore>,
    /// By endpoint; endpoints that are not named reject.
    pub(super) on_invalid: HashMap<String, OnInvalid>,
    /// By endpoint; endpoints that are not named reject.
    pub(super) on_failure: HashMap<String, OnFailure>,
}

impl Shared {
    /// Creates the topics and opens what publishes to them.
    pub(super) async fn open(parts: SourceParts, push: Push) -> Result<Arc<Self>, BrokerError> {
        let topics = create_topics(&parts).await?;
        let id = parts.guest.id().clone();
        let publisher = parts.broker.publisher(id.as_str()).await?;
        let configs = parts.guest.producer_configs();
        let dead_letters = DeadLetters::open(
            &*parts.broker,
            publisher.clone(),
            configs.first().map(|config| config.topic.dead_letters_of(&id)),
            &id,
            parts.guest.digest(),
            parts.patience.dead_letters,
        )
        .await?;
        Ok(Arc::new(Self {
            guest: parts.guest,
            publisher: Publishing::new(publisher, parts.clock),
            topics,
            limits: parts.limits,
            push,
            dead_letters,
            waits: parts.patience.waits,
            crashes: Spending::new(parts.patience.dead_letters),
            component: Breaker::new(parts.patience.component, Behind::Component, parts.probe.clone()),
            publishing: Breaker::new(parts.patience.publishing, Behind::Broker, parts.probe.clone()),
            status: StatusCell::default(),
            probe: parts.probe,
        }))
    }

    pub(super) fn lanes(&self) -> usize {
        self.guest.lanes().max(1)
    }

    /// Of a task of this source.
    pub(super) fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            halt: None,
        }
    }

    pub(super) fn count_in_flight(&self) {
        self.probe
            .in_flight(self.limits.queue_events_max - self.push.queue.available_permits());
    }

    pub(super) fn on_invalid(&self, pending: &Pending) -> OnInvalid {
        of(&self.push.on_invalid, &pending.event)
    }

    pub(super) fn on_failure(&self, pending: &Pending) -> OnFailure {
        of(&self.push.on_failure, &pending.event)
    }

    /// The connector goes on no more.
    pub(super) fn fail(&self, reason: String) {
        tracing::error!(connector = %self.guest.id(), %reason, "the connector has stopped");
        self.status.failed(reason);
    }
}

fn of<P: Copy + Default>(policies: &HashMap<String, P>, event: &Event) -> P {
    policies.get(&*event.endpoint).copied().unwrap_or_default()
}

async fn create_topics(parts: &SourceParts) -> Result<Topics, BrokerError> {
    let mut topics = Topics::default();
    for config in parts.guest.producer_configs() {
        let validator = parts.validators.get(&config.topic);
        let spec = TopicSpec {
            partitions: config.partitions,
            reliable_dispatch: config.reliable_dispatch,
            ordered: parts.ordered.contains(&config.topic),
            schema_subject: validator.map(|v| v.subject().to_owned()),
        };
        parts.broker.create_topic(&config.topic, spec).await?;
        topics.insert(config.topic.clone(), validator.cloned());
    }
    Ok(topics)
}

/// An event and whoever waits for its fate. The permit is its place in the queue, held until it is answered.
pub(super) struct Pending {
    pub(super) event: Event,
    pub(super) reply: oneshot::Sender<Outcome>,
    pub(super) permit: OwnedSemaphorePermit,
}

impl Pending {
    /// A sender that has gone misses its answer; the event's fate is the same.
    pub(super) fn answer(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
        drop(self.permit);
    }
}
