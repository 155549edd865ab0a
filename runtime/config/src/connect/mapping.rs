//! `[[surrealdb.routes]]` and `[[surrealdb.topic_mappings]]`.

use std::time::Duration;

use danube_wasm_model::{OnPoison, StartAt, TopicName};

use super::draft::Rows;
use crate::{
    cross_checks::Consumed,
    tables::mapping::{
        BATCH_BYTES, BATCH_SIZE, FLUSH_INTERVAL, IDLE, STORAGE_MODES, SUBSCRIPTION_TYPES, StorageMode, TopicMapping,
    },
};
use danube_wasm_model::SubscriptionType;
use danube_wasm_settings::{
    Effect, Section, Table, Written,
    kinds::{Flag, Integer, Kind, Millis, Name, Parsed, TableName, Text},
};

/// A mapping, its rows, and what it says of batches itself.
pub(super) struct ConnectMapping {
    mapping: TopicMapping,
    rows: Rows,
    batches: Batches,
}

/// Size of batches and the wait for them, as far as they are said.
#[derive(Debug, Clone, Default)]
pub(super) struct Batches {
    pub(super) size: Option<Written<usize>>,
    pub(super) wait: Option<Written<Duration>>,
}

impl Batches {
    /// Asks for the keys of version 0.2.
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let size = t
            .field(
                "batch_size",
                Integer(1..=10_000),
                "Most messages of a batch. Of no effect with `routes`, where [processing] says it.",
            )
            .example("100")
            .optional_written();
        let wait = t
            .field(
                "flush_interval_ms",
                Millis(1..=600_000),
                "Longest wait of a message for its batch. Of no effect with `routes`, where [processing] says it.",
            )
            .example("1000")
            .optional_written();
        Self { size, wait }
    }

    /// These, or where they say nothing, those.
    pub(super) fn or(self, others: &Self) -> Self {
        Self {
            size: self.size.or_else(|| others.size.clone()),
            wait: self.wait.or_else(|| others.wait.clone()),
        }
    }
}

/// Tells that the keys of version 0.2 do nothing in a file of version 0.3.
pub(super) fn note_old_batches(t: &Table<'_>) {
    for key in ["batch_size", "flush_interval_ms"] {
        t.tell_effect(
            key,
            Effect::Never,
            "write `batch_size` and `batch_timeout_ms` in [processing]",
        );
    }
}

impl ConnectMapping {
    /// The whole mapping, where `usual` holds for what it does not say.
    pub(super) fn with(self, usual: &Batches) -> (TopicMapping, Rows) {
        let Self {
            mut mapping,
            mut rows,
            batches,
        } = self;
        let batches = batches.or(usual);
        if let Some(size) = batches.size {
            rows.unless(&BATCH_SIZE.to_string(), "batch_size", size.toml);
            mapping.batch_size = size.value;
        }
        if let Some(wait) = batches.wait {
            let usual = Millis(0..=0).show(&FLUSH_INTERVAL);
            rows.unless(&usual, "flush_interval_ms", wait.toml);
            mapping.flush_interval = wait.value;
        }
        (mapping, rows)
    }
}

/// A mapping of version 0.2.
pub(super) struct OldMapping(pub(super) ConnectMapping);

/// A mapping of version 0.3.
pub(super) struct Route(pub(super) ConnectMapping);

impl Section for OldMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages go to (version 0.2).";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        mapping(t, |_| {}).map(Self)
    }
}

impl Section for Route {
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages go to (version 0.3).";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let mut mapping = mapping(t, note_old_batches)?;
        mapping.batches = Batches::default();
        Some(Self(mapping))
    }
}

fn mapping(t: &mut Table<'_>, note: fn(&Table<'_>)) -> Option<ConnectMapping> {
    let topic = t
        .field(
            "topic",
            Parsed::<TopicName>::new("a topic"),
            "The topic, `/namespace/name`, without its partitions.",
        )
        .aliases(&["from"])
        .example("\"/stripe/payments\"")
        .required_written();
    let subscription = t
        .field(
            "subscription",
            Name("subscription"),
            "Name of the subscription, which holds the position.",
        )
        .example("\"surrealdb-payments\"")
        .required_written();
    let subscription_type = t
        .field(
            "subscription_type",
            SUBSCRIPTION_TYPES,
            "How consumers share the messages.",
        )
        .or_written(SubscriptionType::Shared);
    let table = t
        .field("table_name", TableName, "The table.")
        .aliases(&["table", "to"])
        .example("\"stripe_payments\"")
        .required_written();
    let subject = t
        .field(
            "expected_schema_subject",
            Text,
            "Messages of another schema subject are refused.",
        )
        .example("\"stripe-payment-v1\"")
        .optional_written();
    let metadata = t
        .field(
            "include_danube_metadata",
            Flag,
            "Add `_danube_metadata` to each document.",
        )
        .or_written(true);
    let storage_mode = t
        .field(
            "storage_mode",
            STORAGE_MODES,
            "`TimeSeries` adds `_timestamp`, the publish time, to each document.",
        )
        .or_written(StorageMode::Document);
    t.inert("schema_type", Effect::Never, "remove it; messages name their schema");
    let batches = Batches::read(t);
    note(t);
    if let (Some(topic), Some(subscription)) = (&topic, &subscription) {
        let fact = Consumed {
            topic: topic.value.clone(),
            subscription: subscription.value.clone(),
            subscription_type: subscription_type.value,
            sink: t.item(),
            expected_schema_subject: subject.as_ref().map(|subject| subject.value.clone()),
            by_id: None,
        };
        fact.enter(t);
    }
    let (topic, subscription, table) = (topic?, subscription?, table?);
    let mut rows = Rows::default();
    rows.push("topic", topic.toml);
    rows.push("subscription", subscription.toml);
    let shown = SUBSCRIPTION_TYPES.show(&subscription_type.value);
    rows.unless("\"Shared\"", "subscription_type", shown);
    rows.push("table", table.toml);
    if let Some(subject) = &subject {
        rows.push("expected_schema_subject", subject.toml.as_str());
    }
    rows.unless("true", "include_danube_metadata", metadata.toml);
    rows.unless("\"Document\"", "storage_mode", storage_mode.toml);
    let mapping = TopicMapping {
        topic: topic.value,
        subscription: subscription.value,
        subscription_type: subscription_type.value,
        start: StartAt::Earliest,
        table: Some(table.value),
        tables: Vec::new(),
        expected_schema_subject: subject.map(|subject| subject.value),
        batch_size: BATCH_SIZE,
        batch_bytes: BATCH_BYTES,
        flush_interval: FLUSH_INTERVAL,
        idle: IDLE,
        include_danube_metadata: metadata.value,
        storage_mode: storage_mode.value,
        id_pointer: None,
        schema_types: true,
        on_poison: OnPoison::DeadLetter,
    };
    Some(ConnectMapping { mapping, rows, batches })
}
