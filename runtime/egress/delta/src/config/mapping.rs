//! What a sink consumes and which table it goes to.

use danube_wasm_connector::keys::{DocumentId, IncludeAttributes, MappingKeys};
use danube_wasm_model::{BatchPolicy, Mapping, door::ConsumerConfig};
use danube_wasm_settings::{
    Section, Table as Reader,
    kinds::{Flag, List, Name},
};
use serde_json::Value;

use super::names::TableNames;
use crate::BATCH_WISH;

/// A topic, a subscription of it, and the table that its messages are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMapping {
    /// The topic and the subscription, which holds the position.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what becomes of a message that cannot be processed.
    pub batch: BatchPolicy,
    /// The table, for a component that writes to one.
    pub table: Option<String>,
    /// More tables that a component may choose from.
    pub tables: Vec<String>,
    /// Whether documents get `_danube_metadata`.
    pub include_danube_metadata: bool,
    /// Which attributes of their messages documents get.
    pub include_attributes: Option<IncludeAttributes>,
    /// Where a message has the id of its document.
    pub id: DocumentId,
}

impl TopicMapping {
    /// The same as the pipeline knows it.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            consumer: self.consumer.clone(),
            batch: self.batch,
            targets: self.targets().map(str::to_owned).collect(),
        }
    }

    /// Every table that the component may write to; at least one.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.table.iter().chain(&self.tables).map(String::as_str)
    }

    /// Whether its messages are documents that change.
    pub(crate) fn has_ids(&self) -> bool {
        self.id.pointer.is_some() || self.id.from.is_some()
    }

    /// What the component is told of it.
    pub(crate) fn settings(&self) -> Value {
        let mut settings = self.id.settings(&self.consumer);
        settings["include_danube_metadata"] = self.include_danube_metadata.into();
        if let Some(include) = &self.include_attributes {
            settings["include_attributes"] = include.settings();
        }
        if let Some(table) = &self.table {
            settings["table"] = table.as_str().into();
        }
        if !self.tables.is_empty() {
            settings["tables"] = self.tables.clone().into();
        }
        settings
    }
}

impl Section for TopicMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages are appended to.";

    fn read(t: &mut Reader<'_>) -> Option<Self> {
        let (keys, (table, tables)) = MappingKeys::read(t, BATCH_WISH.into(), named);
        let include_danube_metadata = t
            .field(
                "include_danube_metadata",
                Flag,
                "Add `_danube_metadata` to each document: topic, publish time, producer and id of its message. The table needs a column \
                 of that name, of type string; one that is created has it.",
            )
            .or(false);
        let include_attributes = IncludeAttributes::read(t, &keys);
        let id = DocumentId::read(
            t,
            "Where a message has the id of its document. Then each message is an upsert, which only a table with `changes = true` \
                 accepts; without, each is an insert.",
        );
        let schema_types = t
            .field(
                "schema_types",
                Flag,
                "Take what an Avro or Protobuf schema says of fields for true: numbers that are dates or timestamps, and 64-bit integers \
                 that Protobuf writes as text, are what they stand for.",
            )
            .or(true);
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
            include_attributes,
            id,
        })
    }
}

/// The keys `table` and `tables`.
fn named(t: &mut Reader<'_>) -> (Option<String>, Vec<String>) {
    let table = t
        .field(
            "table",
            Name("table"),
            "The table, by its name in `tables` of the sink. A sink writes to the tables of its mappings and to no other: a component's \
             write to another one is refused, and its message becomes a dead letter.",
        )
        .example("\"orders\"")
        .optional();
    let tables = t
        .field(
            "tables",
            List {
                kind: Name("table"),
                len: 1..=256,
            },
            "Tables that the component may choose from, besides `table` or instead of it. `builtin:document-sink` does not choose: it \
             writes to `table`.",
        )
        .example("[\"orders\", \"refunds\"]")
        .or(Vec::new());
    if !t.given("table") && !t.given("tables") && t.session().manual().is_none() {
        t.session().error(
            &t.span("table"),
            format!("{} needs `table`", t.header()),
            "write `table = \"NAME\"`, or `tables = [\"NAME\", …]` for a component that chooses",
        );
    }
    TableNames::name(t, "table", table.iter());
    TableNames::name(t, "tables", tables.iter());
    (table, tables)
}
