//! The doors between rooms: who calls whom, and what can come back.
//!
//! * an ingress calls an [`Intake`] (the pipeline) with one event and waits for its [`Outcome`];
//! * the pipeline calls a [`SourceGuest`] or [`SinkGuest`] (the sandbox) with a batch;
//! * the pipeline calls an [`Egress`] (a target) with writes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_codes::Code;

use crate::{
    BatchWish, ConnectorId, FieldTypes, RecordId, SubscriptionType, Targets, TopicName,
    columns::ColumnError,
    event::{Event, EventBatch, Interests, RecordBatch},
    message::{MessageBatch, Operation, WriteBatch},
};

// === ingress → pipeline ===

/// Takes events in and says what became of each.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Returns once the event's fate is known: for [`Outcome::Accepted`], once every record made from it is durable.
    /// Never waits for room: a full queue is [`Outcome::Unavailable`] at once. Dropping the future does not undo the
    /// event.
    async fn offer(&self, event: Event) -> Outcome;

    /// Takes the events of one request, and says what became of each, in their order. As [`Self::offer`] for all of them
    /// together:
    ///
    /// * All are admitted, or none. A request takes a place for each event, and at most a quarter of all.
    /// * All that is published of them is published at once, or nothing is. Either none of the outcomes is
    ///   [`Outcome::Unavailable`], or none is [`Outcome::Accepted`]: then the sender sends the whole request again, and its
    ///   event ids make that harmless.
    /// * What `on_refusal` says becomes of the others when one is [`Outcome::Invalid`] or [`Outcome::Failed`].
    ///
    /// A record that is made of several events is made of events of one request. Records keep the order of the request's
    /// events; there is no order between requests that are under way at the same time.
    ///
    /// Unless overridden, offers one event after the other, and keeps none of this: for tests of what is in front of it.
    async fn offer_all(&self, events: Vec<Event>, on_refusal: OnRefusal) -> Vec<Outcome> {
        let _ = on_refusal;
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            outcomes.push(self.offer(event).await);
        }
        outcomes
    }

    /// The longest payload of an event, in bytes, that may find room in the broker: where it is known that each event becomes one
    /// record with that payload, and how long records may be. A longer one need not be read.
    fn payload_bytes_max(&self) -> Option<usize> {
        None
    }
}

/// What becomes of the other events of a request when one of them is refused, or the component crashes on it. One that
/// becomes a dead letter because its endpoint says so is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// They are published: for senders that are told which ones were refused.
    KeepOthers,
    /// They are not, and are [`Outcome::Unavailable`]: for senders that are told one thing of the whole request.
    RefuseAll,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its records (none, if it was filtered out) are in the broker.
    Accepted {
        /// Event id, as the records carry it.
        id: String,
        /// How many records were made from it.
        records: u32,
        /// Whether they survive the broker's crash: false on Danube, which answers before its disk has them.
        durable: bool,
        /// The component's own answer to the caller.
        answer: Option<Reply>,
    },
    /// It was refused: by its schema or by the component. The sender should not send it again as it is.
    Invalid {
        /// One sentence.
        error: String,
        /// Each rule that was broken.
        violations: Vec<Violation>,
    },
    /// It was refused or the component crashed on it, and it is kept as a dead letter, because its endpoint says
    /// `on_invalid = "dead-letter"` or `on_failure = "dead-letter"`.
    DeadLettered {
        /// Event id.
        id: String,
        /// Whether the dead letter survives the broker's crash.
        durable: bool,
    },
    /// The component trapped, ran out of budget, went over a limit or returned malformed output for it. It is kept as a
    /// dead letter, unless it is too large for one.
    Failed {
        /// For the operator; the sender is told only that it failed.
        message: String,
        /// Whether it is kept.
        kept: bool,
    },
    /// Not now: the broker is out of reach, the queue is full, the connector is down or stopping.
    Unavailable {
        /// What is not there, in a sentence.
        message: String,
        /// When to try again.
        retry_after: Duration,
    },
}

/// A component's own answer to a waiting caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status, 200 to 499.
    pub status: u16,
    /// Media type of `body`.
    pub content_type: String,
    /// Body.
    pub body: Bytes,
}

/// One broken rule of a schema.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// JSON pointer to the value, empty for the whole document.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

// === pipeline → sandbox ===

/// A topic that a source component says it publishes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// The topic.
    pub topic: TopicName,
    /// Partitions to create it with, 0 for a topic without.
    pub partitions: u32,
    /// Keep messages until every subscription has acknowledged them.
    pub reliable_dispatch: bool,
}

/// A topic that a sink component says it consumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// The topic.
    pub topic: TopicName,
    /// Name of the subscription.
    pub subscription: String,
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
    /// Refuse messages of another schema subject.
    pub expected_schema_subject: Option<String>,
}

