//! Several processes on one broker: `danube-wasm broker` over a real socket, sources and sinks as processes of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use danube_wasm_testkit::{Stop, Workers};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    self, Pipeline, cli, payment, root,
    texts::{self, DISK_BUFFER, DatabaseSink, WebhookSource},
};

/// A scratch directory with a broker.
pub struct Site {
    pub dir: TempDir,
}

/// Which end of the pipeline a process runs.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    Source,
    /// A slot, with its subscription type.
    Sink(&'a str, &'a str),
}

impl Site {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Serves; port 0 for any, else the port of a broker that was there before.
    pub fn broker(&self, address: &str) -> (Pipeline, String) {
        Pipeline::broker(&self.dir.path().join("broker"), address, &[])
    }

    pub fn file(&self, name: &str, part: Part<'_>, broker: &str, buffer: bool) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let schema = root().join("examples/stripe-payments/schemas/payment.json");
        std::fs::copy(schema, dir.join("payment.json")).expect("a schema");
        let lines = if buffer { DISK_BUFFER } else { "" };
        let (slot, connector) = match part {
            Part::Source => {
                let source = WebhookSource {
                    lines,
                    endpoint: "key_pointer = \"/currency\"",
                    ..WebhookSource::default()
                };
                (None, texts::payment_schema(source.topic) + &source.to_string())
            }
            Part::Sink(slot, subscription_type) => {
                let mapping = format!(
                    "subscription_type = \"{subscription_type}\"\nexpected_schema_subject = \"stripe-payment-v1\""
                );
                let sink = DatabaseSink {
                    lines,
                    mapping: &mapping,
                    ..DatabaseSink::default()
                };
                (Some(slot), sink.to_string())
            }
        };
        let slot = slot.map(|slot| format!("[danube]\ninstance = \"{slot}\"\n"));
        let text = format!(
            "{}{}{connector}",
            texts::top(&format!("danube_service_url = \"http://{broker}\""), 60),
            slot.unwrap_or_default()
        );
        let file = dir.join("pipeline.toml");
        std::fs::write(&file, text).expect("a pipeline file");
        file
    }

    /// The amounts in the table of a sink's own database, and how often each is there.
    pub fn stored(&self, name: &str) -> BTreeMap<u64, usize> {
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

pub fn run(file: &std::path::Path) -> Pipeline {
    let pipeline = Pipeline::spawn(file);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    pipeline
}

/// Posts distinct payments from a few threads to several processes until told to stop; what was answered 200.
pub struct Load {
    sent: Arc<AtomicUsize>,
    senders: Workers<BTreeSet<u64>>,
}

impl Load {
    pub fn start(targets: &[&Pipeline]) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let senders = Workers::start((0..4).map(|sender: usize| {
            let target = targets[sender % targets.len()];
            let (client, address, sent) = (target.client(), target.address(), sent.clone());
            move |stop: Stop| {
                let mut acknowledged = BTreeSet::new();
                for n in 0.. {
                    if stop.is_requested() {
                        break;
                    }
                    let amount = (sender * 1_000_000 + n) as u64;
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
            }
        }));
        Self { sent, senders }
    }

    pub fn until(&self, pipeline: &Pipeline, more: usize) {
        let target = self.sent.load(Ordering::Relaxed) + more;
        pipeline.until("more events are acknowledged", |_| {
            self.sent.load(Ordering::Relaxed) >= target
        });
    }

    pub fn stop(self) -> BTreeSet<u64> {
        self.senders.stop().into_iter().flatten().collect()
    }
}
