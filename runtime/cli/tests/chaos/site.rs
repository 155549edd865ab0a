//! A broker, webhook processes and sink processes in a scratch directory, each of which can be killed and replaced.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
};

use parking_lot::RwLock;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    harness::{
        Pipeline, cli, root,
        texts::{self, DISK_BUFFER, DatabaseSink, WebhookSource},
    },
    load::Address,
    proxy::Proxy,
    server::{self, Server},
};

/// Of all payments of a site.
pub const TOPIC: &str = "/default/payments";

/// Of the database server's root user.
const CREDENTIALS: &str = "username = \"root\"\npassword = \"root\"";

/// What a site's processes are told beyond their names.
#[derive(Clone)]
pub struct Layout {
    /// Wait on disk while the other side is away.
    pub spools: bool,
    pub subscription_type: &'static str,
    pub broker: server::Kind,
    /// A database server that every sink writes to, each its own namespace; else each sink has a database of its own.
    pub database: Option<Database>,
}

/// A real SurrealDB server.
#[derive(Clone)]
pub struct Database {
    /// Where sinks reach it.
    pub url: String,
    /// Where the checker reads it, whatever happens on the way there.
    pub true_url: String,
    pub name: String,
}

impl Database {
    /// With nothing on the way there.
    pub fn direct(server: SocketAddr, name: String) -> Self {
        let url = format!("ws://{server}");
        Self {
            true_url: url.clone(),
            url,
            name,
        }
    }
}

/// `SURREALDB_URL`: `ws://HOST:PORT` of a server whose root user is `root`, password `root`.
///
/// # Errors
/// There is none.
pub fn database_server() -> Result<SocketAddr, &'static str> {
    let url = std::env::var("SURREALDB_URL").map_err(|_| "SURREALDB_URL names no server")?;
    let host = url.split("://").last().unwrap_or_default().trim_end_matches("/rpc");
    let address = host.to_socket_addrs().ok().and_then(|mut all| all.next());
    address.ok_or("SURREALDB_URL is not ws://HOST:PORT")
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            spools: false,
            subscription_type: "KeyShared",
            broker: server::Kind::Own { ack_timeout_secs: 30 },
            database: None,
        }
    }
}

pub struct Site {
    dir: TempDir,
    layout: Layout,
    broker: Option<Server>,
    /// Between the broker and everybody else.
    pub broker_proxy: Proxy,
}

/// A process of a site, with what it takes to start it again.
pub struct Part {
    name: String,
    file: PathBuf,
    pipeline: Option<Pipeline>,
    /// Of a webhook process: where it listens.
    pub address: Address,
}

impl Site {
    pub fn new(layout: Layout) -> Self {
        let mut site = Self {
            broker_proxy: Proxy::start(),
            dir: tempfile::tempdir().expect("a directory"),
            layout,
            broker: None,
        };
        site.start_broker();
        site
    }

    /// SIGKILL.
    pub fn kill_broker(&mut self) {
        drop(self.broker.take().expect("a broker"));
    }

    /// On the log that is there, at whatever port; processes reach it through the proxy.
    pub fn start_broker(&mut self) {
        self.broker = Server::start(&self.layout.broker, &self.broker_dir(), self.broker_proxy.address());
        if let Some(broker) = &self.broker {
            self.broker_proxy.point_to(broker.address());
        }
    }

    pub fn broker_dir(&self) -> PathBuf {
        self.dir.path().join("broker")
    }

    pub fn source(&self, name: &str) -> Part {
        let source = WebhookSource {
            topic: TOPIC,
            lines: self.buffer(),
            endpoint: "key_pointer = \"/customer_id\"",
            ..WebhookSource::default()
        };
        self.process(name, &(texts::payment_schema(TOPIC) + &source.to_string()))
    }

    /// A process with these tables of schemas and sources.
    pub fn process(&self, name: &str, text: &str) -> Part {
        self.part(name, "0", text)
    }

    /// `slot`: its name among the consumers of the subscription.
    pub fn sink(&self, slot: &str) -> Part {
        self.sink_named(&format!("sink-{slot}"), slot)
    }

