//! The pull driver: for sources whose upstream keeps what was not confirmed, and that have no sender to ask for a retry.
//!
//! ```text
//! receive(room) → lane of the stream → component → plan → publish, one at a time for each stream → frontier → confirm
//! ```
//!
//! * **Room.** It reads events only while there is room for more, in events and in bytes, and never refuses (`in_flight.rs`).
//!   That streams are revoked or lost it reads at any time (`reader.rs`).
//! * **Order.** A stream stays on one lane, unless its keys are independent. Of each stream one call's records are handed to
//!   the broker at a time (`chains.rs`), all or none of them, and tried again for ever (`publish.rs`): nothing overtakes what
//!   failed. Other streams are not delayed (`queues.rs`).
//! * **Confirmation.** Of each epoch of a stream the done prefix (`frontier.rs`). An event is done when all its records are
//!   durable in the broker, or its dead letter is, or it is skipped because the operator says so.
//! * **Durability.** A broker that does not promise that what it has confirmed is on a disk (Danube, without a buffer on
//!   this machine's disk) is no place for what an upstream forgets once it is confirmed. A source does not start on such a
//!   topic, and stops as soon as a record is confirmed to it as not durable, before anything is confirmed upstream: its error
//!   names the cure. Waiting instead would end in an upstream whose disk is full.
//! * **Streams that go.** A revoked stream is finished and confirmed until its deadline, then released. A lost one is
//!   dropped: what waits is not handed over any more, and what becomes of the rest changes nothing (`session.rs`).
//! * **Bad data.** [`OnInvalid`] says what becomes of refused data. An event on which the component crashed always becomes a
//!   dead letter. One that is too large even for a dead letter stops the source, unless it may be skipped.

mod chains;
mod confirm;
mod driver;
mod frontier;
mod in_flight;
mod lane;
mod measure;
mod publish;
mod queues;
mod reader;
mod session;

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Broker, BrokerError};
use danube_wasm_model::{ConnectorId, OnInvalid, TopicName, door::SourceGuest, event::Event, upstream::PullDriver};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(super) use self::{chains::Chains, session::Finalizer};
use self::{driver::Driver, in_flight::InFlight};
use super::{
    SourceParts,
    shared::{Mode, Shared},
};
use crate::{
    failpoints::{self, FailPoint},
    pause::PauseSwitch,
    recovery,
    status::Status,
};

/// What a pull source is made of.
pub struct PullParts {
    /// As of any source. `queue_events_max` is how many events may be in flight. Of `on_invalid`, [`OnInvalid::Reject`] is a
    /// dead letter, because nobody can be told; `on_failure` is for senders and means nothing here.
    pub source: SourceParts,
    /// Most bytes of events in flight, unless a single one is larger.
    pub in_flight_bytes_max: usize,
    /// Events of one key keep their order, those of one stream need not: the lanes share a stream.
    pub independent_keys: bool,
}

/// Why a pull source did not start.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PullStartError {
    /// The broker did not do what is needed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// What the upstream would forget, the broker may lose.
    #[error("{}", not_durable(.0))]
    NotDurable(TopicName),
}

/// Why nothing can be confirmed.
fn not_durable(topic: &TopicName) -> String {
    format!(
        "the broker does not say that what it confirms of {topic} is on a disk, so the upstream cannot be told to forget it: \
         give the source `buffer = {{ type = \"disk\", max_bytes = … }}` and the topic `reliable_dispatch = true`"
    )
}

/// What sets the mode of a source's lanes to pull.
pub(super) struct Pull {
    pub(super) in_flight: Arc<InFlight>,
    /// Everything ends at once: nothing more is handed over or confirmed.
    pub(super) stop: CancellationToken,
    /// By endpoint; endpoints that are not named make dead letters.
    pub(super) on_invalid: HashMap<String, OnInvalid>,
}

impl Pull {
    /// What becomes of an event that is refused: anything but [`OnInvalid::Reject`].
    pub(super) fn on_invalid(&self, event: &Event) -> OnInvalid {
        match self.on_invalid.get(&*event.endpoint) {
            None | Some(OnInvalid::Reject) => OnInvalid::DeadLetter,
            Some(policy) => *policy,
        }
    }
}