/// A source component, ready to be called. A failed call has already thrown its instance away; the next call on that
/// lane gets a fresh one.
#[async_trait]
pub trait SourceGuest: Send + Sync + 'static {
    /// Who it belongs to.
    fn id(&self) -> &ConnectorId;
    /// SHA-256 of the component, in lower-case hex.
    fn digest(&self) -> &str;
    /// Number of lanes: calls on different lanes run beside each other, calls on one lane after each other.
    fn lanes(&self) -> usize;
    /// What the last call on this lane was given besides its input, as text for a dead letter; `None` if that is not
    /// known.
    fn recall(&self, _lane: usize) -> Option<String> {
        None
    }
    /// Whether it makes one record of each event, with a payload that is no shorter: built-in components do. Of others nothing
    /// is known.
    fn forwards_payloads(&self) -> bool {
        false
    }
    /// The columns it asked for.
    fn interests(&self) -> Interests;
    /// The topics it publishes to.
    fn producer_configs(&self) -> &[ProducerConfig];
    /// Turns events into records. What returns has passed [`RecordBatch::check`], its topics are among
    /// [`Self::producer_configs`].
    async fn poll(&self, lane: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError>;
}

/// A sink component, ready to be called; as [`SourceGuest`].
#[async_trait]
pub trait SinkGuest: Send + Sync + 'static {
    /// Who it belongs to.
    fn id(&self) -> &ConnectorId;
    /// SHA-256 of the component, in lower-case hex.
    fn digest(&self) -> &str;
    /// Number of lanes.
    fn lanes(&self) -> usize;
    /// As [`SourceGuest::recall`].
    fn recall(&self, _lane: usize) -> Option<String> {
        None
    }
    /// The columns it asked for.
    fn interests(&self) -> Interests;
    /// The topics it consumes.
    fn consumer_configs(&self) -> &[ConsumerConfig];
    /// Turns messages into writes. What returns has passed [`WriteBatch::check`].
    async fn process_batch(&self, lane: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError>;
}

/// Why a call into a component gave no batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GuestError {
    /// It trapped: a panic, an out-of-bounds access, an exit.
    #[error("the component trapped: {message}")]
    Trap {
        /// Kind of trap.
        message: String,
        /// Names of its functions, innermost first.
        backtrace: Vec<String>,
    },
    /// It ran longer than its budget.
    #[error("the component ran for more than its budget of {budget_ms} ms: {cure}")]
    Budget {
        /// The budget of this call.
        budget_ms: u64,
        /// The keys that change it, with their defaults.
        cure: &'static str,
    },
    /// It went over a limit of memory, tables, handles, output or host calls.
    #[error("the component went over a limit: {message}")]
    Limit {
        /// Name of the limit, a closed set.
        limit: &'static str,
        /// The value it asked for, the one that is allowed, and the key that changes it.
        message: String,
    },
    /// What it returned breaks the contract.
    #[error("the component returned invalid output: {0}")]
    InvalidOutput(#[from] ColumnError),
    /// It said so itself.
    #[error("the component failed: {0}")]
    Failure(Failure),
    /// The host could not run it now, through no fault of its own. Try again.
    #[error("the component cannot be run now: {message}")]
    Host {
        /// What is missing.
        message: String,
    },
}

impl GuestError {
    /// Whether the instance died of it: neither the component nor the host said so, it happened.
    pub fn is_crash(&self) -> bool {
        match self {
            Self::Trap { .. } | Self::Budget { .. } | Self::Limit { .. } | Self::InvalidOutput(_) => true,
            Self::Failure(_) | Self::Host { .. } => false,
        }
    }

    /// Names of the component's functions where it trapped, innermost first.
    pub fn backtrace(&self) -> &[String] {
        match self {
            Self::Trap { backtrace, .. } => backtrace,
            _ => &[],
        }
    }

    /// The code of its page.
    pub fn code(&self) -> Code {
        match self {
            Self::Trap { .. } => Code::Trapped,
            Self::Budget { .. } => Code::OverBudget,
            Self::Limit { .. } => Code::OverLimit,
            Self::InvalidOutput(_) => Code::InvalidOutput,
            Self::Failure(_) => Code::Failed,
            Self::Host { .. } => Code::NoPlace,
        }
    }

    /// Closed metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Budget { .. } => "budget",
            Self::Limit { .. } => "limit",
            Self::InvalidOutput(_) => "invalid_output",
            Self::Failure(failure) => failure.kind.as_str(),
            Self::Host { .. } => "host",
        }
    }
}

/// A failure that a component reported for a whole call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {message}", kind.as_str(), in_words(*code))]
pub struct Failure {
    /// What the host does about it.
    pub kind: FailureKind,
    /// The component's own number; 0 if it has none.
    pub code: u32,
    /// For the operator.
    pub message: String,
    /// Wait at least this long before the next try.
    pub retry_after: Option<Duration>,
}

/// A component's own number, if it gave one.
fn in_words(code: u32) -> String {
    match code {
        0 => String::new(),
        code => format!(" (code {code})"),
    }
}

impl Failure {
    /// Longest message kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 4 << 10;
}

/// Danube Connect's four kinds of connector error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Back off and try again.
    Retryable,
    /// Stop this connector.
    Fatal,
    /// Halve the batch until the culprit is found.
    InvalidData,
    /// Refuse to start.
    Configuration,
}

