//! Every limit of the log that is not an option, with its reason.

use std::time::Duration;

/// Most bytes of records in one transaction: bounds what one commit holds in memory and how long others wait for it.
pub(super) const COMMIT_BYTES_MAX: usize = 8 << 20;
/// Most calls in one transaction, for the same reason when they are small.
pub(super) const COMMIT_CALLS_MAX: usize = 16 << 10;
/// Most messages that a transaction without calls trims; calls that arrive meanwhile wait for it.
pub(super) const TRIM_MESSAGES_MAX: usize = 4 << 10;
/// Most messages that a transaction with calls trims, beside as many as it acknowledges and twice as many as it
/// publishes: retention must neither delay publishing nor fall behind it.
pub(super) const TRIM_BESIDE_CALLS: usize = 256;

/// Messages read ahead of the consumers, for each subscription and partition.
pub(super) const READ_AHEAD_MESSAGES: usize = 2 << 10;
/// The same in bytes; one message is always read.
pub(super) const READ_AHEAD_BYTES: usize = 4 << 20;
/// Messages read ahead while those that were read wait for their key: others behind them may be free.
pub(super) const BLOCKED_MESSAGES_MAX: usize = 16 << 10;
/// Messages read and not acknowledged, for each subscription and partition. Bounds memory and the size of a cursor.
pub(super) const WINDOW_MESSAGES_MAX: usize = 64 << 10;
/// Messages read at once.
pub(super) const LOAD_MESSAGES_MAX: usize = 1 << 10;
/// Bytes read at once; one message is always read.
pub(super) const LOAD_BYTES_MAX: usize = 1 << 20;

/// Largest stored offset or number of bytes: a larger one is damage, and could overflow.
pub(super) const NUMBER_MAX: u64 = 1 << 48;
/// Most partitions of a topic: each costs a row and memory in every subscription.
pub(super) const PARTITIONS_MAX: u32 = 1 << 10;
/// Longest name of a producer, a consumer, a subscription or a schema subject, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 512;
/// Longest key of a connector's notes, in bytes.
pub(super) const NOTE_KEY_BYTES_MAX: usize = 512;
/// Most bytes that a connector notes in one call, keys included: what is larger is data, and belongs into a topic.
pub(super) const NOTES_BYTES_MAX: usize = 1 << 20;
/// Memory for pages of a log that only has notes, in bytes.
pub(super) const NOTEBOOK_CACHE_BYTES: usize = 1 << 20;
/// Largest schema, in bytes.
pub(super) const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// First wait before a failed log is opened again; doubles up to [`REOPEN_BACKOFF_MAX`].
pub(super) const REOPEN_BACKOFF_MIN: Duration = Duration::from_millis(10);
/// Longest wait before a failed log is opened again.
pub(super) const REOPEN_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Shortest pause between two checks of age and size.
pub(super) const RETENTION_CHECK_MIN: Duration = Duration::from_millis(20);
/// Longest pause between two checks of age and size.
pub(super) const RETENTION_CHECK_MAX: Duration = Duration::from_secs(3600);
