//! A member of a consumer group: all that is known of librdkafka is behind [`GroupConsumer`].
//!
//! One thread has it, polls it and does what it says. Partitions are never split into queues of their own, and are placed by
//! whoever polls: what is assigned is not read before [`GroupConsumer::assign`] says from where, and what is revoked is kept
//! until [`GroupConsumer::unassign`].

mod committer;
mod context;
mod error;
mod librdkafka;
mod record;
mod settings;

use std::{fmt, sync::Arc, time::Duration};

pub(crate) use self::{
    error::{ConsumerError, ErrorKind},
    librdkafka::Librdkafka,
    record::{Record, Timestamp},
    settings::{Settings, check_option},
};
use danube_wasm_model::upstream::StreamId;

/// A partition of a topic. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) number: i32,
}

/// What a poll gave.
#[derive(Debug)]
pub(crate) enum Polled {
    /// Nothing within the wait.
    Idle,
    /// The next record of one of the partitions.
    Record(Record),
    /// These are ours now, from where [`GroupConsumer::assign`] says.
    Assigned(Vec<Partition>),
    /// These go to others, as soon as [`GroupConsumer::unassign`] is called.
    Revoked(Vec<Partition>),
    /// These are others' already: nothing of them may be committed. [`GroupConsumer::unassign`] is to be called.
    Lost(Vec<Partition>),
    /// What became of a commit.
    Committed(Result<Vec<(Partition, i64)>, String>),
    /// How far the partitions go, and whether a broker is there.
    Measured { ends: Vec<Reach>, is_connected: bool },
    /// The next offset of some partition is not there.
    OutOfRange,
    /// Something is wrong.
    Failed(ConsumerError),
}

/// How far a partition goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) partition: Partition,
    /// The offset behind the last record that may be read.
    pub(crate) end: i64,
    /// Everything is fetched, up to here.
    pub(crate) fetched: Option<i64>,
}

/// What a group has committed.
pub(crate) type Committed = Vec<(Partition, Option<i64>)>;

/// See the module.
pub(crate) trait GroupConsumer {
    /// Waits for what comes next.
    fn poll(&mut self, wait: Duration) -> Polled;

    /// Reads what was assigned from these offsets.
    fn assign(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError>;

    /// Lets go what was revoked or lost.
    fn unassign(&self, partitions: &[Partition]) -> Result<(), ConsumerError>;

    /// Whether what is assigned has become others' while nobody polled.
    fn is_lost(&self) -> bool;

    /// Reads these on from other offsets.
    fn seek(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError>;

    /// Fetches nothing of these, and forgets what was fetched ahead.
    fn pause(&self, partitions: &[Partition]) -> Result<(), ConsumerError>;

    /// Fetches again.
    fn resume(&self, partitions: &[Partition]) -> Result<(), ConsumerError>;

    /// What the group has committed.
    fn committed(&self, partitions: &[Partition]) -> Result<Committed, ConsumerError>;

    /// The oldest offset that is there, and the next one that will be.
    fn range(&self, partition: &Partition) -> Result<(i64, i64), ConsumerError>;

    /// Commits the offsets to go on from; the outcome is [`Polled::Committed`], and before that none is to be committed.
    fn commit(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError>;

    /// Commits, and waits for the outcome.
    fn commit_now(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError>;
}

impl Partition {
    /// The stream that the driver knows it by.
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::new(self.to_string())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}
