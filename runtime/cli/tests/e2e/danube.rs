//! Several processes on one broker: `danube-wasm broker` over a real socket, sources and sinks as processes of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{self, Pipeline, cli, payment, root};

/// A scratch directory with a broker.
struct Site {
    dir: TempDir,
}

/// Which end of the pipeline a process runs.
#[derive(Clone, Copy)]
enum Part<'a> {
    Source,
    /// A slot, with its subscription type.
    Sink(&'a str, &'a str),
}

impl Site {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Serves; port 0 for any, else the port of a broker that was there before.
    fn broker(&self, address: &str) -> (Pipeline, String) {
        let data = self.dir.path().join("broker").display().to_string();
        let broker = Pipeline::spawn_args(&["broker", "--data-dir", &data, "--listen", address], &[]);
        let serving = "serving Danube's API: one node, for development and the edge; production is Danube";
        broker.until("the broker serves", |b| b.log(serving).is_some());
        let line = broker.log(serving).expect("it serves");
        let address = line["address"].as_str().expect("an address").to_owned();
        (broker, address)
    }

    fn file(&self, name: &str, part: Part<'_>, broker: &str, buffer: bool) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let schema = root().join("examples/stripe-payments/schemas/payment.json");
        std::fs::copy(schema, dir.join("payment.json")).expect("a schema");
        let buffer = match buffer {
            true => "buffer = { type = \"disk\", max_bytes = 1073741824 }",
            false => "",
        };
        let connector = match part {
            Part::Source => format!(
                r#"
[[schemas]]
topic = "/stripe/payments"
subject = "stripe-payment-v1"
schema_type = "json_schema"
schema_file = "payment.json"
[[sources]]
name = "webhook"
component = "builtin:webhook-source"
{buffer}
[sources.webhook]
port = 0
[[sources.webhook.endpoints]]
path = "/hook"
danube_topic = "/stripe/payments"
partitions = 4
key_pointer = "/currency"
auth = {{ type = "api_key", secrets = ["{}"] }}
"#,
                harness::KEY
            ),
            Part::Sink(_, subscription_type) => format!(
                r#"
[[sinks]]
name = "surrealdb"
component = "builtin:surrealdb-sink"
{buffer}
[sinks.surrealdb]
url = "surrealkv://data/db"
namespace = "default"
database = "default"
[[sinks.surrealdb.topic_mappings]]
topic = "/stripe/payments"
subscription = "rows"
subscription_type = "{subscription_type}"
table = "payments"
expected_schema_subject = "stripe-payment-v1"
"#
            ),
        };
        let slot = match part {
            Part::Sink(slot, _) => format!("[danube]\ninstance = \"{slot}\"\n"),
            Part::Source => String::new(),
        };
        let text = format!(
            "name = \"test\"\ndanube_service_url = \"http://{broker}\"\n[admin]\nport = 0\n[shutdown]\ngrace_secs = 60\n{slot}{connector}"
        );
        let file = dir.join("pipeline.toml");
        std::fs::write(&file, text).expect("a pipeline file");
        file
    }

    /// The amounts in the table of a sink's own database, and how often each is there.
    fn stored(&self, name: &str) -> BTreeMap<u64, usize> {
        let file = self.dir.path().join(name).join("pipeline.toml");
        let output = cli([
            "query",
            "--json",
            &file.display().to_string(),
            "SELECT VALUE amount FROM payments",
        ]);
        let said = String::from_utf8_lossy(&output.stderr);
        let mut counts = BTreeMap::new();
        // SurrealDB makes a table with its first row.
        if said.contains("does not exist") || said.contains("is not there yet") {
            return counts;
        }
        assert!(output.status.success(), "{said}");
        let values: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for amount in values[0].as_array().expect("rows") {
            *counts.entry(amount.as_u64().expect("an amount")).or_insert(0) += 1;
        }
        counts
    }
}

fn run(file: &std::path::Path) -> Pipeline {
    let pipeline = Pipeline::spawn(file);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    pipeline
}

/// Posts distinct payments from a few threads to several processes until told to stop; what was answered 200.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<BTreeSet<u64>>>,
}

