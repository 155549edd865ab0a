//! A host in a directory of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use danube_wasm_config::{Loader, Pipeline};
use danube_wasm_host::{HostOptions, PipelineHost, connectors::registry};

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{Compiler, Sandbox, SandboxOptions};
use danube_wasm_telemetry::{Health, Metrics, Tracing};
use danube_wasm_testkit::until;
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
        for name in ["pipeline.toml", "send-orders.sh"] {
            site.write(name, &repository(&format!("examples/delta-orders/{name}")));
        }
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let text = ["8080", "8086", "9096"].iter().fold(text.to_owned(), |text, port| {
            text.replace(&format!("\nport = {port}"), "\nport = 0")
        });
        std::fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        let lake = self.path("lake").display().to_string();
        let env = BTreeMap::from([("LAKE".to_owned(), lake)]);
        let loaded = Loader::new(registry(), &env).load(&self.path("pipeline.toml"));
        let loaded = loaded.unwrap_or_else(|found| panic!("{found}"));
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        loaded.pipeline
    }

    pub(crate) async fn start(&self) -> PipelineHost {
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
        let pipeline = self.pipeline();
        let host = PipelineHost::open(pipeline.clone(), options).await.expect("it opens");
        host.apply(pipeline).await.expect("it starts");
        host
    }

    /// Sends 20 orders, numbered from `first`; each is answered 200.
    pub(crate) async fn send(&self, host: &PipelineHost, first: usize) {
        let url = located(host, "delta-orders/shop", "/orders").await;
        let mut bash = Command::new("bash");
        bash.arg(self.path("send-orders.sh"))
            .arg("20")
            .arg(first.to_string())
            .env("URL", url);
        let said = output(bash).await;
        assert!(said.contains("200: 20"), "{said}");
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
