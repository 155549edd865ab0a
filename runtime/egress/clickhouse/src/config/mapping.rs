//! What a sink consumes and where it goes.

use danube_wasm_connector::keys::{DocumentId, IncludeAttributes, MappingKeys};
use danube_wasm_model::{BatchPolicy, Mapping, door::ConsumerConfig};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Flag, List, Text},
};
use serde_json::Value;

use super::table::{TableOptions, TablesSeen};
use crate::BATCH_WISH;

/// A topic, a subscription of it, and the table that its messages are written to.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMapping {
    /// The topic and the subscription, which holds the position.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what becomes of a message that cannot be processed.
    pub batch: BatchPolicy,
    /// The table, for a component that writes to one.
    pub table: Option<String>,
    /// More tables that a component may choose from.
    pub tables: Vec<String>,
    /// How documents become rows of these tables.
    pub options: TableOptions,
    /// Where a message has the id of its document.
    pub id: DocumentId,
    /// Whether documents get `_danube_metadata`.
    pub include_danube_metadata: bool,
    /// Which attributes of their messages documents get.
    pub include_attributes: Option<IncludeAttributes>,
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
    const ABOUT: &'static str = "A topic that the sink consumes, and the table that its messages go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (keys, (table, tables)) = MappingKeys::read(t, BATCH_WISH.into(), tables);
        let id = DocumentId::read(
            t,
            "Where a message has the id of its document. Then the newest message of an id is what the table has of it, if its \
                 engine is ReplacingMergeTree; without, each message is a document of its own.",
        );
        let include_danube_metadata = t
            .field(
                "include_danube_metadata",
                Flag,
                "Add the field `_danube_metadata` to each document: topic, publish time and producer of its message. The table \
                 needs a column of that name, such as one of the type JSON.",
            )
            .or(false);
        let include_attributes = IncludeAttributes::read(t, &keys);
        let options = TableOptions::read(t);
        let schema_types = t
            .field(
                "schema_types",
                Flag,
                "Store what an Avro or Protobuf schema says: numbers that are dates or timestamps by the schema go into columns \
                 of dates as such. With `false`, `epoch` says what they count.",
            )
            .or(true);
        for (key, name) in table
            .iter()
            .map(|name| ("table", name))
            .chain(tables.iter().map(|name| ("tables", name)))
        {
            TablesSeen::leave(t, key, name, &options);
        }
        keys.leave(t, id.span(t));
        Some(Self {
            consumer: keys.consumer?,
            batch: BatchPolicy {
                schema_types,
                ..keys.batch
            },
            table,
            tables,
            options,
            id,
            include_danube_metadata,
            include_attributes,
        })
    }
}

/// The keys `table` and `tables`.
fn tables(t: &mut Table<'_>) -> (Option<String>, Vec<String>) {
    let table = t
        .field(
            "table",
            Text,
            "The table, which must exist. A sink writes to the tables of its mappings and to no other: a component's write to \
             another one is refused, and its message becomes a dead letter.",
        )
        .aliases(&["to"])
        .example("\"payments\"")
        .optional();
    let tables = t
        .field(
            "tables",
            List {
                kind: Text,
                len: 1..=256,
            },
            "Tables that the component may choose from, besides `table` or instead of it. `builtin:document-sink` does not \
             choose: it writes to `table`.",
        )
        .example("[\"payments\", \"refunds\"]")
        .or(Vec::new());
    if !t.given("table") && !t.given("tables") && t.session().manual().is_none() {
        t.session().error(
            &t.span("table"),
            format!("{} needs `table`", t.header()),
            "write for example `table = \"payments\"`, or `tables = [\"payments\", …]` for a component that chooses",
        );
    }
    (table, tables)
}
