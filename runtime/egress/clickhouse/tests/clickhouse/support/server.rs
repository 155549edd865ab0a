//! ClickHouse: the server at `CLICKHOUSE_URL`, or its engine behind a door of Python's.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, Weak},
};

use danube_wasm_egress_clickhouse::ClickHouseEgress;
use danube_wasm_testkit::servers::{self, python};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use super::{sink, soon, text};

/// A server. The last test that uses it ends it.
pub(crate) struct Server {
    pub(crate) url: String,
    _door: Option<(servers::Server, TempDir)>,
}

/// Starting an engine takes seconds, so tests that run at the same time share one.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// `None` where none is installed.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock();
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = match std::env::var("CLICKHOUSE_URL") {
            Ok(url) => Self { url, _door: None },
            Err(_) => Self::start(None)?,
        };
        let server = Arc::new(server);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// One of its own, which asks for a user and a password.
    pub(crate) fn start(login: Option<&str>) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/door.py");
        let mut command = python("chdb")?;
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command
            .arg(script)
            .arg(dir.path())
            .args(login)
            .stdout(writer)
            .stderr(Stdio::null());
        let process = servers::Server::start(&mut command);
        drop(command);
        let mut port = String::new();
        BufReader::new(reader).read_line(&mut port).expect("it prints its port");
        Some(Self {
            url: format!("http://127.0.0.1:{}", port.trim()),
            _door: Some((process, dir)),
        })
    }

    /// Runs a query.
    pub(crate) async fn run(&self, query: &str) -> Result<String, String> {
        let request = reqwest::Client::new().post(&self.url).body(query.to_owned()).send();
        let answer = soon("an answer", request).await.expect("it answers");
        let is_done = answer.status().is_success();
        let said = answer.text().await.expect("text");
        if is_done { Ok(said) } else { Err(said) }
    }
}

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
        self.server
            .run(query)
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
