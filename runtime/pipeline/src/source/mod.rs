//! The source loop: events in, records durable, answers out.
//!
//! ```text
//! offer → queue → lane: [events that are there] → component → plan (schema, ids, groups) → publish → answers
//! ```
//!
//! * **Travelling together.** A lane takes every event that is queued, up to its batch limits, and never waits for
//!   more: on an idle line an event travels alone at once; under load the events that arrived during the last call and
//!   commit share the next ones.
//! * **Order.** Groups are handed to the broker in the order of their events, and each record is stamped with an order
//!   that rises (`publishing.rs`), by which sinks know the newer of two records wherever they meet them. The lane does not wait for the commit
//!   before it calls the component again; answers wait for it.
//! * **Confirmation.** An event is [`Outcome::Accepted`] only when every record made from it is durable. Until then
//!   its sender keeps it, so this loop never retries a publish: it says `Unavailable` and the sender sends again,
//!   which the event's id makes harmless.
//! * **Requests.** Events that came in one request are published at once, or not at all (`request.rs`).
//! * **Retryable.** A component that says so is called again with the same events, for some seconds; then their senders are
//!   asked to retry.
//! * **Faults.** A batch that traps, runs out of its budget, goes over a limit or returns malformed columns is halved
//!   until the culprit is alone; alone it fails a second time before it is blamed (see [`crate::bisect`]). Blamed, it is a
//!   dead letter (see [`refuse`]).

mod failed_call;
mod lane;
mod pending_group;
mod plan;
mod publish;
mod publishing;
pub mod pull;
mod refuse;
pub mod rehearsal;
mod request;
mod retries;
mod shared;
mod topics;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{Broker, BrokerError};
use danube_wasm_model::{
    ConnectorId, OnFailure, OnInvalid, TopicName,
    clock::OrderClock,
    door::{Intake, OnRefusal, Outcome, SourceGuest},
    event::Event,
};
use danube_wasm_schema::Validator;
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
};

use self::{
    request::Request,
    shared::{Answer, Mode, Pending, Push, Shared},
};
use crate::{
    failpoints::{self, FailPoint},
    instruments::Instruments,
    pause::PauseSwitch,
    recovery,
    retry_policy::RetryPolicy,
    status::Status,
};

/// Limits of a source's queue and batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLimits {
    /// Most events taken in and not yet answered. Above it, senders are answered 503.
    pub queue_events_max: usize,
    /// Most events in one call of the component.
    pub batch_events_max: usize,
    /// Most payload bytes in one call, unless a single event is larger.
    pub batch_bytes_max: usize,
}

impl Default for SourceLimits {
    /// 4,096 waiting senders, calls of at most 512 events or 4 MiB: what the measured boundary costs stop falling at,
    /// and what fits into a component's memory many times over.
    fn default() -> Self {
        Self {
            queue_events_max: 4096,
            batch_events_max: 512,
            batch_bytes_max: 4 << 20,
        }
    }
}

/// What a source is made of.
pub struct SourceParts {
    /// The component.
    pub guest: Arc<dyn SourceGuest>,
    /// Where records go.
    pub broker: Arc<dyn Broker>,
    /// Topics whose records keep their order also where they have no key.
    pub ordered: HashSet<TopicName>,
    /// The schema of each topic that has one.
    pub validators: HashMap<TopicName, Arc<Validator>>,
    /// Limits.
    pub limits: SourceLimits,
    /// By endpoint; endpoints that are not named reject.
    pub on_invalid: HashMap<String, OnInvalid>,
    /// By endpoint; endpoints that are not named reject.
    pub on_failure: HashMap<String, OnFailure>,
    /// Waits, circuits and the budget of dead letters.
    pub retry_policy: RetryPolicy,
    /// Gives records their order: one clock for all that publishes in this process.
    pub clock: Arc<OrderClock>,
    /// Numbers and traces.
    pub instruments: Instruments,
}

/// A running source. Offer events to it; [`Source::drain`] ends it.
pub struct Source {
    shared: Arc<Shared>,
    queue: Arc<Semaphore>,
    lanes: RwLock<Vec<mpsc::UnboundedSender<Pending>>>,
    next_lane: AtomicUsize,
    keeps_order_without_key: bool,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    /// What answers requests of several events.
    requests: Mutex<JoinSet<()>>,
    draining: AtomicBool,
    pause: PauseSwitch,
    _background: JoinSet<()>,
}

