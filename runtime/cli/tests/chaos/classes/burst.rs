//! Ordinary work on a real Danube, as fast as it is taken: nobody kills anything. With the broker file of `deploy/`, and a
//! source and a sink in one process, every event is a row. Elsewhere what Danube skips is counted, and where it stands still
//! that is said: nothing is missing that was not told.

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use danube_wasm_proto::admin::{TopicRequest, TopicResponse};
use danube_wasm_trials::Row;
use http::uri::PathAndQuery;
use parking_lot::RwLock;
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Request, client::Grpc, transport::Endpoint};
use tonic_prost::ProstCodec;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict},
    counters,
    dice::Dice,
    harness::{
        Pipeline, cli, root,
        texts::{self, DatabaseSink, WebhookSource},
    },
    load::Load,
    oracle::{Oracle, ids},
    server::{
        self, Kind,
        executable::{Danube, Running},
    },
    site,
};

pub const ONE_NODE_LIVE: Class = class("burst on Danube, one node, live", || begin(1, Reader::Live));
pub const TWO_NODES_LIVE: Class = class("burst on Danube, two nodes, live", || begin(2, Reader::Live));
pub const TWO_NODES_FROM_LOG: Class = class("burst on Danube, two nodes, from the log", || begin(2, Reader::Log));

const fn class(name: &'static str, begin: fn() -> Result<Box<dyn Trial>, &'static str>) -> Class {
    let all = SHAPES.len() as u32;
    Class {
        name,
        trials: [1, all, 5 * all],
        begin,
    }
}

/// How Danube reads for the subscription: from its log once a position was stored before the topic was loaded. With one node
/// that takes a restart, after which 0.15.1 counts offsets from 0 and loses what docs/danube.md says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Live,
    Log,
}

/// What differs between trials, in turn.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// `dispatch.max_unacked_messages`.
    window: usize,
    subscription_type: &'static str,
    /// Whether source and sink are one process.
    together: bool,
    /// `danube.in_flight_max`, if it is written.
    in_flight_max: Option<usize>,
    events: usize,
}

/// As in the file of `deploy/`.
const SHIPPED_WINDOW: usize = 10_000;
/// As in a Danube that nobody has configured.
const DEFAULT_WINDOW: usize = 10;
const EVENTS: usize = 20_000;
/// 0.15.1 gives two a second and partition on `KeyShared` once it is at the end of its log.
const KEY_SHARED_EVENTS: usize = 500;

const BASE: Shape = Shape {
    window: SHIPPED_WINDOW,
    subscription_type: "Shared",
    together: true,
    in_flight_max: None,
    events: EVENTS,
};

const SHAPES: [Shape; 7] = [
    BASE,
    Shape {
        subscription_type: "Exclusive",
        ..BASE
    },
    Shape {
        window: DEFAULT_WINDOW,
        ..BASE
    },
    Shape {
        window: DEFAULT_WINDOW,
        subscription_type: "Exclusive",
        ..BASE
    },
    Shape {
        window: DEFAULT_WINDOW,
        subscription_type: "Exclusive",
        together: false,
        ..BASE
    },
    Shape {
        subscription_type: "Exclusive",
        together: false,
        in_flight_max: Some(64),
        ..BASE
    },
    Shape {
        subscription_type: "KeyShared",
        events: KEY_SHARED_EVENTS,
        ..BASE
    },
];

impl Shape {
    /// Whether everything must be a row. On `KeyShared`, Danube holds back the last messages until others are published.
    fn is_vouched_for(self) -> bool {
        self.together && self.in_flight_max.is_none() && self.subscription_type != "KeyShared"
    }
}

const SENDERS: usize = 64;
/// After so long without a new row nothing more comes: above Danube's ack timeout, and what a gap and a standstill take to
/// be told.
const QUIET: Duration = Duration::from_secs(75);
/// Danube stores a position at an acknowledgement that comes so long after the one before.
const CURSOR_STORED_AFTER: Duration = Duration::from_secs(12);
const LOOK_EVERY: Duration = Duration::from_millis(500);