    /// In a directory of this name.
    pub fn sink_named(&self, name: &str, slot: &str) -> Part {
        let (url, credentials, namespace) = match &self.layout.database {
            None => ("surrealkv://data/db", "", "default"),
            Some(database) => (&*database.url, CREDENTIALS, &*database.name),
        };
        let sink = DatabaseSink {
            url,
            namespace,
            topic: TOPIC,
            lines: self.buffer(),
            database: credentials,
            mapping: &format!("subscription_type = \"{}\"", self.layout.subscription_type),
            ..DatabaseSink::default()
        };
        let text = sink.to_string();
        self.part(name, slot, &text)
    }

    /// With this sink of payments, in a directory of its own.
    pub fn sink_to(&self, slot: &str, sink: &str) -> Part {
        self.part(&format!("sink-{slot}"), slot, sink)
    }

    fn buffer(&self) -> &'static str {
        match self.layout.spools {
            true => DISK_BUFFER,
            false => "",
        }
    }

    fn part(&self, name: &str, slot: &str, connector: &str) -> Part {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let schema = root().join("examples/stripe-payments/schemas/payment.json");
        std::fs::copy(schema, dir.join("payment.json")).expect("a schema");
        let (broker, table) = self.layout.broker.lines(self.broker_proxy.address(), slot);
        let text = format!("{}{table}{connector}", texts::top(&broker, 30));
        let file = dir.join("pipeline.toml");
        std::fs::write(&file, text).expect("a pipeline file");
        Part {
            name: name.to_owned(),
            file,
            pipeline: None,
            address: Arc::new(RwLock::new(String::new())),
        }
    }

    /// What is in the database server that all sinks write to, by a way that no fault is on.
    pub fn database_rows(&self) -> Vec<Value> {
        let database = self.layout.database.as_ref().expect("a database");
        let file = self.dir.path().join("checker.toml");
        let sink = DatabaseSink {
            url: &database.true_url,
            namespace: &database.name,
            topic: TOPIC,
            database: CREDENTIALS,
            ..DatabaseSink::default()
        };
        let text = format!("name = \"checker\"\n{sink}");
        std::fs::write(&file, text).expect("a file");
        rows(&file.display().to_string())
    }

    /// Messages of the sinks' subscription that are not acknowledged.
    pub fn lag(&self) -> u64 {
        let broker = self.broker_dir().display().to_string();
        let output = cli(["subscriptions", "lag", &broker, "--json"]);
        let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let found = all.iter().find(|s| s["subscription"] == "rows");
        found.and_then(|s| s["lag"].as_u64()).expect("the subscription")
    }
}

impl Part {
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// With more environment; waits until it runs.
    pub fn start_with(&mut self, env: &[(&str, &str)]) {
        self.spawn_with(env);
        self.wait_until_it_runs();
    }

    pub fn spawn_with(&mut self, env: &[(&str, &str)]) {
        self.pipeline = Some(Pipeline::spawn_with(&self.file, env));
    }

    pub fn wait_until_it_runs(&mut self) {
        let pipeline = self.running();
        pipeline.until("the pipeline runs", |p| p.log("running").is_some());
        if pipeline.log("listening for webhooks").is_some() {
            *self.address.write() = pipeline.address();
        }
    }

    pub fn running(&self) -> &Pipeline {
        self.pipeline
            .as_ref()
            .unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.pipeline.take().expect("a process").kill();
    }

    /// SIGTERM, exit 0.
    pub fn stop(&mut self) {
        self.pipeline.take().expect("a process").stop();
    }

    /// Gives the process away: to be waited for.
    pub fn take(&mut self) -> Pipeline {
        self.pipeline.take().expect("a process")
    }

    pub fn is_taken(&self) -> bool {
        self.pipeline.is_none()
    }

    /// Every row of its database, whether it runs or not.
    pub fn rows(&self) -> Vec<Value> {
        rows(&self.file.display().to_string())
    }
}

/// Every row of the only sink's database.
pub fn rows(file: &str) -> Vec<Value> {
    let output = cli(["query", "--json", file, "SELECT * OMIT id FROM payments"]);
    let said = String::from_utf8_lossy(&output.stderr);
    // SurrealDB makes a table with its first row.
    if said.contains("does not exist") || said.contains("is not there yet") {
        return Vec::new();
    }
    assert!(output.status.success(), "{said}");
    let mut values: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    match values[0].take() {
        Value::Array(rows) => rows,
        other => panic!("rows are {other}"),
    }
}
