//! Every limit of a spool that is not an option, with its reason.

use std::time::Duration;

/// Namespace of the spool's own topics in its log; no connector's topic may be in it.
pub(crate) const OWN_NAMESPACE: &str = "danube-wasm-spool";
/// Partitions of a topic in the spool's log. A partition of the log can have 65,536 unacknowledged messages, and
/// records stay here for the flush time: at 10 s that allows 6,500 records a second for each partition.
pub(crate) const PARTITIONS: u32 = 8;
/// Largest record of the spool's log, in bytes: above what any broker delivers, so that each message can be spilled.
pub(crate) const HELD_BYTES_MAX: usize = 64 << 20;

/// Most records in one publish call: it is answered when all of them are done.
pub(crate) const CALL_RECORDS_MAX: usize = 64;
/// The same in bytes; one record is always sent.
pub(crate) const CALL_BYTES_MAX: usize = 1 << 20;
/// Most records of a topic that are published and not yet answered.
pub(crate) const IN_FLIGHT_RECORDS_MAX: usize = 1 << 10;
/// The same in bytes; one record is always sent.
pub(crate) const IN_FLIGHT_BYTES_MAX: usize = 8 << 20;
/// Most records of a topic in memory because the broker has not accepted them.
pub(crate) const READ_RECORDS_MAX: usize = 4 << 10;
/// The same in bytes; one record is always read.
pub(crate) const READ_BYTES_MAX: usize = 16 << 20;
/// Most records read from the spool's log at once.
pub(crate) const READ_ONCE_MAX: usize = 512;
/// Most records of a topic that the broker accepted and that wait for the flush time. Each costs about 150 bytes.
pub(crate) const UNCONFIRMED_RECORDS_MAX: usize = 256 << 10;
/// How often a record is denied, while others of its topic are accepted, before it is stored as refused.
pub(crate) const DENIED_TRIES_MAX: u32 = 5;

/// Most versions of schemas remembered, each up to the broker's limit of a schema (usually 256 KiB). A connector has a few;
/// one that reads old messages meets more.
pub(crate) const SCHEMAS_MAX: usize = 1 << 10;

/// First wait after the broker or the disk failed; doubles up to [`BACKOFF_MAX`].
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// Longest wait: half of the 10 s within which publishing must continue after the broker is back.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Longest wait for one answer of the broker, above the deadlines of its client.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest wait for the broker when a connector starts and does not need its answer.
pub(crate) const START_TIME_MAX: Duration = Duration::from_secs(3);
/// Longest pause between two checks of whether a session still exists.
pub(crate) const CHECK_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Pause before a full spool is checked for room again; its log is not measured more often.
pub(crate) const ROOM_PAUSE: Duration = Duration::from_millis(200);
/// How often the status is updated when nothing changes.
pub(crate) const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// Shortest pause between two status reports: each measures the log.
pub(crate) const STATUS_PAUSE_MIN: Duration = Duration::from_millis(100);
