//! The sink loop: messages in, writes durable in the target, then acknowledged.
//!
//! ```text
//! consumer → reader: [batch by count, bytes, linger, idleness] → lane: decode → component → writes → ack
//! ```
//!
//! * **Acknowledgement** comes only after the effect: a message is acknowledged when every write made from it is
//!   durable in the target, when the component made none of it, or when its dead letter is durable. Whatever else
//!   happens (an error, a crash, a stop), it stays unacknowledged and comes again; write ids make that harmless.
//! * **Order.** Where the subscription keeps order, messages of one key go to one lane, and a lane finishes a batch
//!   before it begins the next. Halving and retries keep the order of what is left.
//! * **Faults.** The target's and the broker's errors back off without limit, and the batch is held. The component's
//!   own `retryable` is believed ten times or ten minutes. A batch that fails through its contents is halved (see
//!   [`crate::bisect`]); what is poisonous alone is dealt with as [`OnPoison`](danube_wasm_model::OnPoison) says.
//! * **Stopping.** The reader stops first and hands on what it has; lanes finish; at the deadline what is unfinished is
//!   left unacknowledged.

mod aside;
mod blocked;
pub(crate) mod claims;
mod decode;
mod delivery;
mod lane;
mod orders;
mod plan;
mod reader;
pub mod rehearsal;
mod replayed;

use std::{collections::HashSet, sync::Arc};

use danube_wasm_broker::{Broker, BrokerError, Consumer, ConsumerOptions, Message, MessageId};
use danube_wasm_model::{
    BatchPolicy, ConnectorId,
    door::{Egress, SinkGuest},
};
use danube_wasm_schema::Schemas;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::BackoffPolicy,
    breaker::{Behind, Breaker},
    concurrency::Concurrency,
    dead_letter::DeadLetters,
    failpoints::{self, FailPoint},
    panics::Guard,
    patience::Patience,
    probe::Probe,
    status::{Status, StatusCell},
    tend,
};

/// What a sink is made of.
pub struct SinkParts {
    /// The component.
    pub guest: Arc<dyn SinkGuest>,
    /// Where messages come from.
    pub broker: Arc<dyn Broker>,
    /// Its name as a consumer: unique among the processes that share its subscriptions, and the same after a restart.
    pub consumer: String,
    /// How they are decoded.
    pub schemas: Arc<Schemas>,
    /// Where writes go.
    pub egress: Arc<dyn Egress>,
    /// For each of the component's consumer configurations, in order.
    pub batches: Vec<BatchPolicy>,
    /// How long it puts up with what goes wrong.
    pub patience: Patience,
    /// Numbers and traces.
    pub probe: Probe,
}

/// A running sink. [`Sink::drain`] ends it.
pub struct Sink {
    id: ConnectorId,
    status: StatusCell,
    halt: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    _tending: JoinSet<()>,
}

/// What the lanes of one subscription share.
struct Shared {
    /// Which of the component's consumer configurations.
    subscription: usize,
    guest: Arc<dyn SinkGuest>,
    egress: Arc<dyn Egress>,
    schemas: Arc<Schemas>,
    expected_subject: Option<String>,
    policy: BatchPolicy,
    ordered: bool,
    backoff: BackoffPolicy,
    dead_letters: Arc<DeadLetters>,
    component: Arc<Breaker>,
    target: Arc<Breaker>,
    writers: Arc<Concurrency>,
    status: StatusCell,
    /// Told to stop, or failed: nothing is begun that has to wait.
    halt: CancellationToken,
    in_flight: Mutex<HashSet<MessageId>>,
    probe: Probe,
}

impl Shared {
    /// Of a task of this sink.
    fn guard(&self) -> Guard {
        Guard {
            status: self.status.clone(),
            halt: Some(self.halt.clone()),
        }
    }

    /// Messages were read. Those that a lane has, or that wait for one, are taken out: a broker gives a message again that was
    /// not acknowledged in time, and while its first copy is here, another is only work twice.
    fn taken(&self, batch: &mut Vec<Message>) {
        let mut in_flight = self.in_flight.lock();
        batch.retain(|message| in_flight.insert(message.message_id));
        self.probe.in_flight(in_flight.len());
    }

    /// Messages are about to be acknowledged or given back.
    fn let_go(&self, ids: &[MessageId]) {
        let mut in_flight = self.in_flight.lock();
        for id in ids {
            in_flight.remove(id);
        }
        self.probe.in_flight(in_flight.len());
    }
}

