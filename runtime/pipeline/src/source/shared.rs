//! What the lanes of a source share, and what they work on.

use std::{collections::HashMap, sync::Arc, time::Duration};

use danube_wasm_broker::{BrokerError, TopicSpec};
use danube_wasm_model::{
    door::{Outcome, SourceGuest},
    event::Event,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    OnFailure, OnInvalid, SourceLimits, SourceParts,
    publishing::Publishing,
    pull::{Finalizer, Pull},
    request::Member,
    topics::Topics,
};
use crate::{
    BackoffPolicy,
    breaker::{Breaker, Dependency},
    dead_letter::DeadLetters,
    error_budget::BudgetUse,
    instruments::Instruments,
    panics::Guard,
    status::StatusCell,
};

/// See the module.
pub(super) struct Shared {
    pub(super) guest: Arc<dyn SourceGuest>,
    pub(super) publisher: Publishing,
    pub(super) topics: Topics,
    pub(super) limits: SourceLimits,
    pub(super) mode: Mode,
    pub(super) dead_letters: DeadLetters,
    pub(super) waits: BackoffPolicy,
    /// Dead letters of crashes: a budget of their own, because a source that spends it does not stop.
    pub(super) crashes: Arc<BudgetUse>,
    pub(super) component: Arc<Breaker>,
    pub(super) publishing: Arc<Breaker>,
    pub(super) status: StatusCell,
    pub(super) instruments: Instruments,
}

/// Whether somebody waits for the fate of each event.
pub(super) enum Mode {
    /// Its sender, who keeps it until then and can be asked to retry.
    Push(Push),
    /// An upstream that was read from: what cannot be done now is done later, here.
    Pull(Pull),
}

/// How senders are answered.
pub(super) struct Push {
    pub(super) queue: Arc<Semaphore>,
    /// By endpoint; endpoints that are not named reject.
    pub(super) on_invalid: HashMap<String, OnInvalid>,
    /// By endpoint; endpoints that are not named reject.
    pub(super) on_failure: HashMap<String, OnFailure>,
}

impl Shared {
    /// Creates the topics and opens what publishes to them.
    pub(super) async fn open(parts: SourceParts, mode: Mode) -> Result<Arc<Self>, BrokerError> {
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
            parts.retry_policy.dead_letters,
        )
        .await?;
        Ok(Arc::new(Self {
            guest: parts.guest,
            publisher: Publishing::new(publisher, parts.clock),
            topics,
            limits: parts.limits,
            mode,
            dead_letters,
            waits: parts.retry_policy.waits,
            crashes: BudgetUse::new(parts.retry_policy.dead_letters),
            component: Breaker::new(
                parts.retry_policy.component,
                Dependency::Component,
                parts.instruments.clone(),
            ),
            publishing: Breaker::new(
                parts.retry_policy.publishing,
                Dependency::Broker,
                parts.instruments.clone(),
            ),
            status: StatusCell::default(),
            instruments: parts.instruments,
        }))
    }

    pub(super) fn lanes(&self) -> usize {
        self.guest.lanes().max(1)
    }

    /// Of a task of this source.
    pub(super) fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            stop: self.pull().map(|pull| pull.stop.clone()),
        }
    }

    /// Of a pull source.
    pub(super) fn pull(&self) -> Option<&Pull> {
        match &self.mode {
            Mode::Push(_) => None,
            Mode::Pull(pull) => Some(pull),
        }
    }

    pub(super) fn count_in_flight(&self) {
        self.instruments.in_flight(match &self.mode {
            Mode::Push(push) => self.limits.queue_events_max - push.queue.available_permits(),
            Mode::Pull(pull) => pull.in_flight.events(),
        });
    }

    /// Whether refused data becomes a dead letter, or its sender or upstream decides.
    pub(super) fn on_invalid(&self, pending: &Pending) -> OnInvalid {
        match &self.mode {
            Mode::Push(push) => of(&push.on_invalid, &pending.event),
            Mode::Pull(pull) => pull.on_invalid(&pending.event),
        }
    }

    pub(super) fn on_failure(&self, pending: &Pending) -> OnFailure {
        match &self.mode {
            Mode::Push(push) => of(&push.on_failure, &pending.event),
            Mode::Pull(_) => OnFailure::DeadLetter,
        }
    }

    /// The connector stops for good.
    pub(super) fn fail(&self, reason: String) {
        // Of a pull source each event that cannot be done says so, and one is enough.
        if self.pull().is_some_and(|pull| pull.stop.is_cancelled()) {
            return;
        }
        tracing::error!(connector = %self.guest.id(), %reason, "the connector has stopped");
        self.status.failed(reason);
        if let Some(pull) = self.pull() {
            pull.stop.cancel();
        }
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

/// An event, and who is answered.
pub(super) struct Pending {
    pub(super) event: Event,
    pub(super) answer: Answer,
}

/// Who is answered. The event's place in the queue is held until then.
pub(super) enum Answer {
    Sender {
        reply: oneshot::Sender<Outcome>,
        _place: OwnedSemaphorePermit,
    },
    /// With others of its request.
    Member(Member),
    Upstream(Finalizer),
}

impl Pending {
    /// A sender that has hung up misses its answer; the event is processed all the same.
    pub(super) fn answer(self, outcome: Outcome) {
        match self.answer {
            Answer::Sender { reply, .. } => drop(reply.send(outcome)),
            Answer::Member(member) => member.settle(outcome),
            Answer::Upstream(finalizer) => finalizer.answered(&self.event, outcome),
        }
    }

    /// Of a pull source.
    pub(super) fn finalizer(&self) -> Option<&Finalizer> {
        match &self.answer {
            Answer::Sender { .. } | Answer::Member(_) => None,
            Answer::Upstream(finalizer) => Some(finalizer),
        }
    }

    /// Of a request of several events.
    pub(super) fn member(&self) -> Option<&Member> {
        match &self.answer {
            Answer::Member(member) => Some(member),
            Answer::Sender { .. } | Answer::Upstream(_) => None,
        }
    }

    /// Whether a record may be made of both: they are of one request, or each is a request of its own.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.member().map(Member::request) == other.member().map(Member::request)
    }

    /// Whether its fate still matters here: not once its stream is lost.
    pub(super) fn is_live(&self) -> bool {
        self.finalizer().is_none_or(Finalizer::is_live)
    }
}

/// Waits, unless this event's stream is lost before.
pub(super) async fn sleep_while_live(pending: Option<&Pending>, wait: Duration) {
    match pending.and_then(Pending::finalizer) {
        Some(finalizer) => drop(tokio::time::timeout(wait, finalizer.cancelled()).await),
        None => tokio::time::sleep(wait).await,
    }
}
