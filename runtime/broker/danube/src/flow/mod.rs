//! Flow control for each partition, over all publishers and consumers of this process: [`FlowControl`].
//!
//! Danube (0.15) has two races that lose messages or stop subscriptions at high speed, and reports neither:
//!
//! * `append` takes a message's offset before it locks the log's cache. Messages that are sent side by side enter the
//!   cache out of order, and a subscription that reads from the log then stops for good. So this process has at most
//!   [`DanubeOptions::in_flight_max`](crate::DanubeOptions::in_flight_max) messages of a partition in flight, one by
//!   default, counted over all publishers of all clients.
//! * A subscription that was created since the broker started reads live, from a buffer of 256 messages, and skips
//!   messages if it falls behind further. So nothing is sent while [`UNREAD_MAX`] messages of this process wait for a
//!   consumer of this process.
//!
//! danube-wasm's own broker has neither race, and is not slowed down.

mod keyed_records;
mod local_consumer;

use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Weak},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use danube_wasm_model::{SubscriptionType, TopicName};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

pub(crate) use local_consumer::LocalConsumer;

use crate::limits::UNREAD_MAX;

/// Shared by the clients of one process for the same cluster: clone it into the options of each.
#[derive(Clone, Default)]
pub struct FlowControl(Arc<Mutex<HashMap<TopicName, Arc<PartitionFlow>>>>);

impl FlowControl {
    /// The flow of a partition; the first call sets its `in_flight_max`.
    pub(crate) fn partition(&self, name: &TopicName, in_flight_max: usize) -> Arc<PartitionFlow> {
        let mut partitions = self.0.lock();
        let made = || Arc::new(PartitionFlow::new(name.clone(), in_flight_max));
        partitions.entry(name.clone()).or_insert_with(made).clone()
    }
}

impl fmt::Debug for FlowControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlowControl").field(&self.0.lock().len()).finish()
    }
}

/// A hash that identifies a record in its partition.
pub(crate) fn record_hash(id: &str) -> u64 {
    hash(id)
}

/// A hash of the key by which Danube chooses the consumer of a `KeyShared` subscription. Those without have one in common.
pub(crate) fn key_hash(routing_key: Option<&str>) -> u64 {
    hash(routing_key)
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// One partition.
#[derive(Debug)]
pub(crate) struct PartitionFlow {
    name: TopicName,
    calls: Semaphore,
    consumers: Mutex<Vec<Weak<LocalConsumer>>>,
    /// A consumer has received something, or was dropped.
    capacity_freed: Notify,
}

impl PartitionFlow {
    fn new(name: TopicName, in_flight_max: usize) -> Self {
        Self {
            name,
            calls: Semaphore::new(in_flight_max.max(1)),
            consumers: Mutex::default(),
            capacity_freed: Notify::new(),
        }
    }

    /// Adds a consumer of this partition in this process.
    pub(crate) fn consumer(self: &Arc<Self>, subscription: &str, kind: SubscriptionType) -> Arc<LocalConsumer> {
        let consumer = Arc::new(LocalConsumer::new(self.clone(), subscription, kind));
        let mut consumers = self.consumers.lock();
        consumers.retain(|consumer| consumer.strong_count() > 0);
        consumers.push(Arc::downgrade(&consumer));
        consumer
    }

    /// Waits until a record of this key may be sent.
    pub(crate) async fn admit(&self, record: u64, key: u64, deadline: Instant) -> Result<Admission<'_>> {
        let in_turn = timeout_at(deadline, self.calls.acquire()).await;
        let Ok(Ok(permit)) = in_turn else {
            return Err(self.busy("a record waited for its turn behind those of other publishers"));
        };
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let freed = self.capacity_freed.notified();
            let Some(lagging) = self.lagging() else { break };
            if timeout_at(deadline, freed).await.is_err() {
                return Err(self.busy(&format!(
                    "subscription `{lagging}`, which this process consumes, has not got the last {UNREAD_MAX} messages yet, \
                     and Danube may skip what it is further behind with; see why its sink does not go on"
                )));
            }
        }
        let consumers: Vec<_> = self.consumers.lock().iter().filter_map(Weak::upgrade).collect();
        consumers.iter().for_each(|consumer| consumer.sent(record, key));
        Ok(Admission {
            record,
            consumers,
            _permit: permit,
        })
    }

    /// The subscription of a consumer that is too far behind.
    fn lagging(&self) -> Option<String> {
        let consumers = self.consumers.lock();
        let mut lagging = consumers
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|consumer| consumer.is_behind());
        lagging.next().map(|consumer| consumer.subscription().to_owned())
    }

    fn busy(&self, why: &str) -> BrokerError {
        BrokerError::new(
            ErrorKind::Unavailable,
            format!("{} takes no more now: {why}", self.name),
        )
    }
}

/// A record in flight.
pub(crate) struct Admission<'a> {
    record: u64,
    consumers: Vec<Arc<LocalConsumer>>,
    _permit: SemaphorePermit<'a>,
}

impl Admission<'_> {
    /// Call it when the broker has answered, or the deadline has passed.
    pub(crate) fn answered(self, accepted: bool) {
        self.consumers
            .iter()
            .for_each(|consumer| consumer.answered(self.record, accepted));
    }
}
