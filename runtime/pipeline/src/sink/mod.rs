//! The sink loop: messages in, writes durable in the target, then acknowledged.
//!
//! ```text
//! consumer → reader: [batch by count, bytes, linger, idleness] → lane: decode → component → writes → ack
//! ```
//!
//! * **Acknowledgement** comes only after the effect: a message is acknowledged when every write made from it is
//!   durable in the target, when the component made none of it, or when its dead letter is durable. In every other case
//!   (an error, a crash, a stop) it stays unacknowledged and comes again; write ids make that harmless.
//! * **Order.** Where the subscription keeps order, messages of one key go to one lane, and a lane finishes a batch
//!   before it begins the next. Halving and retries keep the order of what is left.
//! * **Faults.** The target's and the broker's errors back off without limit, and the batch is held. The component's
//!   own `retryable` is followed ten times or for ten minutes. A batch that fails through its contents is halved (see
//!   [`crate::bisect`]); what is poisonous alone is dealt with as [`OnPoison`](danube_wasm_model::OnPoison) says.
//! * **One target, one write.** A target that is unfit is held and tried ever less often (`target_holds.rs`); a write that the
//!   target puts off is written again when it is due. Their messages wait, and the lane goes on with the others, except
//!   with what shares a key or a document with them (`outstanding.rs`). The subscription's window bounds what waits.
//! * **Stopping.** The reader stops first and hands on what it has; lanes finish; at the deadline what is unfinished is
//!   left unacknowledged.

mod acknowledge;
mod blocked;
mod decode;
mod delivery;
mod lane;
mod orders;
mod outstanding;
mod plan;
mod poison;
mod reader;
mod refusals;
pub mod rehearsal;
mod replayed;
mod report;
mod shared;
mod target_holds;
mod write;
mod write_list;

use std::sync::Arc;

use danube_wasm_broker::{Broker, BrokerError, Consumer, ConsumerOptions};
use danube_wasm_model::{
    BatchPolicy, ConnectorId,
    door::{Egress, SinkGuest},
};
use danube_wasm_schema::Schemas;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::shared::{Common, Shared};
use crate::{
    failpoints::{self, FailPoint},
    instruments::Instruments,
    pause::PauseSwitch,
    recovery,
    retry_policy::RetryPolicy,
    status::{Status, StatusCell},
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
    /// For each of the component's consumer configurations, in order. Those that are not there are as the egress wishes.
    pub batches: Vec<BatchPolicy>,
    /// Waits, circuits and the budget of dead letters.
    pub retry_policy: RetryPolicy,
    /// Numbers and traces.
    pub instruments: Instruments,
}

/// A running sink. [`Sink::drain`] ends it.
pub struct Sink {
    id: ConnectorId,
    status: StatusCell,
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    _background: JoinSet<()>,
}

impl Sink {
    /// Subscribes to every topic, creating those that are not there, and starts reading. When this returns, nothing
    /// that is published from now on is missed.
    pub async fn start(parts: SinkParts) -> Result<Arc<Self>, BrokerError> {
        Self::start_with(parts, PauseSwitch::default()).await
    }

    /// Likewise. While the switch says so, it is paused: it stays subscribed and reads nothing.
    pub async fn start_with(parts: SinkParts, pause: PauseSwitch) -> Result<Arc<Self>, BrokerError> {
        let common = Common::open(&parts, pause).await?;
        common.status.set_paused(common.pause.is_paused());
        let lanes = parts.guest.lanes().max(1);
        let mut tasks = JoinSet::new();
        let mut background = JoinSet::new();
        for (i, config) in parts.guest.consumer_configs().iter().enumerate() {
            let policy = parts.batches.get(i).copied();
            let policy = policy.unwrap_or_else(|| parts.egress.batch_wish().into());
            let options = ConsumerOptions {
                topic: config.topic.clone(),
                subscription: config.subscription.clone(),
                subscription_type: config.subscription_type,
                consumer: parts.consumer.clone(),
                start: policy.start,
                // Each lane works on one batch, one is ready for it, one is being collected.
                unacknowledged_max: policy.messages_max.saturating_mul(3 * lanes),
            };
            let consumer = parts.broker.subscribe(options).await?;
            let shared = Shared::of_subscription(&parts, &common, i, config, policy);
            let following = delivery::follow(shared.clone(), consumer.delivery(), config.topic.clone());
            background.spawn(shared.guard().run("what follows the broker's delivery", following));
            let guard = shared.guard();
            tasks.spawn(guard.run("a subscription", run(shared, consumer, lanes)));
        }
        let target = (parts.egress, common.stop.clone());
        let checking = recovery::watch(common.status.clone(), None, Some(target));
        background.spawn(common.guard().run("what checks the target", checking));
        background.spawn(common.pause.clone().follow(common.status.clone()));
        Ok(Arc::new(Self {
            id: parts.guest.id().clone(),
            status: common.status,
            stop: common.stop,
            tasks: tokio::sync::Mutex::new(tasks),
            _background: background,
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
        self.stop.cancel();
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

/// One subscription: a reader and its lanes. The consumer outlives the lanes, because dropping it gives back what is
/// not yet acknowledged.
async fn run(shared: Arc<Shared>, mut consumer: Box<dyn Consumer>, lanes: usize) {
    let acker = consumer.acker();
    let mut working = JoinSet::new();
    let (to_lanes, batches) = reader::Lanes::new(lanes, shared.subscription_type.keeps_order());
    for (lane, batches) in batches.into_iter().enumerate() {
        let lane = lane::Lane::new(shared.clone(), lane, acker.clone());
        working.spawn(shared.guard().run("a lane", lane.run(batches)));
    }
    // When it panics, lanes still finish what they have.
    let reading = reader::read(&shared, &mut *consumer, to_lanes);
    shared.guard().run("the reader", reading).await;
    while working.join_next().await.is_some() {}
}
