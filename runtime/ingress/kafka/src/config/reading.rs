//! The keys about the group, and about where and how much is read.

use std::time::Duration;

use danube_wasm_settings::{
    Table,
    kinds::{Choice, Integer, Millis},
};

use crate::limits::{COMMIT_INTERVAL, DRAIN_TIMEOUT, FETCH_BYTES, SESSION_TIMEOUT};

/// How a source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where a partition is begun that the group has no offset of.
    pub start: Start,
    /// What happens when the group's offset is not in the partition any more.
    pub on_out_of_range: OnOutOfRange,
    /// Whether records of open and aborted transactions are read.
    pub isolation: Isolation,
    /// Counts the topics' lives: raised when offsets begin again.
    pub generation: u16,
    /// How members share the partitions.
    pub group_protocol: GroupProtocol,
    /// How often offsets are committed.
    pub commit_interval: Duration,
    /// Without a sign of us for so long, our partitions go to others.
    pub session_timeout: Duration,
    /// How long a partition that goes to another member is finished.
    pub drain_timeout: Duration,
    /// Bytes that are fetched ahead.
    pub fetch_bytes: usize,
}

/// Where a partition is begun that the group has no offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record there is.
    Earliest,
    /// With the next one written.
    Latest,
}

/// What happens when the group's offset is not in the partition any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutOfRange {
    /// The source stops, and names what is lost.
    Stop,
    /// It goes on with the oldest record there is.
    Earliest,
    /// It goes on with the next one written.
    Latest,
}

/// Whether records of open and aborted transactions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// They are not.
    ReadCommitted,
    /// They are.
    ReadUncommitted,
}

/// How members share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupProtocol {
    /// One of them says, cooperatively: partitions that stay are read on.
    Classic,
    /// The broker says (KIP-848, Kafka 4.0 and later).
    Consumer,
}

impl Reading {
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let start = t
            .field(
                "start",
                Choice::of(&[("earliest", Start::Earliest), ("latest", Start::Latest)]),
                "Where a partition is begun that the group has no offset of: with the oldest record there is, or the next one written.",
            )
            .aliases(&["auto_offset_reset"])
            .or(Start::Earliest);
        let on_out_of_range = t
            .field(
                "on_out_of_range",
                Choice::of(&[
                    ("stop", OnOutOfRange::Stop),
                    ("earliest", OnOutOfRange::Earliest),
                    ("latest", OnOutOfRange::Latest),
                ]),
                "What happens when records that were not read are gone: the group's offset is not in the partition any more, or the \
                 group has none where it had one. Stop and say which, or go on with the oldest record there is, or the next one written.",
            )
            .or(OnOutOfRange::Stop);
        let isolation = t
            .field(
                "isolation",
                Choice::of(&[
                    ("read-committed", Isolation::ReadCommitted),
                    ("read-uncommitted", Isolation::ReadUncommitted),
                ]),
                "Whether records of transactions that are open or aborted are read. With `read-committed` an open transaction holds up \
                 what is behind it.",
            )
            .or(Isolation::ReadCommitted);
        let generation = t
            .field(
                "generation",
                Integer(0..=u16::MAX >> 1),
                "Raise it by one when a topic was deleted and made anew, or when a topic of keys got more partitions: it is part of \
                 the events' ids and of their order, which are made of offsets that begin again at 0.",
            )
            .or(0);
        let group_protocol = t
            .field(
                "group_protocol",
                Choice::of(&[("classic", GroupProtocol::Classic), ("consumer", GroupProtocol::Consumer)]),
                "How members share the partitions: `classic` with any broker, cooperatively; `consumer` (KIP-848) with brokers of 4.0 \
                 and later, which then set the timeout of the session.",
            )
            .or(GroupProtocol::Classic);
        let times = Times::read(t);
        Self {
            start,
            on_out_of_range,
            isolation,
            generation,
            group_protocol,
            commit_interval: times.commit_interval,
            session_timeout: times.session_timeout,
            drain_timeout: times.drain_timeout,
            fetch_bytes: times.fetch_bytes,
        }
    }
}

/// Times, and what is held meanwhile.
struct Times {
    commit_interval: Duration,
    session_timeout: Duration,
    drain_timeout: Duration,
    fetch_bytes: usize,
}

impl Times {
    fn read(t: &mut Table<'_>) -> Self {
        let commit_interval = t
            .field(
                "commit_interval_ms",
                Millis(10..=60_000),
                "How often offsets are committed. What was not committed when the process dies is read again, and meets its own records.",
            )
            .or(COMMIT_INTERVAL);
        let session_timeout = t
            .field(
                "session_timeout_ms",
                Millis(6_000..=1_800_000),
                "Without a sign of this process for so long, its partitions go to the others.",
            )
            .or(SESSION_TIMEOUT);
        let drain_timeout = t
            .field(
                "drain_timeout_ms",
                Millis(100..=1_800_000),
                "How long what was read of a partition is finished and committed before it goes to another process. Shorter than \
                 `session_timeout_ms`.",
            )
            .or(DRAIN_TIMEOUT);
        let fetch_bytes = t
            .field(
                "fetch_bytes",
                Integer(1 << 20..=1 << 30),
                "Bytes that are fetched ahead, of all partitions together. A larger record is fetched all the same.",
            )
            .or(FETCH_BYTES);
        Self {
            commit_interval,
            session_timeout,
            drain_timeout,
            fetch_bytes,
        }
    }
}
