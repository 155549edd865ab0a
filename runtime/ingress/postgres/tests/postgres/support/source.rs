//! The source of this suite: its tables, and what its metrics tell.

use std::path::Path;

use danube_wasm_connector::{Finding, SourceConfig};
use danube_wasm_ingress_postgres::PostgresSource;
use danube_wasm_source_harness::TestedSource;
pub(crate) use danube_wasm_source_harness::{Log, Process, Record, texts_once};

pub(crate) const TOPIC: &str = "/shop/changes";
/// The slot of the usual table.
pub(crate) const SLOT: &str = "danube_test";
const SOURCE: TestedSource = TestedSource::of::<PostgresSource>("shop", TOPIC);

pub(crate) fn new_log() -> Log {
    Log::new(SOURCE)
}

/// The source of an example, with these variables in the environment.
pub(crate) fn example(file: &Path, variables: &[(&str, &str)]) -> SourceConfig {
    SOURCE.example(file, variables)
}

/// The usual table: these tables of the test's database.
pub(crate) fn table(port: u16, tables: &[&str], more: &str) -> String {
    let routes: Vec<_> = tables
        .iter()
        .map(|table| format!("{{ table = \"{table}\", danube_topic = \"{TOPIC}\" }}"))
        .collect();
    let password = if more.contains("password") {
        ""
    } else {
        "password = \"secret\"\n"
    };
    format!(
        "url = \"postgres://127.0.0.1:{port}/shop\"\nuser = \"danube\"\n{password}slot = \"{SLOT}\"\ntables = [{}]\n{more}\n",
        routes.join(", ")
    )
}

/// What `check --connect` finds.
pub(crate) async fn probe(table: &str) -> Vec<Finding> {
    SOURCE.probe(table).await
}

pub(crate) trait Change {
    /// What was done.
    fn op(&self) -> &str;
}

impl Change for Record {
    fn op(&self) -> &str {
        self.attribute("change.op")
    }
}

pub(crate) trait PostgresProcess {
    /// Waits until the stream was started so many times.
    async fn streaming(&self, times: usize);
}

impl PostgresProcess for Process {
    async fn streaming(&self, times: usize) {
        let name = "danube_wasm_postgres_connections_total";
        self.until_sum("the stream is started", name, "", |sum| sum >= times)
            .await;
    }
}