impl FailureKind {
    /// Closed metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Fatal => "fatal",
            Self::InvalidData => "invalid_data",
            Self::Configuration => "configuration",
        }
    }
}

// === pipeline → egress ===

/// One document to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Table, collection or path.
    pub target: Arc<str>,
    /// Id of the document in its target; never empty.
    pub id: String,
    /// What to do.
    pub operation: Operation,
    /// See `orders` in `wit/sink.wit`; 0 applies always.
    pub order: u64,
    /// The record that this order is the order of: a write of another record with the same order does not apply. `None`
    /// where the component set an order of its own, which applies unless it is lower.
    pub record: Option<RecordId>,
    /// The document, JSON text. Ignored by deletes.
    pub body: Bytes,
    /// What the schema of its message says of its fields, if there is one that says something. A component may have
    /// changed the document: what does not look as it should is left as it is.
    pub types: Option<Arc<FieldTypes>>,
    /// What order is kept by, where the subscription keeps order: the key of the message that it came from, the first of
    /// several. Where messages without a key keep their order, too, it is a text of the pipeline's own. Opaque.
    pub key: Option<Bytes>,
    /// Whether it may have been written before: its message was, or may have been, delivered before, or an earlier call
    /// with this write gave no certain answer. If false, it certainly was not, unless its record was published twice, as
    /// when a sender sends an event again.
    pub redelivered: bool,
}

/// A target that documents are written to.
#[async_trait]
pub trait Egress: Send + Sync + 'static {
    /// Writes all of them, in order for equal ids and for equal keys, so that writing them again changes nothing. `Ok`
    /// means that every write that the report does not name is durable in the target. The lanes of a sink call it at the
    /// same time.
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError>;

    /// What the sink may write to. The pipeline refuses a component's write to anything else before it gets here.
    fn targets(&self) -> &Targets;

    /// Whether a target of these can do an operation at all. A write that cannot be done is refused before it gets here.
    fn accepts(&self, _target: &str, _operation: Operation) -> bool {
        true
    }

    /// The batches that suit it, where the configuration says nothing.
    fn batch_wish(&self) -> BatchWish {
        BatchWish::default()
    }

    /// Whether the target answers.
    async fn ready(&self) -> Result<(), EgressError>;

    /// Asks the target, where it can be asked.
    fn queryable(&self) -> Option<&dyn Queryable> {
        None
    }

    /// Lets go of the target. Later calls fail. Everything that was written is durable already.
    async fn close(&self) -> Result<(), EgressError> {
        Ok(())
    }
}

/// A target that an operator can ask.
#[async_trait]
pub trait Queryable: Send + Sync {
    /// Runs statements in the target's own language and gives one JSON value for each: what it returned, or
    /// `{"error": "…"}`. A row that cannot be shown is an object with the member [`NOT_SHOWN`]. Refuses statements that may
    /// write unless `write`.
    async fn run_query(&self, statements: &str, write: bool) -> Result<Vec<serde_json::Value>, QueryError>;
}

/// What stands for a row that is not shown, with the reason; a member `id` says which row, if it has one.
pub const NOT_SHOWN: &str = "not_shown";

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not in the target's language.
    #[error("{0}")]
    Syntax(String),
    /// It may write, and writing was not asked for.
    #[error("statement {number} may write: `{statement}`. Add --write to run it")]
    ReadOnly {
        /// Which statement, from 1.
        number: usize,
        /// The statement.
        statement: String,
    },
    /// The target did not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// What a batch of writes did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Writes that the target will never accept, by place, each with the target's reason.
    pub refused: Vec<(usize, String)>,
    /// Writes whose document was there already, or was newer.
    pub unchanged: usize,
    /// Writes that are not done yet, while the others are. They are written again; until then the messages that they came
    /// from are not acknowledged. Of writes with one id or one key none may be done after one of these.
    pub later: Vec<Later>,
}

/// Writes that are to be done later, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Their places.
    pub places: Vec<usize>,
    /// Why, for the operator.
    pub message: String,
    /// The target's own wish.
    pub retry_after: Option<Duration>,
}

/// Why a batch of writes was not done. Nothing is known about any of its writes; writing them again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EgressError {
    /// The target is out of reach, busy or full: back off and write again.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// The target's own wish.
        retry_after: Option<Duration>,
    },
    /// Trying again cannot help until somebody changes something: credentials, a missing database.
    #[error("{message}")]
    Configuration {
        /// What happened and what to do.
        message: String,
    },
    /// One target cannot take writes until somebody acts: a missing table, an endpoint that is gone. Its writes wait and are
    /// tried again, ever less often; those to other targets go on.
    #[error("{message}")]
    Unfit {
        /// Its name, as in [`Write::target`].
        target: Arc<str>,
        /// What happened and what to do.
        message: String,
    },
}

impl EgressError {
    /// Closed metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Configuration { .. } => "configuration",
            Self::Unfit { .. } => "unfit",
        }
    }
}