const TOPIC: &str = "/default/payments";
const PARTITIONS: u32 = 4;

fn begin(nodes: usize, reader: Reader) -> Result<Box<dyn Trial>, &'static str> {
    let Kind::Danube(danube) = server::danube()? else {
        return Err("DANUBE_BROKER names no Danube");
    };
    Ok(Box::new(Burst {
        danube,
        nodes,
        reader,
        trial: 0,
    }))
}

struct Burst {
    danube: Danube,
    nodes: usize,
    reader: Reader,
    trial: usize,
}

impl Trial for Burst {
    fn run(&mut self, _: &mut Dice, row: &mut Row) -> Checked {
        let shape = SHAPES[picked().unwrap_or(self.trial) % SHAPES.len()];
        self.trial += 1;
        let mut ground = Ground::new(&self.danube, self.nodes, shape);
        let begun = Instant::now();
        let judged = ground.run(self.reader, row);
        println!(
            "{} node(s), {:?}, {shape:?}: {} answered 200, {} rows, {} skipped as counted, in {:.0?}; Danube: {}",
            self.nodes,
            self.reader,
            ground.oracle.owed_count(),
            ground.stored,
            ground.counted,
            begun.elapsed(),
            ground.danube_says()
        );
        judged.map_err(|why| {
            format!(
                "{} node(s), {:?}, {shape:?}: {why}\n{}",
                self.nodes,
                self.reader,
                ground.logs()
            )
        })
    }
}

/// `BURST_SHAPE`: only the n-th.
fn picked() -> Option<usize> {
    std::env::var("BURST_SHAPE").ok()?.parse().ok()
}

struct Ground {
    oracle: Arc<Oracle>,
    shape: Shape,
    /// In the order of the nodes.
    brokers: Vec<(Danube, Running)>,
    pipelines: Vec<Pipeline>,
    stored: usize,
    counted: u64,
    dir: TempDir,
}

