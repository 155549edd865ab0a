//! A host in a directory of its own, with receivers as processes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use danube_wasm_config::{Loader, Pipeline};
use danube_wasm_host::{HostOptions, PipelineHost, connectors::registry};

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{Compiler, Sandbox, SandboxOptions};
use danube_wasm_telemetry::{Health, Metrics, Tracing};
use danube_wasm_testkit::{
    servers::{Server, program},
    until,
};
use tempfile::TempDir;
use tokio::time::Instant;

/// A directory with a pipeline file, whose listeners take free ports.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// With the files of the example.
    pub(crate) fn example() -> Self {
        let site = Self::new();
        for name in ["pipeline.toml", "receiver.py", "send-orders.sh"] {
            site.write(name, &repository(&format!("examples/order-hooks/{name}")));
        }
        site
    }

    /// The same with another broker.
    #[cfg(feature = "nats")]
    pub(crate) fn example_on(broker: &str) -> Self {
        let site = Self::example();
        let pipeline = repository("examples/order-hooks/pipeline.toml");
        site.write(
            "pipeline.toml",
            &pipeline.replacen("\n[admin]", &format!("\n{broker}\n[admin]"), 1),
        );
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let text = ["8080", "8082", "9092"].iter().fold(text.to_owned(), |text, port| {
            text.replace(&format!("\nport = {port}"), "\nport = 0")
        });
        std::fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn pipeline(&self, warehouse: u16) -> Pipeline {
        let url = format!("http://127.0.0.1:{warehouse}/hooks");
        let instance = ("DANUBE_WASM_INSTANCE".to_owned(), "0".to_owned());
        let env = BTreeMap::from([("WAREHOUSE_URL".to_owned(), url), instance]);
        let loaded = Loader::new(registry(), &env).load(&self.path("pipeline.toml"));
        let loaded = loaded.unwrap_or_else(|found| panic!("{found}"));
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        loaded.pipeline
    }

    pub(crate) async fn start(&self, warehouse: u16) -> PipelineHost {
        let metrics = Metrics::new().expect("metrics");
        let sandbox = SandboxOptions::new(self.path("components"), Compiler::InProcess);
        let options = HostOptions {
            registry: registry().clone(),
            sandbox: Sandbox::try_new(sandbox).expect("a sandbox"),
            tracing: Tracing::new(None, &metrics).expect("no traces"),
            metrics,
            health: Health::starting(),
            name: PathBuf::from("pipeline.toml"),
        };
        let pipeline = self.pipeline(warehouse);
        let host = PipelineHost::open(pipeline.clone(), options).await.expect("it opens");
        host.apply(pipeline).await.expect("it starts");
        host
    }

    /// The other system. What it has kept is there again.
    pub(crate) fn receiver(&self, port: u16) -> Server {
        let mut python = program("python3").expect("Python 3");
        python
            .arg(self.path("receiver.py"))
            .arg(port.to_string())
            .arg(self.path("received.jsonl"));
        Server::start(python.stdout(Stdio::null()))
    }

    /// Sends 20 orders of 5 steps, numbered from `first`; each is answered 200.
    pub(crate) async fn send(&self, host: &PipelineHost, first: usize) {
        let url = located(host, "order-hooks/shop", "/orders").await;
        let mut bash = Command::new("bash");
        bash.arg(self.path("send-orders.sh"))
            .arg("20")
            .arg(first.to_string())
            .env("URL", url);
        let said = output(bash).await;
        assert!(said.contains("200: 100"), "{said}");
    }

    /// What the receiver has kept: id, order and step.
    pub(crate) fn received(&self) -> Vec<(String, String, u64)> {
        let text = std::fs::read_to_string(self.path("received.jsonl")).unwrap_or_default();
        let of = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let data = &line["event"]["data"];
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            Some((text(&line["id"])?, text(&data["order"])?, data["step"].as_u64()?))
        };
        text.lines().filter_map(of).collect()
    }

    pub(crate) async fn until_received(&self, count: usize) {
        until("they are received", || (self.received().len() >= count).then_some(())).await;
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where a source of these listens.
pub(crate) async fn located(host: &PipelineHost, source: &str, endpoint: &str) -> String {
    let source: ConnectorId = source.parse().expect("an id");
    until("the source listens", || host.location(&source, endpoint)).await
}

/// What a command that works prints.
pub(crate) async fn output(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("a thread").expect("a command");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

pub(crate) async fn stop(host: PipelineHost) {
    let deadline = Instant::now() + Duration::from_secs(30);
    host.shutdown(deadline).await.expect("it stops");
}
