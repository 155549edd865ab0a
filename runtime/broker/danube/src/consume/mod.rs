//! Consuming: a consumer is one session for each partition, and one buffer from which all are given out.
//!
//! * **Reading** never waits for acknowledging, nor the other way round: a stream that is not read blocks its
//!   dispatcher in the broker, and that one the acknowledgements.
//! * **A lost session** is rebuilt for ever, under the same names, which takes the place of what the broker may still
//!   think is there. [`Consumer::receive`] waits meanwhile; what keeps a session from being rebuilt at all, such as a
//!   permission that was taken away, is returned from it once for each attempt.
//! * **What is in hand is not given twice.** A broker gives again what was not acknowledged within its time or before
//!   its session ended. A message that the caller still has is only noted, so that its acknowledgement counts for the
//!   newest delivery; one that it has acknowledged is acknowledged again and not given out.
//! * **What does not come** is looked for: offsets that were skipped, and partitions of which something is unread and
//!   nothing comes any more. Danube's brokers say neither ([`Consumer::delivery`]).
//! * **What was read and not given** is dropped with its session: the broker gives it again, perhaps to another
//!   consumer of the subscription.

mod acks;
mod delivery;
mod discovery;
mod gaps;
mod incoming;
mod partition;
mod session;
mod tracker;
mod traps;
mod unconfirmed;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Acker, BrokerError, Consumer, ConsumerOptions, Delivery, ErrorKind, Message, MessageId, Result,
};
use danube_wasm_model::TopicName;
use futures_util::future::join_all;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    danube::{Shared, closed},
    fault::Fault,
    topics,
};
use acks::Work;
use partition::Partition;
use traps::Traps;

/// What the tasks of one consumer share.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: ConsumerOptions,
    /// By number. Grows when partitions are added to the topic.
    partitions: RwLock<BTreeMap<u32, Arc<Partition>>>,
    /// Given out and not acknowledged.
    in_hand: AtomicUsize,
    /// There may be something to give out, or room for it.
    changed: Notify,
    /// Why a session cannot be rebuilt, until a caller has been told.
    refusal: Mutex<Option<BrokerError>>,
    /// What this subscription does not do on Danube's brokers.
    traps: Traps,
    /// What the broker owes.
    delivery: watch::Sender<Delivery>,
    /// Said that the broker's window is small.
    small_window: OnceLock<()>,
    /// Cancelled when the consumer is dropped or the client closed.
    stopped: CancellationToken,
}

/// Subscribes to all partitions, once all are there: a new subscription begins at a partition's end, so what is published
/// to one that is found later than it was made is missed. A partition whose broker cannot be reached now is subscribed to
/// later; one that refuses fails the whole.
pub(crate) async fn subscribe(shared: Arc<Shared>, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
    let topic = options.topic.clone();
    let names = topics::whole(&shared, &topic).await?.names(&topic);
    if names.is_empty() {
        return Err(missing(&topic));
    }
    let core = Arc::new(Core {
        stopped: shared.closed.child_token(),
        shared,
        options,
        partitions: RwLock::default(),
        in_hand: AtomicUsize::new(0),
        changed: Notify::new(),
        refusal: Mutex::default(),
        traps: Traps::default(),
        delivery: watch::Sender::default(),
        small_window: OnceLock::new(),
    });
    // Stops the tasks of those that succeeded if one does not.
    let consumer = DanubeConsumer { core: core.clone() };
    let begun = names.into_iter().map(|name| core.clone().begin(name));
    for begun in join_all(begun).await {
        begun?;
    }
    core.shared.runtime.spawn(discovery::watch(core.clone()));
    core.shared.runtime.spawn(delivery::watch(core.clone()));
    Ok(Box::new(consumer))
}

/// The sentence for a topic that nobody has made yet.
pub(crate) fn missing(topic: &TopicName) -> BrokerError {
    BrokerError::new(
        ErrorKind::NotFound,
        format!(
            "topic {topic} does not exist yet: Danube's topics are made by their first producer, or with `danube-admin \
             topics create`"
        ),
    )
}

