//! Options of the log.

use std::{fmt, sync::Arc, time::Duration};

use danube_wasm_model::clock::{self, OrderClock};

use super::disk::{DiskFactory, FileDisk};

/// Options of the log. [`EmbeddedOptions::default`] suits one machine.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// How long messages are kept.
    pub retention: RetentionOptions,
    /// Largest record, encoded with its key, attributes and ids, in bytes; dead letters may have
    /// [`DEAD_LETTER_HEADROOM_BYTES`](crate::DEAD_LETTER_HEADROOM_BYTES) more. Default 10 MiB.
    pub record_bytes_max: usize,
    /// Most bytes of queued records; more is refused as [`crate::ErrorKind::Unavailable`], so that a slow disk cannot
    /// fill the memory. Default 64 MiB. A call is always taken when the queue is empty.
    pub queue_bytes_max: usize,
    /// Memory for pages of the log, in bytes. Default 64 MiB.
    pub cache_bytes: usize,
    /// Opens the log's file; tests inject a failing disk here.
    pub disk: Arc<dyn DiskFactory>,
    /// Now, in milliseconds since 1970-01-01 UTC.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The clock that orders the records of this process, if it publishes any. After opening, its orders are above all
    /// that the log has ever held, and no record's publish time is before its order.
    pub orders: Option<Arc<OrderClock>>,
    /// A log may be opened to which another one is not copied completely. Otherwise that is
    /// [`crate::ErrorKind::Conflict`].
    pub unfinished_copies: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            retention: RetentionOptions::default(),
            record_bytes_max: 10 << 20,
            queue_bytes_max: 64 << 20,
            cache_bytes: 64 << 20,
            disk: Arc::new(FileDisk),
            clock: Arc::new(clock::now_ms),
            orders: None,
            unfinished_copies: false,
        }
    }
}

impl EmbeddedOptions {
    /// The publish time of records that are published now.
    pub(super) fn publish_time_ms(&self) -> u64 {
        let orders = self.orders.as_ref().map_or(0, |orders| orders.now_ms());
        orders.max((self.clock)())
    }
}

impl fmt::Debug for EmbeddedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedOptions")
            .field("retention", &self.retention)
            .field("record_bytes_max", &self.record_bytes_max)
            .field("queue_bytes_max", &self.queue_bytes_max)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}

/// How long messages are kept.
///
/// Messages that every subscription of a topic has acknowledged are kept for a while, so that a subscription can be
/// moved back and a new one can start at the earliest: `keep` and `keep_bytes`, which never drop unacknowledged
/// messages. The other limits also drop messages that were **not** acknowledged; that is logged with their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionOptions {
    /// Keep acknowledged messages until they are this old, counted from their publish time. Zero: a message is dropped
    /// with its last acknowledgement. Default one day.
    pub keep: Duration,
    /// Acknowledged messages of a topic are dropped earlier, oldest first, while the topic holds more than this, in
    /// bytes. Unacknowledged messages count, and are not dropped. Default 1 GiB.
    pub keep_bytes: u64,
    /// Drop messages older than this. Default: never.
    pub age: Option<Duration>,
    /// Drop the oldest messages of a partition that holds more than this, in bytes. Default: no limit.
    pub bytes: Option<u64>,
    /// Drop messages older than this from a topic that has no subscription, which nothing else would ever free. Default
    /// 7 days.
    pub unsubscribed_age: Option<Duration>,
    /// How often age and bytes are checked. Default 10 s.
    pub check_interval: Duration,
}

impl RetentionOptions {
    /// Drops nothing: for a process that reads a log which another process maintains with its own rules.
    pub fn unlimited() -> Self {
        Self {
            keep: Duration::MAX,
            keep_bytes: u64::MAX,
            age: None,
            bytes: None,
            unsubscribed_age: None,
            check_interval: Duration::from_secs(10),
        }
    }
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(24 * 3600),
            keep_bytes: 1 << 30,
            age: None,
            bytes: None,
            unsubscribed_age: Some(Duration::from_secs(7 * 24 * 3600)),
            check_interval: Duration::from_secs(10),
        }
    }
}
