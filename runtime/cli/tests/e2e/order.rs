//! The newest document of an id stays, whatever lanes, partitions and the wall clock do.
//!
//! A trial is 300 values of one id on one HTTP/1.1 connection, one after the other as fast as they are answered, through a
//! topic of four partitions without keys into a mapping with `id_pointer`. `ORDER_TRIALS=n` does so many of each kind.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use danube_wasm_faultdisk::{Clock, Spy, Wall};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    KEY, Pipeline, cli, operate,
    texts::{self, DatabaseSink, WebhookSource},
};

const TOPIC: &str = "/test/state";

/// Values of an id.
const VALUES: u64 = 300;
/// Trials of each kind, where nothing else is asked for.
const TRIALS: usize = 4;
const HOUR: Duration = Duration::from_secs(3600);

/// A pipeline with a clock of its own.
struct Bench {
    dir: TempDir,
    clock: Clock,
    spy: Spy,
}

impl Bench {
    /// `sink` are lines of the sink's table.
    fn new(sink: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let source = WebhookSource {
            topic: TOPIC,
            ..WebhookSource::default()
        };
        let sink = DatabaseSink {
            topic: TOPIC,
            subscription: "newest",
            table: "state",
            lines: sink,
            mapping: "id_pointer = \"/id\"\nbatch_size = 5",
            ..DatabaseSink::default()
        };
        let text = format!("{}{source}{sink}", texts::top("", 60));
        std::fs::write(dir.path().join("pipeline.toml"), text).expect("a pipeline file");
        let clock = Clock::create(&dir.path().join("clock")).expect("a clock");
        let program = std::env::current_exe().expect("this binary");
        let spy = Spy::build(&program).expect("the library before the clock");
        Self { dir, clock, spy }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("pipeline.toml")
    }

    fn start(&self) -> Pipeline {
        let env = self.spy.with_clock(&self.clock);
        let env: Vec<_> = env
            .iter()
            .map(|(name, path)| (*name, path.to_str().expect("a path")))
            .collect();
        let pipeline = Pipeline::spawn_with(&self.file(), &env);
        pipeline.until("the pipeline runs", |p| p.log("running").is_some());
        pipeline
    }

    /// Ids whose document is not the newest.
    fn stale(&self, pipeline: &Pipeline, expected: usize) -> Vec<Value> {
        // Not the metric: it is up to a second old, and may have been 0 before the last values came.
        pipeline.until("all is written", |_| {
            let subscriptions = operate(&self.file(), &["subscriptions", "lag"]).expect("subscriptions");
            let mut subscriptions = subscriptions.as_array().expect("an array").iter();
            let newest = subscriptions.find(|subscription| subscription["subscription"] == "newest");
            newest.expect("the subscription")["lag"] == 0
        });
        let file = self.file().display().to_string();
        let output = cli(["query", "--json", &file, "SELECT VALUE [id, v] FROM state"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut answers: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let Value::Array(mut rows) = answers[0].take() else {
            panic!("no rows")
        };
        assert_eq!(rows.len(), expected, "{rows:?}");
        rows.retain(|row| row[1] != VALUES);
        rows
    }
}

/// One connection that sends without waiting for answers.
struct Line(BufReader<TcpStream>);

impl Line {
    fn to(pipeline: &Pipeline) -> Self {
        Self(BufReader::new(
            TcpStream::connect(pipeline.address()).expect("a connection"),
        ))
    }

    /// These values of an id. Each must be answered 200.
    fn send(&mut self, id: &str, values: std::ops::RangeInclusive<u64>) {
        let n = values.clone().count();
        let mut requests = String::new();
        for value in values {
            let body = format!("{{\"id\":\"{id}\",\"v\":{value}}}");
            requests += &format!(
                "POST /hook HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\nx-api-key: {KEY}\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
        let mut sending = self.0.get_ref().try_clone().expect("the same connection");
        let sender = std::thread::spawn(move || sending.write_all(requests.as_bytes()));
        (0..n).for_each(|_| self.answer());
        sender.join().expect("a thread").expect("sent");
    }

    fn answer(&mut self) {
        let (mut status, mut length) = (String::new(), 0);
        self.0.read_line(&mut status).expect("an answer");
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header).expect("a header");
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        self.0.read_exact(&mut vec![0; length]).expect("a body");
    }
}

fn trials() -> usize {
    let asked = std::env::var("ORDER_TRIALS").ok();
    asked.map_or(TRIALS, |n| n.parse().expect("a number"))
}

/// Does something to the clock before each trial, and to the clock or the process half way through it.
fn run(name: &str, sink: &str, begin: impl Fn(&Bench), half_way: impl Fn(&Bench, Pipeline) -> Pipeline) {
    let bench = Bench::new(sink);
    let mut pipeline = bench.start();
    let n = trials();
    for trial in 0..n {
        begin(&bench);
        let id = format!("id{trial}");
        Line::to(&pipeline).send(&id, 1..=VALUES / 2);
        pipeline = half_way(&bench, pipeline);
        Line::to(&pipeline).send(&id, VALUES / 2 + 1..=VALUES);
    }
    let stale = bench.stale(&pipeline, n);
    println!("{name}: {n} trials of {VALUES} values, {} stale", stale.len());
    assert!(stale.is_empty(), "{name}: {stale:?}");
    pipeline.stop();
}

#[test]
fn the_newest_document_stays_on_the_lanes_of_a_sink() {
    run("default lanes", "", |_| {}, |_, pipeline| pipeline);
    run("four lanes", "lanes = 4", |_| {}, |_, pipeline| pipeline);
}

#[test]
fn the_newest_document_stays_while_the_clock_stands_still() {
    let stop = |bench: &Bench| bench.clock.stop().expect("the clock stands");
    run("default lanes, frozen clock", "", stop, |_, pipeline| pipeline);
    run("four lanes, frozen clock", "lanes = 4", stop, |_, pipeline| pipeline);
}

#[test]
fn the_newest_document_stays_when_the_clock_is_set_back_an_hour() {
    let right = |bench: &Bench| bench.clock.set(Wall::Right).expect("it is right");
    let back = |bench: &Bench, pipeline| {
        bench.clock.set_back(HOUR).expect("it is set back");
        pipeline
    };
    run("default lanes, clock set back", "", right, back);
    run("four lanes, clock set back", "lanes = 4", right, back);
}

#[test]
fn the_newest_document_stays_when_the_clock_was_set_back_before_a_restart() {
    let begin = |bench: &Bench| bench.clock.stop().expect("the clock stands");
    let restart = |bench: &Bench, pipeline: Pipeline| {
        pipeline.stop();
        bench.clock.set_back(HOUR).expect("it is set back");
        bench.start()
    };
    run("restarted with the clock set back", "", begin, restart);
}
