//! The source `otlp`: the real binary, with a collector as the client.

use std::{
    collections::{BTreeMap, HashSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use danube_wasm_testkit::servers::{self, Server};
use serde_json::{Value, json};

use crate::{
    examples,
    harness::{Pipeline, operate},
    log::{Record, once, records},
};

fn run(file: &Path) -> Pipeline {
    let pipeline = Pipeline::spawn(file);
    pipeline.until("it listens", |p| {
        p.log("running").is_some() && p.log("listening for OTLP").is_some()
    });
    pipeline
}

fn address(pipeline: &Pipeline) -> String {
    let line = pipeline.log("listening for OTLP").expect("it listens");
    line["address"].as_str().expect("an address").to_owned()
}

#[test]
fn the_example_makes_records_of_telemetry_and_a_dead_letter_of_what_is_none() {
    let dir = examples::copy("otlp-telemetry");
    let example = dir.path().join("otlp-telemetry");
    let file = example.join("pipeline.toml");
    let pipeline = run(&file);
    let endpoint = format!("http://{}", address(&pipeline));
    // Twice: the second time is a retry.
    for _ in 0..2 {
        let said = examples::script(&example, "send-telemetry.sh", &[("OTLP_ENDPOINT", &endpoint)]);
        assert!(said.contains("{}\n{}\n{}\nexported 2 spans"), "{said}");
    }
    let letters = operate(&file, &["dlq", "ls"]).expect("letters");
    assert!(
        letters.to_string().contains("violates schema `log-record-v1`"),
        "{letters}"
    );
    pipeline.stop();
    let rows = |topic: &str| {
        let records = records(&example.join("data/log"), topic);
        once(&records).into_iter().map(body).collect::<Vec<_>>()
    };
    let spans = rows("/otel/traces");
    assert_eq!(
        (&spans[0]["name"], &spans[1]["name"]),
        (&json!("POST /cart"), &json!("SELECT stock"))
    );
    assert_eq!(spans[0]["resource"]["attributes"][0]["value"]["stringValue"], "shop");
    assert_eq!(
        (spans.len(), rows("/otel/metrics").len(), rows("/otel/logs").len()),
        (2, 1, 2)
    );
}

/// A collector that reads lines from a file.
struct Collector {
    dir: tempfile::TempDir,
    _server: Server,
}

impl Collector {
    /// None if it is not installed.
    fn start(url: &str) -> Option<Self> {
        let mut python = servers::python("otel_collector")?;
        let find = python
            .args(["-c", "import otel_collector; print(otel_collector.__path__[0])"])
            .output();
        let folder = String::from_utf8(find.expect("python runs").stdout).expect("a path");
        let program = PathBuf::from(folder.trim()).join("bin/otelcol-contrib_linux_amd64");
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("collector.yaml");
        std::fs::write(dir.path().join("lines.log"), "").expect("a file of lines");
        let text = format!(
            "receivers:\n  filelog: {{ include: [{}/lines.log], start_at: beginning, poll_interval: 50ms }}\n\
             processors:\n  batch: {{ send_batch_size: 200, timeout: 50ms }}\n\
             exporters:\n  otlphttp:\n    endpoint: {url}\n    timeout: 20s\n\
             \x20   retry_on_failure: {{ initial_interval: 100ms, max_interval: 500ms, max_elapsed_time: 0 }}\n\
             \x20   sending_queue: {{ queue_size: 100000, num_consumers: 4 }}\n\
             service:\n  telemetry:\n    metrics: {{ level: none }}\n\
             \x20 pipelines:\n    logs: {{ receivers: [filelog], processors: [batch], exporters: [otlphttp] }}\n",
            dir.path().display()
        );
        std::fs::write(&file, text).expect("its configuration");
        let mut command = std::process::Command::new(program);
        command
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _server = Server::start(&mut command);
        Some(Self { dir, _server })
    }

    fn log(&self, lines: impl Iterator<Item = String>) {
        let file = std::fs::OpenOptions::new()
            .append(true)
            .open(self.dir.path().join("lines.log"));
        let mut file = std::io::BufWriter::new(file.expect("the file of lines"));
        lines.for_each(|line| writeln!(file, "{line}").expect("a line"));
        file.flush().expect("the lines");
    }
}

/// Events of which there are records in this process.
fn processed(pipeline: &Pipeline) -> u64 {
    let (_, metrics) = pipeline.admin("/metrics");
    let of_topic =
        |line: &&str| line.starts_with("danube_connector_messages_processed_total{") && line.contains("/v1/logs");
    let values = metrics.lines().filter(of_topic);
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

/// Killed while a collector sends, again and again (`KILLS` for more): each line is one row.
#[test]
fn kill_9_under_a_collector_loses_no_line_and_makes_no_second_row_of_one() {
    const LINES: usize = 2000;
    let kills: usize = std::env::var("KILLS").map_or(4, |kills| kills.parse().expect("a number"));
    let port = servers::free_port();
    let Some(collector) = Collector::start(&format!("http://127.0.0.1:{port}")) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pipeline.toml");
    let text = format!(
        "name = \"test\"\n[admin]\nport = 0\n[[sources]]\nname = \"otel\"\ncomponent = \"builtin:record-source\"\n\
         [sources.otlp]\nport = {port}\ngrpc_port = {port}\n[sources.otlp.logs]\ndanube_topic = \"/otel/logs\"\n"
    );
    std::fs::write(&file, text).expect("a pipeline file");
    for kill in 0..kills {
        let pipeline = run(&file);
        let first = kill * LINES;
        collector.log((first..first + LINES).map(|n| format!("line {n}")));
        // Some are records, others are on their way.
        pipeline.until("some are handled", |p| processed(p) >= 400);
        pipeline.kill();
    }
    let log = dir.path().join("data/log");
    // What is not there yet comes from the collector's queue, perhaps with some that are there already.
    let missing = |records: &[Record]| {
        let there: HashSet<_> = records.iter().map(line).collect();
        let all = (0..kills * LINES).map(|n| format!("line {n}"));
        all.filter(|line| !there.contains(line)).count()
    };
    let mut found = records(&log, "/otel/logs");
    while missing(&found) > 0 {
        let (pipeline, wanted) = (run(&file), missing(&found) as u64);
        pipeline.until("the collector sends the rest", |p| processed(p) >= wanted);
        pipeline.stop();
        found = records(&log, "/otel/logs");
    }
    let mut lines: BTreeMap<String, HashSet<&str>> = BTreeMap::new();
    for record in &found {
        lines.entry(line(record)).or_default().insert(&record.id);
    }
    println!("{} lines in {} records, after {kills} kills", lines.len(), found.len());
    let doubled: Vec<_> = lines.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(lines.len(), kills * LINES);
}

fn body(record: &Record) -> Value {
    serde_json::from_str(&record.text).expect("JSON")
}

fn line(record: &Record) -> String {
    body(record)["body"]["stringValue"].as_str().expect("a line").to_owned()
}
