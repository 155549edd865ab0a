//! What a sink consumes and where it goes.

use crate::cross_checks::CrossChecks;
use std::time::Duration;

use danube_wasm_model::{BatchPolicy, Mapping, OnPoison, StartAt, SubscriptionType, TopicName, door::ConsumerConfig};

use crate::cross_checks::Consumed;
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Flag, Integer, List, Millis, Name, Parsed, TableName, Text},
    values::JsonPointer,
};

/// A topic, a subscription of it, and the table that its messages are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicMapping {
    /// The topic; all its partitions are consumed.
    pub topic: TopicName,
    /// Name of the subscription, which holds the position.
    pub subscription: String,
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
    /// Where it begins when it is new.
    pub start: StartAt,
    /// The table, for a component that writes to one.
    pub table: Option<String>,
    /// More tables that a component may choose from.
    pub tables: Vec<String>,
    /// Messages of another schema subject are refused.
    pub expected_schema_subject: Option<String>,
    /// Most messages of a batch.
    pub batch_size: usize,
    /// Most payload bytes of a batch. A larger message travels alone.
    pub batch_bytes: usize,
    /// Longest wait of a message for its batch to fill.
    pub flush_interval: Duration,
    /// A batch is written when no message came for this long.
    pub idle: Duration,
    /// Whether documents say where they came from.
    pub include_danube_metadata: bool,
    /// How messages become documents.
    pub storage_mode: StorageMode,
    /// Where a message has the id of its document.
    pub id_pointer: Option<JsonPointer>,
    /// Whether decimals, 64-bit integers and dates are stored as what the message's schema says they are.
    pub schema_types: bool,
    /// What becomes of a message that cannot be processed.
    pub on_poison: OnPoison,
}

/// How messages become documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorageMode {
    /// As they are.
    #[default]
    Document,
    /// With their publish time.
    TimeSeries,
}

/// Most messages of a batch, where the file does not say.
pub(crate) const BATCH_SIZE: usize = 500;
/// Most bytes of a batch, where the file does not say.
pub(crate) const BATCH_BYTES: usize = 4 << 20;
/// Longest wait of a message, where the file does not say.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// Pause after which a batch is written, where the file does not say.
pub(crate) const IDLE: Duration = Duration::from_millis(5);

pub(crate) const SUBSCRIPTION_TYPES: Choice<SubscriptionType> = Choice {
    options: &[
        ("Exclusive", SubscriptionType::Exclusive),
        ("Shared", SubscriptionType::Shared),
        ("Failover", SubscriptionType::Failover),
        ("KeyShared", SubscriptionType::KeyShared),
    ],
    aliases: &[("FailOver", SubscriptionType::Failover)],
    refused: &[],
};

pub(crate) const STORAGE_MODES: Choice<StorageMode> = Choice::of(&[
    ("Document", StorageMode::Document),
    ("TimeSeries", StorageMode::TimeSeries),
]);

impl TopicMapping {
    /// The same as the pipeline knows it.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            consumer: ConsumerConfig {
                topic: self.topic.clone(),
                subscription: self.subscription.clone(),
                subscription_type: self.subscription_type,
                expected_schema_subject: self.expected_schema_subject.clone(),
            },
            batch: BatchPolicy {
                messages_max: self.batch_size,
                bytes_max: self.batch_bytes,
                linger: self.flush_interval,
                idle: self.idle,
                start: self.start,
                on_poison: self.on_poison,
                schema_types: self.schema_types,
            },
            targets: self.targets().map(str::to_owned).collect(),
        }
    }

    /// Every table that the component may write to; at least one.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.table.iter().chain(&self.tables).map(String::as_str)
    }

    /// What the component is told of it.
    pub(super) fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::json!({
            "topic": self.topic.as_str(),
            "subscription": self.subscription,
            "subscription_type": self.subscription_type,
            "include_danube_metadata": self.include_danube_metadata,
            "storage_mode": match self.storage_mode {
                StorageMode::Document => "Document",
                StorageMode::TimeSeries => "TimeSeries",
            },
        });
        if let Some(table) = &self.table {
            settings["table"] = table.as_str().into();
        }
        if !self.tables.is_empty() {
            settings["tables"] = self.tables.clone().into();
        }
        if let Some(subject) = &self.expected_schema_subject {
            settings["expected_schema_subject"] = subject.as_str().into();
        }
        if let Some(pointer) = &self.id_pointer {
            settings["id_pointer"] = pointer.as_str().into();
        }
        settings
    }
}