/// `Retry-After` when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// `Retry-After` of a paused source: a person resumes it, so trying each second helps nobody.
const RETRY_AFTER_PAUSED: Duration = Duration::from_secs(10);

impl Source {
    /// Creates the topics and starts the lanes.
    pub async fn start(parts: SourceParts) -> Result<Arc<Self>, BrokerError> {
        Self::start_with(parts, PauseSwitch::default()).await
    }

    /// Likewise. While the switch says so, it is paused: every event is [`Outcome::Unavailable`].
    pub async fn start_with(mut parts: SourceParts, pause: PauseSwitch) -> Result<Arc<Self>, BrokerError> {
        let limits = parts.limits;
        let keeps_order_without_key = !parts.ordered.is_empty();
        let broker = parts.broker.clone();
        let push = Push {
            queue: Arc::new(Semaphore::new(limits.queue_events_max)),
            on_invalid: std::mem::take(&mut parts.on_invalid),
            on_failure: std::mem::take(&mut parts.on_failure),
        };
        let queue = push.queue.clone();
        let shared = Shared::open(parts, Mode::Push(push)).await?;
        shared.status.set_paused(pause.is_paused());
        warn_if_not_durable(&*broker, &*shared.guest);
        let mut tasks = JoinSet::new();
        let mut senders = Vec::with_capacity(shared.lanes());
        for lane in 0..shared.lanes() {
            // Its places bound it.
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            tasks.spawn(shared.guard().run("a lane", lane::run(shared.clone(), lane, receiver)));
        }
        let mut background = JoinSet::new();
        let checking = recovery::watch(shared.status.clone(), Some(broker), None);
        background.spawn(shared.guard().run("what checks the broker", checking));
        background.spawn(pause.clone().follow(shared.status.clone()));
        Ok(Arc::new(Self {
            _background: background,
            pause,
            shared,
            queue,
            lanes: RwLock::new(senders),
            next_lane: AtomicUsize::new(0),
            keeps_order_without_key,
            tasks: tokio::sync::Mutex::new(tasks),
            requests: Mutex::default(),
            draining: AtomicBool::new(false),
        }))
    }

    /// Who it is.
    pub fn id(&self) -> &ConnectorId {
        self.shared.guest.id()
    }

    /// Follows its status.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Takes no more events, answers those it has, and ends. Events that are not answered by the deadline are left to
    /// their senders.
    pub async fn drain(&self, deadline: tokio::time::Instant) {
        self.draining.store(true, Ordering::Release);
        self.lanes.write().clear();
        failpoints::reach(FailPoint::SourceDraining);
        let mut tasks = self.tasks.lock().await;
        // No lane is left that would begin another one.
        let mut requests = std::mem::take(&mut *self.requests.lock());
        let all_done = async {
            while tasks.join_next().await.is_some() {}
            while requests.join_next().await.is_some() {}
        };
        if tokio::time::timeout_at(deadline, all_done).await.is_err() {
            tracing::warn!(connector = %self.id(), "stopped with events unanswered: their senders were not told that they arrived");
            tasks.shutdown().await;
            requests.shutdown().await;
        }
        self.shared.status.stopped();
    }

    /// Events of one key stay on one lane, and so do all without a key where a topic keeps the order of those; others go round
    /// robin.
    fn lane_of(&self, event: &Event, lanes: usize) -> usize {
        match &event.key {
            Some(key) => crate::lane_of_key(key, lanes),
            None if self.keeps_order_without_key => 0,
            None => self.next_lane.fetch_add(1, Ordering::Relaxed) % lanes,
        }
    }

    /// Places in the queue.
    fn places(&self, events: usize) -> Result<OwnedSemaphorePermit, Outcome> {
        if let Status::Failed(reason) | Status::Crashed(reason) = self.shared.status.get() {
            return Err(unavailable(format!("connector {} has stopped: {reason}", self.id())));
        }
        if self.pause.is_paused() {
            return Err(Outcome::Unavailable {
                message: format!("connector {} is paused by its operator", self.id()),
                retry_after: RETRY_AFTER_PAUSED,
            });
        }
        // Else a large request would never find so many free.
        let places = events.min(self.shared.limits.queue_events_max.div_ceil(4));
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        let permit = self.queue.clone().try_acquire_many_owned(places);
        permit.map_err(|_| unavailable(format!("the queue of {} is full", self.id())))
    }

