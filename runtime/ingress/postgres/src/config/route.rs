//! What is read, and where it goes.

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::{OnFailure, Route};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Parsed, Text},
};

use super::TableName;

/// From a table to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRoute {
    /// The table.
    pub table: TableName,
    /// Where its records go.
    pub route: Route,
}

/// From the messages of `pg_logical_emit_message` to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRoute {
    /// Their prefix.
    pub prefix: String,
    /// Where their records go.
    pub route: Route,
}

/// The endpoint of messages with this prefix. No table has such a name: a schema has no slash here.
fn endpoint_of(prefix: &str) -> String {
    format!("message/{prefix}")
}

impl Section for TableRoute {
    const ABOUT: &'static str = "A table, and where its changes go.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let table = t
            .field(
                "table",
                Parsed::<TableName>::new("a table"),
                "The table, `SCHEMA.TABLE`, as the catalogs have it; without a schema `public`. Of a partitioned table its root.",
            )
            .aliases(&["from"])
            .example("\"public.orders\"")
            .required();
        let topic = TopicKeys::read(t);
        let on_invalid = keys::on_invalid_of_upstream(t);
        topic.leave(t, true);
        let table = table?;
        let route = topic.route(table.to_string(), on_invalid, OnFailure::DeadLetter)?;
        Some(Self { table, route })
    }
}

impl Section for MessageRoute {
    const ABOUT: &'static str = "Messages that `pg_logical_emit_message` writes into the log, such as those of an outbox without a table. Those with \
        another prefix are passed over.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let prefix = t
            .field("prefix", Text, "The first argument after `transactional`.")
            .example("\"outbox\"")
            .required();
        let topic = TopicKeys::read(t);
        let on_invalid = keys::on_invalid_of_upstream(t);
        topic.leave(t, false);
        let prefix = prefix?;
        let route = topic.route(endpoint_of(&prefix), on_invalid, OnFailure::DeadLetter)?;
        Some(Self { prefix, route })
    }
}

impl TableRoute {
    /// What the component is told of it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        settings(&self.route)
    }
}

impl MessageRoute {
    /// What the component is told of it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        settings(&self.route)
    }
}

fn settings(route: &Route) -> serde_json::Value {
    serde_json::json!({
        "path": route.endpoint,
        "danube_topic": route.topic.as_str(),
        "partitions": route.partitions,
        "reliable_dispatch": route.reliable_dispatch,
    })
}
