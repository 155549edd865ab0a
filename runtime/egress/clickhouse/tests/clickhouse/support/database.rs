//! A database of one test.

use std::sync::Arc;

use danube_wasm_egress_clickhouse::ClickHouseEgress;
use serde_json::Value;

use super::{Server, sink, soon, text};

/// A database of one test.
pub(crate) struct Database {
    pub(crate) server: Arc<Server>,
    pub(crate) name: String,
}

impl Database {
    /// An empty one with the test's name. `None` where no server is installed.
    pub(crate) async fn new(test: &str) -> Option<Self> {
        let database = Self {
            server: Server::shared()?,
            name: format!("danube_wasm_{test}"),
        };
        let name = &database.name;
        database.run(&format!("DROP DATABASE IF EXISTS {name}")).await;
        database.run(&format!("CREATE DATABASE {name}")).await;
        Some(database)
    }

    pub(crate) async fn run(&self, query: &str) -> String {
        soon("an answer", self.server.run(query))
            .await
            .unwrap_or_else(|said| panic!("{query}: {said}"))
    }

    /// Creates a table: its name, its columns, its engine and what follows.
    pub(crate) async fn create(&self, table: &str, columns: &str, engine: &str) {
        let name = &self.name;
        self.run(&format!("CREATE TABLE {name}.{table} ({columns}) ENGINE = {engine}"))
            .await;
    }

    /// Rows of a query on `{db}`.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = query.replace("{db}", &self.name);
        let said = self.run(&format!("{query} FORMAT JSONEachRow")).await;
        said.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// The one value of a query on `{db}`, as text.
    pub(crate) async fn value(&self, query: &str) -> String {
        let query = query.replace("{db}", &self.name);
        self.run(&format!("{query} FORMAT TabSeparated"))
            .await
            .trim_end()
            .to_owned()
    }

    /// A sink that writes to its table `t`; keys of the mapping.
    pub(crate) fn sink(&self, mapping: &str) -> ClickHouseEgress {
        sink(&self.text("", mapping))
    }

    /// The text of such a sink.
    pub(crate) fn text(&self, keys: &str, mapping: &str) -> String {
        text(&self.server.url, &self.name, keys, mapping)
    }
}