impl Load {
    fn start(targets: &[&Pipeline]) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..4)
            .map(|thread: usize| {
                let target = targets[thread % targets.len()];
                let (client, address) = (target.client(), target.address());
                let (stop, sent) = (stop.clone(), sent.clone());
                std::thread::spawn(move || {
                    let mut acknowledged = BTreeSet::new();
                    for n in 0.. {
                        if stop.load(Ordering::Acquire) {
                            break;
                        }
                        let amount = (thread * 1_000_000 + n) as u64;
                        match harness::post(&client, &address, &[], payment(amount).to_string()) {
                            Some(answer) if answer.status == 200 => {
                                acknowledged.insert(amount);
                                sent.fetch_add(1, Ordering::Relaxed);
                            }
                            Some(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                            None => break,
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        Self { stop, sent, threads }
    }

    fn until(&self, pipeline: &Pipeline, more: usize) {
        let target = self.sent.load(Ordering::Relaxed) + more;
        pipeline.until("more events are acknowledged", |_| {
            self.sent.load(Ordering::Relaxed) >= target
        });
    }

    fn stop(self) -> BTreeSet<u64> {
        self.stop.store(true, Ordering::Release);
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a sender"))
            .collect()
    }
}

#[test]
fn the_files_of_danube_connect_run_unchanged() {
    let site = Site::new();
    let (_broker, address) = site.broker("127.0.0.1:0");
    let example = root().join("examples/danube-connect");
    let files =
        ["webhook-connector.toml", "surrealdb-sink-connector.toml"].map(|f| example.join(f).display().to_string());
    let data = site.dir.path().join("data").display().to_string();
    let database = format!("surrealkv://{}", site.dir.path().join("db").display());
    let env = [
        ("DANUBE_SERVICE_URL", &*format!("http://{address}")),
        ("SURREALDB_URL", &*database),
        ("SERVER_PORT", "0"),
        ("DANUBE_WASM_ADMIN_PORT", "0"),
        ("DANUBE_WASM_DATA_DIR", &*data),
    ];
    let pipeline = Pipeline::spawn_args(&["run", &files[0], &files[1]], &env);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    let line = pipeline.log("listening for webhooks").expect("it listens");
    let port = line["address"]
        .as_str()
        .and_then(|a| a.rsplit(':').next())
        .expect("a port")
        .to_owned();
    let url = format!("http://127.0.0.1:{port}/webhooks/stripe/payments");
    for n in 0..20 {
        let post = pipeline.client().post(&url).header("content-type", "application/json");
        let answer = post.body(payment(n).to_string()).send().expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
    }
    let rows = || {
        let mut query = std::process::Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
        query
            .args(["query", "--json", &files[1], "SELECT VALUE amount FROM stripe_payments"])
            .envs(env);
        let output = query.output().expect("the binary");
        let values: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        values[0].as_array().map_or(0, Vec::len)
    };
    pipeline.until("every event is a row", |_| rows() == 20);
    pipeline.stop();
}

#[test]
fn a_broker_that_is_killed_loses_nothing_that_waits_on_disk() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = run(&site.file("source", Part::Source, &address, true));
    let sink = run(&site.file("sink", Part::Sink("0", "Shared"), &address, true));
    let load = Load::start(&[&source]);
    load.until(&source, 200);
    broker.kill();
    load.until(&source, 200);
    let (broker, _) = site.broker(&address);
    load.until(&source, 200);
    let acknowledged = load.stop();
    assert!(acknowledged.len() >= 600);
    let stored = || site.stored("sink");
    sink.until("every acknowledged event is a row", |_| {
        acknowledged.iter().all(|amount| stored().contains_key(amount))
    });
    assert!(stored().values().all(|times| *times == 1), "a row was stored twice");
    sink.stop();
    source.stop();
    broker.stop();
}

#[test]
fn three_sinks_and_two_webhooks_share_the_load_and_a_killed_one_is_replaced() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let sources = ["source-0", "source-1"].map(|name| run(&site.file(name, Part::Source, &address, false)));
    let slots = ["0", "1", "2"];
    let mut sinks: Vec<_> = slots
        .iter()
        .map(|slot| {
            Some(run(&site.file(
                &format!("sink-{slot}"),
                Part::Sink(slot, "Shared"),
                &address,
                false,
            )))
        })
        .collect();
    let load = Load::start(&[&sources[0], &sources[1]]);
    load.until(&sources[0], 300);
    sinks[1].take().expect("the second").kill();
    load.until(&sources[0], 200);
    sinks[1] = Some(run(&site.file("sink-1", Part::Sink("1", "Shared"), &address, false)));
    load.until(&sources[0], 200);
    let acknowledged = load.stop();

    let stored = || slots.map(|slot| site.stored(&format!("sink-{slot}")));
    sources[0].until("every acknowledged event is a row", |_| {
        let stored = stored();
        acknowledged
            .iter()
            .all(|amount| stored.iter().any(|rows| rows.contains_key(amount)))
    });
    for (slot, rows) in slots.iter().zip(stored()) {
        assert!(rows.values().all(|times| *times == 1), "sink {slot} stored a row twice");
        assert!(
            rows.len() > 20,
            "sink {slot} has {} of {} rows",
            rows.len(),
            acknowledged.len()
        );
    }
    let subscriptions = cli([
        "subscriptions",
        "ls",
        &site.dir.path().join("broker").display().to_string(),
        "--json",
    ]);
    let subscriptions: Value = serde_json::from_slice(&subscriptions.stdout).expect("JSON");
    let consumers = subscriptions[0]["consumers"].as_array().expect("consumers").iter();
    let consumers: BTreeSet<_> = consumers.map(|name| name.as_str().expect("a name")).collect();
    assert_eq!(
        consumers.len(),
        3,
        "the replacement took its predecessor's name: {subscriptions}"
    );
    sinks.into_iter().flatten().for_each(Pipeline::stop);
    sources.into_iter().for_each(Pipeline::stop);
    broker.stop();
}

#[test]
fn without_a_broker_a_pipeline_waits_says_so_and_still_stops_at_once() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    broker.stop();
    let source = Pipeline::spawn(&site.file("source", Part::Source, &address, false));
    source.until("it says that it waits", |p| {
        p.log("not started yet; trying again").is_some()
    });
    let (broker, _) = site.broker(&address);
    source.until("it starts when the broker is there", |p| p.log("running").is_some());
    assert_eq!(source.post(&payment(1)).status, 200);
    source.stop();
    broker.stop();
    let source = Pipeline::spawn(&site.file("source", Part::Source, &address, false));
    source.until("it says that it waits", |p| {
        p.log("not started yet; trying again").is_some()
    });
    source.stop();
}
