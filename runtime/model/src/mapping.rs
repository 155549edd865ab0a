//! What a sink consumes: one mapping for each of its topics.

use std::time::Duration;

use crate::door::ConsumerConfig;

/// From a subscription of a topic to what a sink writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The topic and the subscription.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what becomes of poison.
    pub batch: BatchPolicy,
    /// What its messages may be written to: tables, collections, endpoints.
    pub targets: Vec<String>,
}

/// When a batch is full, and what becomes of poison, for one topic of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPolicy {
    /// Most messages.
    pub messages_max: usize,
    /// Most payload bytes, unless a single message is larger.
    pub bytes_max: usize,
    /// Longest wait for more after the first message.
    pub linger: Duration,
    /// The stream counts as idle, and the batch as full, after this long without a message.
    pub idle: Duration,
    /// Where a new subscription begins.
    pub start: StartAt,
    /// What becomes of a poisonous message.
    pub on_poison: OnPoison,
    /// Whether the target is told which fields are decimals, 64-bit integers and dates by the message's schema.
    pub schema_types: bool,
}

impl Default for BatchPolicy {
    fn default() -> Self {
        Self::from(BatchWish::default())
    }
}

impl From<BatchWish> for BatchPolicy {
    /// As an egress wishes; the rest as usual.
    fn from(wish: BatchWish) -> Self {
        let BatchWish {
            messages_max,
            bytes_max,
            linger,
            idle,
        } = wish;
        Self {
            messages_max,
            bytes_max,
            linger,
            idle,
            start: StartAt::Earliest,
            on_poison: OnPoison::DeadLetter,
            schema_types: true,
        }
    }
}

/// The batches that suit an egress: what holds where a file says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchWish {
    /// Most messages.
    pub messages_max: usize,
    /// Most payload bytes, unless a single message is larger.
    pub bytes_max: usize,
    /// Longest wait for more after the first message.
    pub linger: Duration,
    /// The stream counts as idle, and the batch as full, after this long without a message.
    pub idle: Duration,
}

impl BatchWish {
    /// 500 messages or 4 MiB, at most a second after the first, at once when nothing has come for 5 ms.
    pub const DEFAULT: Self = Self {
        messages_max: 500,
        bytes_max: 4 << 20,
        linger: Duration::from_secs(1),
        idle: Duration::from_millis(5),
    };
}

impl Default for BatchWish {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where a subscription begins when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartAt {
    /// With the oldest message that is kept.
    #[default]
    Earliest,
    /// With the next one published.
    Latest,
}

/// What becomes of a message that cannot be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPoison {
    /// It becomes a dead letter and the rest goes on.
    #[default]
    DeadLetter,
    /// It and the later messages of its key wait and are tried again, ever less often; other keys go on. That the target
    /// refuses a message shows only when it is written: later ones of its key that are in its batch, or wait behind it for an
    /// unfit target, are written, too.
    BlockKey,
    /// The connector stops.
    Stop,
}