/// A running pull source. Hand its [`PullSource::driver`] to the ingress; [`PullSource::drain`] ends it.
pub struct PullSource {
    shared: Arc<Shared>,
    driver: Arc<Driver>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    _background: Mutex<JoinSet<()>>,
}

impl PullSource {
    /// Creates the topics and starts the lanes. Nothing is read before an ingress asks the driver to.
    pub async fn start(parts: PullParts) -> Result<Arc<Self>, PullStartError> {
        Self::start_with(parts, PauseSwitch::default()).await
    }

    /// Likewise. While the switch says so, it is paused: it keeps its sessions and receives no events.
    pub async fn start_with(mut parts: PullParts, pause: PauseSwitch) -> Result<Arc<Self>, PullStartError> {
        let broker = parts.source.broker.clone();
        let in_flight = InFlight::new(parts.source.limits.queue_events_max, parts.in_flight_bytes_max);
        let pull = Pull {
            in_flight: in_flight.clone(),
            stop: CancellationToken::new(),
            on_invalid: std::mem::take(&mut parts.source.on_invalid),
        };
        let shared = Shared::open(parts.source, Mode::Pull(pull)).await?;
        shared.status.set_paused(pause.is_paused());
        check_durable(&*broker, &*shared.guest)?;
        let mut tasks = JoinSet::new();
        let mut senders = Vec::with_capacity(shared.lanes());
        for lane in 0..shared.lanes() {
            // What is in flight bounds it.
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            tasks.spawn(shared.guard().run("a lane", lane::run(shared.clone(), lane, receiver)));
        }
        let mut background = JoinSet::new();
        let checking = recovery::watch(shared.status.clone(), Some(broker), None);
        background.spawn(shared.guard().run("what checks the broker", checking));
        background.spawn(pause.clone().follow(shared.status.clone()));
        let driver = Driver::new(shared.clone(), in_flight, senders, parts.independent_keys, pause);
        background.spawn(shared.guard().run("what measures", driver.measured.clone().watch()));
        Ok(Arc::new(Self {
            driver: Arc::new(driver),
            shared,
            tasks: tokio::sync::Mutex::new(tasks),
            _background: Mutex::new(background),
        }))
    }

    /// Who it is.
    pub fn id(&self) -> &ConnectorId {
        self.shared.guest.id()
    }

    /// What reads from upstreams for it.
    pub fn driver(&self) -> Arc<dyn PullDriver> {
        self.driver.clone()
    }

    /// Follows its status.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Reads no more, finishes and confirms what it has, closes its sessions, and ends. What is not confirmed by the deadline
    /// comes again.
    pub async fn drain(&self, deadline: Instant) {
        self.driver.stop(deadline);
        failpoints::reach(FailPoint::SourceDraining);
        self.driver.ended(deadline).await;
        // Nobody is left to confirm anything.
        self.driver.close_lanes();
        let mut tasks = self.tasks.lock().await;
        let all_done = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all_done).await.is_err() {
            tracing::warn!(connector = %self.id(), "stopped with events under way: they were not confirmed and come again");
            tasks.shutdown().await;
        }
        self.driver.measured.show_unconfirmed();
        self.shared.status.stopped();
    }
}

impl Drop for PullSource {
    /// Undrained: what an ingress still has of the driver does nothing any more.
    fn drop(&mut self) {
        if let Some(pull) = self.shared.pull() {
            pull.stop.cancel();
        }
    }
}

fn check_durable(broker: &dyn Broker, guest: &dyn SourceGuest) -> Result<(), PullStartError> {
    let topics = guest.producer_configs().iter().map(|config| &config.topic);
    let mut not_durable = topics.filter(|topic| broker.is_durable(topic) == Some(false));
    not_durable
        .next()
        .map_or(Ok(()), |topic| Err(PullStartError::NotDurable(topic.clone())))
}