impl Ground {
    fn new(danube: &Danube, nodes: usize, shape: Shape) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = format!(
            "  wal: {{ file_sync: {{ interval_ms: 1, max_batch_bytes: 1 }} }}\ndispatch: {{ max_unacked_messages: {} }}",
            shape.window
        );
        let nodes = danube.clone().fresh().cluster(nodes);
        let started = nodes.into_iter().enumerate().map(|(n, node)| {
            let place = dir.path().join(format!("danube-{n}"));
            fs::create_dir_all(&place).expect("a directory");
            let running = node.start(&place, node.address, &settings);
            (node, running)
        });
        let mut ground = Self {
            brokers: started.collect(),
            oracle: Arc::default(),
            shape,
            pipelines: Vec::new(),
            stored: 0,
            counted: 0,
            dir,
        };
        ground.until_danube_serves();
        ground
    }

    fn until_danube_serves(&mut self) {
        for (_, running) in &mut self.brokers {
            let serves = checker::until("Danube serves", || running.serves());
            serves.unwrap_or_else(|why| panic!("{why}"));
        }
    }

    fn run(&mut self, reader: Reader, row: &mut Row) -> Checked {
        self.start_pipelines();
        if reader == Reader::Log {
            self.store_the_cursor()?;
            self.load_the_topic_again()?;
        }
        let address = Arc::new(RwLock::new(self.source().address()));
        let enough = self.oracle.owed_count() + self.shape.events;
        let load = Load::start(&self.oracle, &address, SENDERS);
        let begun = Instant::now();
        checker::until("events are answered 200", || match self.oracle.owed_count() {
            owed if owed >= enough => Ok(()),
            // As long as it goes on.
            owed if begun.elapsed() < Duration::from_secs(600) && owed > 0 => {
                thread::park_timeout(LOOK_EVERY);
                Err(format!("{owed} of {enough}"))
            }
            owed => Err(format!("{owed} of {enough}")),
        })
        .or_else(|why| match self.oracle.owed_count() {
            owed if owed * 10 > self.shape.events => Ok(()),
            _ => Err(why),
        })?;
        load.stop();
        row.note("events", self.oracle.owed_count() as u64);
        row.note("answered 503", self.oracle.refused() as u64);
        self.wait_for_rows();
        self.check(reader, row)
    }

    fn check(&mut self, reader: Reader, row: &mut Row) -> Checked {
        let rows = self.rows();
        self.stored = ids(&rows).len();
        if let Some(fault) = self.oracle.faults(&rows).first() {
            return Err(fault.clone());
        }
        let metrics = counters::metrics(self.sink())?;
        self.counted = counters::sum(&metrics, "danube_wasm_broker_gap_messages_total", "");
        let missing = self.oracle.owed().difference(&ids(&rows)).count() as u64;
        let health = self.sink().admin("/health/ready").1;
        let stands_still = health.contains("stands still");
        row.note("not stored", missing);
        row.note("counted as skipped", self.counted);
        row.note("standstills told", u64::from(stands_still));
        match missing {
            0 if self.counted == 0 && !stands_still => Ok(Verdict::Passed),
            0 => Err(format!(
                "nothing is missing, and {} are counted as skipped; {health}",
                self.counted
            )),
            _ if self.shape.is_vouched_for() => Err(format!("{missing} events are not stored; {health}")),
            // What stands still behind a gap is told by the partition.
            _ if stands_still || self.counted == missing => Ok(Verdict::Passed),
            // Neither process knows both what was published and what arrived: docs/danube.md says so.
            _ if !self.shape.together && reader == Reader::Log && self.counted == 0 => {
                row.note("not stored in two processes, which cannot be told", missing);
                Ok(Verdict::Passed)
            }
            _ => Err(format!(
                "{missing} events are not stored, {} are counted as skipped; {health}",
                self.counted
            )),
        }
    }

    /// Some events, then a pause after which an acknowledgement makes Danube store how far the subscription is, in each
    /// partition.
    fn store_the_cursor(&mut self) -> Result<(), String> {
        for pause in [CURSOR_STORED_AFTER, Duration::from_secs(1)] {
            for _ in 0..8 * PARTITIONS {
                checker::post(&self.oracle, &self.source().address())?;
            }
            checker::settle(&self.oracle, || self.rows())?;
            thread::park_timeout(pause);
        }
        Ok(())
    }

    /// Everything is read: nothing is left behind.
    fn load_the_topic_again(&self) -> Result<(), String> {
        self.unload()?;
        // The way through is open again.
        checker::until("a fresh event is stored", || {
            let id = checker::post(&self.oracle, &self.source().address())?;
            thread::park_timeout(Duration::from_secs(2));
            match ids(&self.rows()).contains(&id) {
                true => Ok(()),
                false => Err(format!("event {id} is not")),
            }
        })
    }

    fn unload(&self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| e.to_string())?;
        let url = format!("http://127.0.0.1:{}", self.brokers[0].0.admin);
        runtime.block_on(async {
            let endpoint = Endpoint::from_shared(url).map_err(|e| e.to_string())?;
            let mut admin = Grpc::new(endpoint.connect().await.map_err(|e| e.to_string())?);
            for partition in 0..PARTITIONS {
                let name = format!("{TOPIC}-part-{partition}");
                let request = Request::new(TopicRequest { name: name.clone() });
                admin.ready().await.map_err(|e| e.to_string())?;
                let codec = ProstCodec::<TopicRequest, TopicResponse>::default();
                let path = PathAndQuery::from_static("/danube_admin.TopicAdmin/UnloadTopic");
                let unloaded = admin.unary(request, path, codec).await;
                unloaded.map_err(|e| format!("unloading {name}: {e}"))?;
            }
            Ok(())
        })
    }

    fn start_pipelines(&mut self) {
        let (source, sink) = (self.source_text(), self.sink_text());
        let texts = match self.shape.together {
            true => vec![("both", source + &sink)],
            // The topic is made by its source.
            false => vec![("source", source), ("sink", sink)],
        };
        for (name, text) in texts {
            let pipeline = Pipeline::spawn(&self.write(name, &text));
            pipeline.until("the pipeline runs", |p| p.log("running").is_some());
            self.pipelines.push(pipeline);
        }
    }

    fn write(&self, name: &str, connectors: &str) -> std::path::PathBuf {
        let dir = self.dir.path().join(name);
        fs::create_dir_all(&dir).expect("a directory");
        let schema = root().join("examples/stripe-payments/schemas/payment.json");
        fs::copy(schema, dir.join("payment.json")).expect("a schema");
        let brokers: Vec<String> = (self.brokers.iter())
            .map(|(node, _)| format!("\"http://{}\"", node.address))
            .collect();
        let in_flight = self
            .shape
            .in_flight_max
            .map(|n| format!("in_flight_max = {n}"))
            .unwrap_or_default();
        let text = format!(
            "name = \"test\"\ndanube_service_url = [{}]\n[admin]\nport = 0\n[danube]\ninstance = \"{name}\"\n{in_flight}\n{connectors}",
            brokers.join(", ")
        );
        let file = dir.join("pipeline.toml");
        fs::write(&file, text).expect("a pipeline file");
        file
    }

    fn source_text(&self) -> String {
        let source = WebhookSource {
            topic: TOPIC,
            partitions: PARTITIONS,
            endpoint: "reliable_dispatch = true\nkey_pointer = \"/customer_id\"",
            ..WebhookSource::default()
        };
        texts::payment_schema(TOPIC) + &source.to_string()
    }

    fn sink_text(&self) -> String {
        let mapping = format!("subscription_type = \"{}\"", self.shape.subscription_type);
        let sink = DatabaseSink {
            topic: TOPIC,
            mapping: &mapping,
            ..DatabaseSink::default()
        };
        sink.to_string()
    }

    fn source(&self) -> &Pipeline {
        self.pipelines.first().expect("a source")
    }

    fn sink(&self) -> &Pipeline {
        self.pipelines.last().expect("a sink")
    }

    fn sink_file(&self) -> String {
        let name = if self.shape.together { "both" } else { "sink" };
        self.dir.path().join(name).join("pipeline.toml").display().to_string()
    }

    fn rows(&self) -> Vec<Value> {
        site::rows(&self.sink_file())
    }

    /// Until all are stored, or no more for long.
    fn wait_for_rows(&self) {
        let (mut most, mut since) = (0, Instant::now());
        loop {
            let stored = self.count();
            if stored > most {
                (most, since) = (stored, Instant::now());
            }
            // What is stored now may be counted as skipped later, and must not.
            let quiet = match stored >= self.oracle.owed_count() {
                true => Duration::from_secs(12),
                false => QUIET,
            };
            if since.elapsed() > quiet {
                return;
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    fn count(&self) -> usize {
        let statement = "SELECT count() AS n FROM payments GROUP ALL";
        let output = cli(["query", "--json", &self.sink_file(), statement]);
        let values: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        let n = values.and_then(|values| values[0][0]["n"].as_u64());
        n.unwrap_or(0) as usize
    }

    /// What Danube's own log has of it.
    fn danube_says(&self) -> String {
        let said: String = self.brokers.iter().map(|(_, running)| running.said()).collect();
        let count = |what: &str| format!("{} x `{what}`", said.matches(what).count());
        ["channel lagged", "wal cache gap", "could not be repaired"]
            .map(count)
            .join(", ")
    }

    fn logs(&self) -> String {
        let logs: Vec<String> = self.pipelines.iter().map(Pipeline::dump).collect();
        logs.join("\n---\n")
    }
}
