//! What goes through each partition in this process, whoever publishes and consumes: [`FlowControl`].
//!
//! Danube (0.15) has two races that lose or stop what goes too fast, and no word for either:
//!
//! * `append` takes a message's offset before it takes the lock of the log's cache. Messages that are sent side by side enter
//!   the cache out of order, and a subscription that reads from the log ends for good there. So of a partition, this process
//!   has at most [`DanubeOptions::in_flight_max`](crate::DanubeOptions::in_flight_max) under way, one by default, whichever
//!   publisher of whichever client sends it.
//! * A subscription that was made since the broker started reads live, from a buffer of 256 messages, and skips what it is
//!   further behind with. So nothing is sent while [`UNREAD_MAX`] messages of this process wait for a consumer of this
//!   process: with Danube's window, no more are unacknowledged than the window and these.
//!
//! danube-wasm's own broker has neither race, and is not slowed down.

mod reader;

use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Weak},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

pub(crate) use reader::Reader;

use crate::limits::UNREAD_MAX;

/// Shared by the clients of one process that go to the same cluster: clone it into the options of each.
#[derive(Clone, Default)]
pub struct FlowControl(Arc<Mutex<HashMap<TopicName, Arc<PartitionFlow>>>>);

impl FlowControl {
    /// The partition's, made with so many calls at a time when it is asked for first.
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

/// Names a record among those of its partition.
pub(crate) fn record_hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// One partition.
#[derive(Debug)]
pub(crate) struct PartitionFlow {
    name: TopicName,
    calls: Semaphore,
    readers: Mutex<Vec<Weak<Reader>>>,
    /// A reader has got something, or is gone.
    room: Notify,
}

impl PartitionFlow {
    fn new(name: TopicName, in_flight_max: usize) -> Self {
        Self {
            name,
            calls: Semaphore::new(in_flight_max.max(1)),
            readers: Mutex::default(),
            room: Notify::new(),
        }
    }

    /// A consumer of this partition in this process.
    pub(crate) fn reader(self: &Arc<Self>, subscription: &str) -> Arc<Reader> {
        let reader = Arc::new(Reader::new(self.clone(), subscription));
        let mut readers = self.readers.lock();
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(Arc::downgrade(&reader));
        reader
    }

    /// Waits until a record may be sent.
    pub(crate) async fn admit(&self, record: u64, deadline: Instant) -> Result<Admission<'_>> {
        let in_turn = timeout_at(deadline, self.calls.acquire()).await;
        let Ok(Ok(permit)) = in_turn else {
            return Err(self.busy("a record waited for its turn behind those of other publishers"));
        };
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let room = self.room.notified();
            let Some(behind) = self.behind() else { break };
            if timeout_at(deadline, room).await.is_err() {
                return Err(self.busy(&format!(
                    "subscription `{behind}`, which this process consumes, has not got the last {UNREAD_MAX} messages yet, \
                     and Danube may skip what it is further behind with; see why its sink does not go on"
                )));
            }
        }
        let readers: Vec<_> = self.readers.lock().iter().filter_map(Weak::upgrade).collect();
        readers.iter().for_each(|reader| reader.sent(record));
        Ok(Admission {
            record,
            readers,
            _permit: permit,
        })
    }

    /// The subscription of a consumer that has too much to get.
    fn behind(&self) -> Option<String> {
        let readers = self.readers.lock();
        let mut behind = readers
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|reader| reader.is_behind());
        behind.next().map(|reader| reader.subscription().to_owned())
    }

    fn busy(&self, why: &str) -> BrokerError {
        BrokerError::new(
            ErrorKind::Unavailable,
            format!("{} takes no more now: {why}", self.name),
        )
    }
}

/// A record that is under way.
pub(crate) struct Admission<'a> {
    record: u64,
    readers: Vec<Arc<Reader>>,
    _permit: SemaphorePermit<'a>,
}

impl Admission<'_> {
    /// The broker has answered, or not in time.
    pub(crate) fn answered(self, accepted: bool) {
        self.readers
            .iter()
            .for_each(|reader| reader.answered(self.record, accepted));
    }
}
