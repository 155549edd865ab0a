//! A topic to consume and the table to write to.

use danube_wasm_connector::keys::{DocumentId, IncludeAttributes, MappingKeys};
use danube_wasm_model::{BatchPolicy, Mapping, door::ConsumerConfig};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Flag, List},
};

use super::table_name::TableName;
use crate::BATCH_WISH;

/// A topic, a subscription to it, and the table that its messages are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMapping {
    /// The topic, and the subscription that keeps the position.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what happens to a message that cannot be processed.
    pub batch: BatchPolicy,
    /// The table, for a component that writes to one table.
    pub table: Option<String>,
    /// More tables that a component may choose from.
    pub tables: Vec<String>,
    /// Whether documents get `_danube_metadata`.
    pub include_danube_metadata: bool,
    /// What is added to a message to make a document.
    pub storage_mode: StorageMode,
    /// Where in a message the id of its document is.
    pub id: DocumentId,
    /// Attributes of a message that the built-in component adds.
    pub include_attributes: Option<IncludeAttributes>,
}

/// What is added to a message to make a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorageMode {
    /// Nothing.
    #[default]
    Document,
    /// The publish time.
    TimeSeries,
}

const STORAGE_MODES: Choice<StorageMode> = Choice::of(&[
    ("Document", StorageMode::Document),
    ("TimeSeries", StorageMode::TimeSeries),
]);

impl TopicMapping {
    /// The mapping in the pipeline's form.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            consumer: self.consumer.clone(),
            batch: self.batch,
            targets: self.targets().map(str::to_owned).collect(),
        }
    }

    /// All tables that the component may write to; at least one.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.table.iter().chain(&self.tables).map(String::as_str)
    }

    /// The settings that the component gets.
    pub(crate) fn settings(&self) -> serde_json::Value {
        let mut settings = self.id.settings(&self.consumer);
        settings["include_danube_metadata"] = self.include_danube_metadata.into();
        settings["storage_mode"] = match self.storage_mode {
            StorageMode::Document => "Document",
            StorageMode::TimeSeries => "TimeSeries",
        }
        .into();
        if let Some(table) = &self.table {
            settings["table"] = table.as_str().into();
        }
        if !self.tables.is_empty() {
            settings["tables"] = self.tables.clone().into();
        }
        if let Some(include) = &self.include_attributes {
            settings["include_attributes"] = include.settings();
        }
        settings
    }
}

impl Section for TopicMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (keys, (table, tables)) = MappingKeys::read(t, BATCH_WISH.into(), tables);
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
        let id = DocumentId::read(
            t,
            "Where a message has the id of its document. Then the newest message of an id is what is stored, \
                 whatever partitions and lanes it and others come through; without, each message is a document of its \
                 own. Ids are text: where the pointer leads to `7` or `\"7\"`, the row is `` table:`7` ``, and `table:7`, \
                 with a number, is not there. Where it leads to a field `id`, the row has that field, too, as `_id`.",
        );
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
        let include_attributes = IncludeAttributes::read(t, &keys);
        keys.leave(t, id.span(t));
        Some(Self {
            consumer: keys.consumer?,
            batch: BatchPolicy {
                schema_types,
                ..keys.batch
            },
            table,
            tables,
            include_danube_metadata,
            storage_mode,
            id,
            include_attributes,
        })
    }
}

/// The keys `table` and `tables`.
fn tables(t: &mut Table<'_>) -> (Option<String>, Vec<String>) {
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
    (table, tables)
}
