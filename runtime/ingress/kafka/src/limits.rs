//! Every limit of the Kafka ingress, each with its unit last in its name and its reason.

use std::time::Duration;

/// How often offsets are committed, where the file does not say. A commit is small; what is not committed is read again.
pub(crate) const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// Without a sign of us for so long our partitions go to others, where the file does not say: Kafka's own default since 3.0.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(45);

/// How long a partition that goes to another member is finished, where the file does not say.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How often we give a sign, at most a third of the session's timeout: Kafka's own default.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);

/// What is fetched ahead, where the file does not say, in bytes. librdkafka's own default is 64 MiB.
pub(crate) const FETCH_BYTES: usize = 16 << 20;

/// Records that are fetched ahead of each partition at least, bytes permitting. librdkafka's own default is 100,000.
pub(crate) const FETCH_RECORDS_MIN: usize = 10_000;

/// How long librdkafka waits before it fetches again once as much is fetched as may be. By itself it waits 1 s, and a backlog is read
/// at a fifth of its rate.
pub(crate) const FETCH_BACKOFF: Duration = Duration::from_millis(10);

/// What one answer has of a partition at most, in bytes, unless a single record is larger: Kafka's own default.
pub(crate) const FETCH_PARTITION_BYTES: usize = 1 << 20;

/// Records that wait to be taken by the driver, in bytes, before nothing more is polled. They are beside what is fetched ahead.
pub(crate) const INBOX_BYTES_MAX: usize = 4 << 20;

/// The same, counted: small records have their own weight.
pub(crate) const INBOX_RECORDS_MAX: usize = 10_000;

/// A full inbox is waited for so long before the partitions are paused: pausing throws away what was fetched ahead, and until
/// then nothing is polled, so that a rebalance waits, too.
pub(crate) const PAUSE_AFTER: Duration = Duration::from_secs(1);

/// How long a poll waits: as long may a command of the driver wait for it.
pub(crate) const POLL_WAIT: Duration = Duration::from_millis(20);

/// How long an answer of the cluster is waited for. It may have to elect a leader first.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How often the cluster's state is measured: lag, and whether it is there.
pub(crate) const STATISTICS_EVERY: Duration = Duration::from_secs(2);

/// How long the driver may take longer than the deadline that it was given to release partitions.
pub(crate) const RELEASE_GRACE: Duration = Duration::from_millis(500);

/// Longest name of a topic, in bytes.
pub(crate) const TOPIC_BYTES_MAX: usize = 249;

/// Longest part of a topic's name that is in an event's id as it is, in bytes: partition, offset and generation need 40.
pub(crate) const TOPIC_IN_ID_BYTES_MAX: usize = 180;

/// Bits of an order that are the offset: one partition does not get so many records.
pub(crate) const ORDER_OFFSET_BITS: u32 = 48;

/// Longest password in a file, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 4 << 10;

/// Notes that are written in one call: a notebook takes 1 MiB, and a note has less than 512 bytes.
pub(crate) const NOTES_AT_ONCE: usize = 1024;

/// How often it is noted how far a partition was committed. The note only tells that there was an offset, and roughly which.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(10);

/// How long the schema registry's answer is waited for, where the file does not say.
pub(crate) const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer of a schema registry, in bytes: a text of the longest that is taken, as JSON.
pub(crate) const REGISTRY_ANSWER_BYTES_MAX: usize = 4 << 20;

/// Longest part of what a schema registry says in a message, in characters.
pub(crate) const REGISTRY_SAID_CHARS_MAX: usize = 200;

/// How long it is believed that a registry does not know an id: its nodes may learn of it one after the other.
pub(crate) const REGISTRY_UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// A registry that was away and gives no answer now is still away, after so long.
pub(crate) const REGISTRY_STILL_AWAY: Duration = Duration::from_millis(500);

/// Schemas that are kept. Large organisations have some hundreds to a topic.
pub(crate) const SCHEMAS_MAX: usize = 1024;

/// Schemas that one may refer to, also in turn.
pub(crate) const REFERENCES_MAX: usize = 256;