impl Core {
    /// Subscribes to a partition and starts its tasks.
    async fn begin(self: Arc<Self>, name: TopicName) -> Result<()> {
        let number = self.shared.number(&name);
        let (partition, work) = Partition::new(&self.shared, &self.options, name);
        let partition = Arc::new(partition);
        let first = session::open(&self, &partition).await;
        let first = match first {
            Err(Fault::Refused(error)) => return Err(error),
            other => other,
        };
        self.partitions.write().insert(number, partition.clone());
        let acks = acks::run(
            self.shared.clone(),
            self.options.subscription.clone(),
            Arc::downgrade(&partition),
            work,
        );
        self.shared.runtime.spawn(acks);
        self.shared.runtime.spawn(session::keep(self.clone(), partition, first));
        Ok(())
    }

    /// What can be given out now, from all partitions in turn.
    fn take(&self, max: usize) -> Vec<Message> {
        let room = self
            .options
            .unacknowledged_max
            .saturating_sub(self.in_hand.load(Ordering::Acquire));
        let mut left = max.min(room);
        let mut taken = Vec::new();
        let partitions = self.partitions.read();
        // An equal share of what there is room for, so that a busy partition does not starve the others; then the rest.
        let share = left.div_ceil(partitions.len().max(1));
        for share in [share, left] {
            for partition in partitions.values() {
                let given = partition.give(share.min(left), &self.options.topic);
                left -= given.len();
                taken.extend(given);
            }
        }
        drop(partitions);
        self.in_hand.fetch_add(taken.len(), Ordering::AcqRel);
        taken
    }

    /// These are in hand no more.
    fn let_go(&self, n: usize) {
        if n > 0 {
            self.in_hand.fetch_sub(n, Ordering::AcqRel);
            self.changed.notify_one();
        }
    }

    fn partition_of(&self, id: MessageId) -> Result<Arc<Partition>> {
        let known = self.partitions.read().get(&tracker::number_of(id)).cloned();
        known.ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: MessageId) -> BrokerError {
        BrokerError::new(
            ErrorKind::NotFound,
            format!(
                "message {} of partition {} is not one that this consumer of {} was given",
                id.offset, id.partition, self.options.topic
            ),
        )
    }

    async fn finish(&self, ids: &[MessageId], nack: Option<Duration>) -> Result<()> {
        let mut pending = Vec::with_capacity(ids.len());
        for id in ids {
            let partition = self.partition_of(*id)?;
            let (released, work) = match nack {
                None => partition.done(*id),
                Some(_) => partition.given_back(*id),
            }
            .ok_or_else(|| self.unknown(*id))?;
            self.let_go(usize::from(released));
            if let Some(message) = work {
                pending.push(partition.hand_over(Work::new(&self.shared, *id, message, nack)));
            }
        }
        for reply in pending {
            reply.await.unwrap_or_else(|_| Err(closed()))?;
        }
        Ok(())
    }
}

/// See [`Consumer`].
struct DanubeConsumer {
    core: Arc<Core>,
}

#[async_trait]
impl Consumer for DanubeConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let changed = self.core.changed.notified();
            let taken = self.core.take(max.max(1));
            if !taken.is_empty() {
                return Ok(taken);
            }
            if let Some(refusal) = self.core.refusal.lock().take() {
                return Err(refusal);
            }
            tokio::select! {
                () = changed => {}
                () = self.core.stopped.cancelled() => return Err(closed()),
            }
        }
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(DanubeAcker(self.core.clone()))
    }

    fn delivery(&self) -> watch::Receiver<Delivery> {
        self.core.delivery.subscribe()
    }
}

impl Drop for DanubeConsumer {
    fn drop(&mut self) {
        self.core.stopped.cancel();
    }
}

/// Acknowledges, also after its consumer is gone: what was processed by then is done.
struct DanubeAcker(Arc<Core>);

#[async_trait]
impl Acker for DanubeAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        self.0.finish(messages, None).await
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        self.0.finish(messages, Some(delay)).await
    }
}