    fn send(&self, lanes: &[mpsc::UnboundedSender<Pending>], pending: Pending) -> Result<(), Outcome> {
        if self.draining.load(Ordering::Acquire) || lanes.is_empty() {
            return Err(unavailable(format!("connector {} is stopping", self.id())));
        }
        let lane = self.lane_of(&pending.event, lanes.len());
        let sent = lanes[lane].send(pending);
        sent.map_err(|_| unavailable(format!("connector {} is not running", self.id())))
    }

    fn enqueue(&self, event: Event) -> Result<oneshot::Receiver<Outcome>, Outcome> {
        let place = self.places(1)?;
        let (reply, outcome) = oneshot::channel();
        let answer = Answer::Sender { reply, _place: place };
        self.send(&self.lanes.read(), Pending { event, answer })?;
        Ok(outcome)
    }

    fn enqueue_all(
        &self,
        events: Vec<Event>,
        on_refusal: OnRefusal,
    ) -> Result<oneshot::Receiver<Vec<Outcome>>, Outcome> {
        let places = self.places(events.len())?;
        let (request, members, answer) = Request::new(events.len(), on_refusal, places);
        // Alone: a lane has the events of a request one behind the other.
        let lanes = self.lanes.write();
        for (event, member) in events.into_iter().zip(members) {
            let answer = Answer::Member(member);
            self.send(&lanes, Pending { event, answer })?;
        }
        let mut requests = self.requests.lock();
        while requests.try_join_next().is_some() {}
        let answering = request.run(self.shared.clone());
        requests.spawn(self.shared.guard().run("what answers a request", answering));
        Ok(answer)
    }

    fn stopped(&self) -> Outcome {
        unavailable(format!("connector {} has stopped", self.id()))
    }
}

/// The operator learns at the start that a 200 does not mean a disk.
fn warn_if_not_durable(broker: &dyn Broker, guest: &dyn SourceGuest) {
    let topics = guest.producer_configs().iter().map(|config| &config.topic);
    let not_durable: Vec<_> = topics.filter(|topic| broker.is_durable(topic) == Some(false)).collect();
    if let Some(topic) = not_durable.first() {
        tracing::warn!(
            connector = %guest.id(), %topic, topics = not_durable.len(),
            "senders are answered 200 before their records are on a disk, and are told `\"durable\":false`: the broker may lose \
             what it confirmed in its last seconds. On Danube, give the source `buffer = {{ type = \"disk\", max_bytes = … }}`, and \
             the topic `reliable_dispatch = true`; docs/delivery.md has what is promised where"
        );
    }
}

#[async_trait]
impl Intake for Source {
    async fn offer(&self, event: Event) -> Outcome {
        self.shared.instruments.received([&*event.endpoint]);
        match self.enqueue(event) {
            // A lane that ended without an answer was aborted at the end of its grace time.
            Ok(outcome) => outcome.await.unwrap_or_else(|_| self.stopped()),
            Err(refusal) => refusal,
        }
    }

    async fn offer_all(&self, events: Vec<Event>, on_refusal: OnRefusal) -> Vec<Outcome> {
        let n = events.len();
        let endpoints = events.iter().map(|event| &*event.endpoint);
        self.shared.instruments.received(endpoints);
        match self.enqueue_all(events, on_refusal) {
            Ok(outcomes) => outcomes.await.unwrap_or_else(|_| vec![self.stopped(); n]),
            Err(refusal) => vec![refusal; n],
        }
    }

    fn payload_bytes_max(&self) -> Option<usize> {
        let shared = &self.shared;
        let is_known = shared.guest.forwards_payloads() && shared.topics.keep_payloads();
        is_known.then(|| shared.publisher.record_bytes_max()).flatten()
    }
}

fn unavailable(message: String) -> Outcome {
    Outcome::Unavailable {
        message,
        retry_after: RETRY_AFTER,
    }
}