impl Section for TopicMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let topic = t
            .field(
                "topic",
                Parsed::<TopicName>::new("a topic"),
                "The topic, `/namespace/name`, without its partitions: all of them are consumed.",
            )
            .aliases(&["from"])
            .example("\"/stripe/payments\"")
            .required();
        let subscription = t
            .field(
                "subscription",
                Name("subscription"),
                "Name of the subscription. It holds the position: with a new name the sink begins at `start`.",
            )
            .example("\"surrealdb-payments\"")
            .required();
        let subscription_type = t
            .field(
                "subscription_type",
                SUBSCRIPTION_TYPES,
                "How consumers share the messages. All but `Shared` keep the order of each key. On Danube 0.15, `Failover` \
                 does not fail over: when its consumer is gone, nobody gets the messages; and `KeyShared` hands out at \
                 most one message in half a second. The embedded log and `danube-wasm broker` have neither limit.",
            )
            .or(SubscriptionType::Shared);
        let start = t
            .field(
                "start",
                Choice::of(&[("earliest", StartAt::Earliest), ("latest", StartAt::Latest)]),
                "Where a new subscription begins: with the oldest message kept, or the next one published. A Danube broker \
                 begins with the next one, whatever this says.",
            )
            .or(StartAt::Earliest);
        let table = t
            .field(
                "table",
                TableName,
                "The table. It is created by the first write. A sink writes to the tables of its mappings and to no other: \
                 a component's write to another one is refused, and its message becomes a dead letter. A document's own fields `id`, \
                 `in` and `out`, which mean something else to SurrealDB, are stored as `_id`, `_in` and `_out`.",
            )
            .aliases(&["table_name", "to"])
            .example("\"stripe_payments\"")
            .optional();
        let tables = t
            .field(
                "tables",
                List {
                    kind: TableName,
                    len: 1..=256,
                },
                "Tables that the component may choose from, besides `table` or instead of it. `builtin:surrealdb-sink` \
                 does not choose: it writes to `table`.",
            )
            .example("[\"payments\", \"refunds\"]")
            .or(Vec::new());
        if !t.given("table") && !t.given("tables") && t.session().manual().is_none() {
            t.session().error(
                &t.span("table"),
                format!("{} needs `table`", t.header()),
                "write for example `table = \"stripe_payments\"`, or `tables = [\"payments\", …]` for a component that \
                 chooses",
            );
        }
        let expected_schema_subject = t
            .field(
                "expected_schema_subject",
                Text,
                "Messages of another schema subject are refused.",
            )
            .example("\"stripe-payment-v1\"")
            .optional();
        let batch_size = t
            .field("batch_size", Integer(1..=10_000), "Most messages of a batch.")
            .or(BATCH_SIZE);
        let batch_bytes = t
            .field(
                "batch_bytes",
                Integer(1 << 10..=64 << 20),
                "Most bytes of a batch. A larger message travels alone.",
            )
            .or(BATCH_BYTES);
        let flush_interval = t
            .field(
                "flush_interval_ms",
                Millis(1..=600_000),
                "Longest wait of a message for its batch to fill.",
            )
            .or(FLUSH_INTERVAL);
        let idle = t
            .field(
                "idle_ms",
                Millis(1..=600_000),
                "A batch is written when no message came for this long.",
            )
            .or(IDLE);
        let include_danube_metadata = t
            .field(
                "include_danube_metadata",
                Flag,
                "Add `_danube_metadata` to each document: topic, publish time and producer of its message.",
            )
            .or(true);
        let storage_mode = t
            .field(
                "storage_mode",
                STORAGE_MODES,
                "`TimeSeries` adds `_timestamp`, the publish time, to each document.",
            )
            .or(StorageMode::Document);
        let id_pointer = t
            .field(
                "id_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where a message has the id of its document. Then the newest message of an id is what is stored, \
                 whatever partitions and lanes it and others come through; without, each message is a document of its \
                 own. Ids are text: where the pointer leads to `7` or `\"7\"`, the row is `` table:`7` ``, and `table:7`, \
                 with a number, is not there. Where it leads to a field `id`, the row has that field, too, as `_id`.",
            )
            .example("\"/id\"")
            .optional();
        let schema_types = t
            .field(
                "schema_types",
                Flag,
                "Store what an Avro or Protobuf schema says: decimals and 64-bit integers as numbers with all their digits, \
                 dates and timestamps as datetimes, also in nested fields, arrays and maps. With `false` they are stored as \
                 components see them: decimals and Protobuf's 64-bit integers and timestamps as text, Avro's dates as the \
                 numbers that they are. What a component has renamed or rewritten is stored as it wrote it.",
            )
            .or(true);
        let on_poison = t
            .field(
                "on_poison",
                Choice::of(&[
                    ("dead-letter", OnPoison::DeadLetter),
                    ("block-key", OnPoison::BlockKey),
                    ("stop", OnPoison::Stop),
                ]),
                "What becomes of a message that cannot be processed: it goes to the dead-letter topic; or it and what \
                 follows it of its key waits, which takes a `buffer` with a Danube broker; or the sink stops.",
            )
            .or(OnPoison::DeadLetter);
        if on_poison == OnPoison::BlockKey && !subscription_type.keeps_order() {
            t.session().error(
                &t.span("on_poison"),
                "`block-key` keeps the order of a key, and a `Shared` subscription has none to keep",
                "write `subscription_type = \"KeyShared\"`, or another `on_poison`",
            );
        }
        if on_poison == OnPoison::BlockKey {
            let fact = (t.span("on_poison"), t.item());
            t.session().facts::<CrossChecks>().blocking.push(fact);
        }
        if let (Some(topic), Some(subscription)) = (&topic, &subscription) {
            let fact = Consumed {
                topic: topic.clone(),
                subscription: subscription.clone(),
                subscription_type,
                sink: t.item(),
                expected_schema_subject: expected_schema_subject.clone(),
                by_id: id_pointer.is_some().then(|| t.span("id_pointer")),
            };
            fact.enter(t);
        }
        Some(Self {
            topic: topic?,
            subscription: subscription?,
            subscription_type,
            start,
            table,
            tables,
            expected_schema_subject,
            batch_size,
            batch_bytes,
            flush_interval,
            idle,
            include_danube_metadata,
            storage_mode,
            id_pointer,
            schema_types,
            on_poison,
        })
    }
}