impl Sink {
    /// Subscribes to every topic, creating those that are not there, and starts reading. When this returns, nothing
    /// that is published from now on is missed.
    pub async fn start(parts: SinkParts) -> Result<Arc<Self>, BrokerError> {
        let id = parts.guest.id().clone();
        let configs = parts.guest.consumer_configs().to_vec();
        let publisher = parts.broker.publisher(id.as_str()).await?;
        let letter_topic = configs.first().map(|c| c.topic.dead_letters_of(&id));
        let digest = parts.guest.digest().to_owned();
        let dead_letters = Arc::new(
            DeadLetters::open(
                &*parts.broker,
                publisher,
                letter_topic,
                &id,
                &digest,
                parts.patience.dead_letters,
            )
            .await?,
        );
        let component = Breaker::new(parts.patience.component, Behind::Component, parts.probe.clone());
        let target = Breaker::new(parts.patience.target(), Behind::Target, parts.probe.clone());
        let lanes = parts.guest.lanes().max(1);
        let writers = Concurrency::up_to(lanes * configs.len(), parts.probe.clone());
        let status = StatusCell::default();
        let halt = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut tending = JoinSet::new();
        for (i, config) in configs.iter().enumerate() {
            let policy = parts.batches.get(i).copied().unwrap_or_default();
            let consumer = parts
                .broker
                .subscribe(ConsumerOptions {
                    topic: config.topic.clone(),
                    subscription: config.subscription.clone(),
                    subscription_type: config.subscription_type,
                    consumer: parts.consumer.clone(),
                    start: policy.start,
                    // Each lane works on one batch, one is ready for it, one is being collected.
                    unacknowledged_max: policy.messages_max.saturating_mul(3 * lanes),
                })
                .await?;
            let shared = Arc::new(Shared {
                subscription: i,
                guest: parts.guest.clone(),
                egress: parts.egress.clone(),
                schemas: parts.schemas.clone(),
                expected_subject: config.expected_schema_subject.clone(),
                policy,
                ordered: config.subscription_type.keeps_order(),
                backoff: parts.patience.waits,
                dead_letters: dead_letters.clone(),
                component: component.clone(),
                target: target.clone(),
                writers: writers.clone(),
                status: status.clone(),
                halt: halt.clone(),
                in_flight: Mutex::default(),
                probe: parts.probe.clone(),
            });
            let following = delivery::follow(shared.clone(), consumer.delivery(), config.topic.clone());
            tending.spawn(shared.guard().run("what follows the broker's delivery", following));
            tasks.spawn(
                shared
                    .guard()
                    .run("a subscription", run(shared.clone(), consumer, lanes)),
            );
        }
        let guard = Guard {
            status: status.clone(),
            halt: Some(halt.clone()),
        };
        let looking = tend::tend(status.clone(), None, Some((parts.egress, halt.clone())));
        tending.spawn(guard.run("what looks whether it works", looking));
        Ok(Arc::new(Self {
            id,
            status,
            _tending: tending,
            halt,
            tasks: tokio::sync::Mutex::new(tasks),
        }))
    }

    /// Who it is.
    pub fn id(&self) -> &ConnectorId {
        &self.id
    }

    /// Follows its status.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Stops reading, finishes what was read, and ends. What is unfinished at the deadline stays unacknowledged and is
    /// delivered again at the next start.
    pub async fn drain(&self, deadline: tokio::time::Instant) {
        self.halt.cancel();
        failpoints::reach(FailPoint::SinkDraining);
        let mut tasks = self.tasks.lock().await;
        let all_done = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all_done).await.is_err() {
            tracing::warn!(connector = %self.id, "stopped with messages unwritten: they stay in the broker and are delivered again");
            tasks.shutdown().await;
        }
        self.status.stopped();
    }
}

/// One subscription: a reader and its lanes. The consumer outlives the lanes, because dropping it gives back whatever is
/// not yet acknowledged.
async fn run(shared: Arc<Shared>, mut consumer: Box<dyn Consumer>, lanes: usize) {
    let acker = consumer.acker();
    let mut working = JoinSet::new();
    let (to_lanes, batches) = reader::Lanes::new(lanes, shared.ordered);
    for (lane, batches) in batches.into_iter().enumerate() {
        let lane = lane::Lane::new(shared.clone(), lane, acker.clone());
        working.spawn(shared.guard().run("a lane", lane.run(batches)));
    }
    // When it panics, lanes still finish what they have.
    let reading = reader::read(&shared, &mut *consumer, to_lanes);
    shared.guard().run("the reader", reading).await;
    while working.join_next().await.is_some() {}
}
