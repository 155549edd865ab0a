//! Connectors start, wait, crash and change each by itself, and health, metrics and `query` speak of what runs now.

use std::fs;

use serde_json::Value;

use crate::{
    harness::{self, Pipeline, Scratch, Setup, cli, payment, texts::DatabaseSink},
    site::{Part, Site},
};

fn connectors(pipeline: &Pipeline) -> Value {
    let (status, text) = pipeline.admin("/health/connectors");
    assert_eq!(status, 200, "{text}");
    let mut answer: Value = serde_json::from_str(&text).expect("JSON");
    answer["connectors"].take()
}

/// Posts payments until `n` are taken, each as often as it takes.
fn acknowledge(pipeline: &Pipeline, from: u64, n: u64) {
    for amount in from..from + n {
        pipeline.until("an event is taken", |p| p.post(&payment(amount)).status == 200);
    }
}

fn amounts(scratch: &Scratch) -> std::collections::BTreeSet<u64> {
    let rows = scratch.query("SELECT VALUE amount FROM payments");
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|amount| amount.as_u64().expect("an amount")).collect()
}

fn edit(file: &std::path::Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a pipeline file");
    assert!(text.contains(from), "{from} is not in\n{text}");
    fs::write(file, text.replace(from, to)).expect("written");
}

fn reload(pipeline: &Pipeline) {
    let before = pipeline.logged("the file was applied again");
    pipeline.signal("HUP");
    pipeline.until("it was applied", |p| p.logged("the file was applied again") > before);
}

fn late_sink() -> String {
    let sink = DatabaseSink {
        name: "late",
        url: "surrealkv://data/late",
        topic: "/stripe/nobody-makes-this",
        subscription: "late",
        ..DatabaseSink::default()
    };
    sink.to_string()
}

#[test]
fn a_sink_whose_topic_is_not_there_holds_up_no_other_nor_a_reload_nor_a_stop() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = site.file("source", Part::Source, &address, false);
    let file = site.file("sink", Part::Sink("0", "Exclusive"), &address, false);
    let (source, sink) = (
        fs::read_to_string(&source).expect("a file"),
        fs::read_to_string(&file).expect("a file"),
    );
    let rest = &sink[sink.find("[[sinks]]").expect("a sink")..];
    fs::write(&file, format!("{source}{}{rest}", late_sink())).expect("written");
    let pipeline = Pipeline::spawn(&file);
    pipeline.until("the others run", |p| p.log("running").is_some());
    for amount in 0..5 {
        assert_eq!(pipeline.post(&payment(amount)).status, 200, "{}", pipeline.dump());
    }
    let rows = |n: usize| {
        let file = file.display().to_string();
        let output = cli([
            "query",
            "--json",
            "--sink",
            "surrealdb",
            &file,
            "SELECT VALUE amount FROM payments",
        ]);
        let values: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        values[0].as_array().map_or(0, Vec::len) == n
    };
    pipeline.until("the other sink writes", |_| rows(5));
    let late = connectors(&pipeline)["test/late"].take();
    assert_eq!(late["state"], "starting", "{late}");
    let why = late["reason"].as_str().expect("a reason");
    assert!(why.contains("/stripe/nobody-makes-this"), "{why}");
    assert_eq!(connectors(&pipeline)["test/webhook"]["state"], "running");
    assert_eq!(pipeline.admin("/health/ready").0, 503, "one has never started");
    assert_eq!(pipeline.admin("/health/live").0, 200);

    // What is corrected is applied, although it still waits.
    edit(&file, &late_sink(), "");
    reload(&pipeline);
    pipeline.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    assert_eq!(connectors(&pipeline).as_object().map(serde_json::Map::len), Some(2));
    let (_, metrics) = pipeline.admin("/metrics");
    assert!(
        !metrics.contains("test/late"),
        "a removed connector has series:\n{metrics}"
    );
    pipeline.stop();
    broker.stop();
}

#[test]
fn a_target_that_is_out_of_reach_is_noticed_before_the_first_message() {
    let scratch = Setup::default().write();
    edit(&scratch.file(), "surrealkv://data/db", "ws://127.0.0.1:1");
    let pipeline = scratch.start();
    pipeline.until("it is degraded", |p| {
        connectors(p)["test/surrealdb"]["state"] == "degraded"
    });
    let why = connectors(&pipeline)["test/surrealdb"]["reason"].to_string();
    assert!(why.contains("127.0.0.1:1"), "{why}");
    assert_eq!(pipeline.admin("/health/ready").0, 503);
    assert_eq!(pipeline.post(&payment(1)).status, 200, "the source does not need it");
    pipeline.stop();
}

/// What takes a process to a failpoint.
fn setup(point: &str) -> Setup {
    match point {
        "sink.halving" | "sink.letter-due" | "sink.letter-kept" => Setup {
            sink: harness::guest("poison_sink"),
            schema: false,
            ..Setup::default()
        },
        "source.letter-kept" => Setup {
            endpoint: "on_invalid = \"dead-letter\"".into(),
            ..Setup::default()
        },
        _ => Setup::default(),
    }
}

fn panics_at(point: &str, connector: &str) {
    let scratch = setup(point).write();
    let armed = format!("panic@{point}:2");
    let pipeline = Pipeline::spawn_with(&scratch.file(), &[("DANUBE_WASM_FAILPOINT", &armed)]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    let restarts = format!("danube_wasm_connector_restarts{{connector=\"{connector}\"}} 1");
    let mut next = 0;
    let mut restarted = |p: &Pipeline| {
        match point {
            "source.letter-kept" => drop(p.post(&serde_json::json!({ "event": "payment.succeeded" }))),
            "sink.halving" | "sink.letter-due" | "sink.letter-kept" => {
                drop(p.post(&serde_json::json!({ "event": "payment.succeeded", "poison": true })));
            }
            _ => {}
        }
        acknowledge(p, next, 1);
        next += 1;
        p.admin("/metrics").1.contains(&restarts)
    };
    pipeline.until("the connector is started again", &mut restarted);
    let crash = pipeline
        .log("the connector has crashed; it is started again")
        .expect("it says so");
    assert_eq!(crash["connector"], connector);
    assert!(
        crash["why"].as_str().is_some_and(|why| why.contains("panicked")),
        "{crash}"
    );
    assert_eq!(
        pipeline.log("the host panicked").expect("it says where")["why"],
        format!("asked to panic at the failpoint `{point}`")
    );
    pipeline.until("it runs", |p| connectors(p)[connector]["state"] == "running");
    acknowledge(&pipeline, next, 5);
    let sent: std::collections::BTreeSet<_> = (0..next + 5).collect();
    pipeline.until("every event that was taken is a row", |_| {
        amounts(&scratch).is_superset(&sent)
    });
    assert_eq!(pipeline.admin("/health/live").0, 200);
    pipeline.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    pipeline.stop();
}

#[test]
fn a_source_whose_lane_panics_is_started_again() {
    for point in ["source.taken", "source.polled", "source.handed-over"] {
        panics_at(point, "test/webhook");
    }
}

#[test]
fn a_source_that_panics_while_it_answers_is_started_again() {
    for point in ["source.published", "source.answered", "source.letter-kept"] {
        panics_at(point, "test/webhook");
    }
}

#[test]
fn a_sink_whose_reader_panics_is_started_again() {
    panics_at("sink.read", "test/surrealdb");
}

#[test]
fn a_sink_whose_lane_panics_is_started_again() {
    for point in ["sink.processed", "sink.written"] {
        panics_at(point, "test/surrealdb");
    }
}

#[test]
fn a_sink_that_panics_while_it_acknowledges_is_started_again() {
    panics_at("sink.acknowledged", "test/surrealdb");
}

#[test]
fn a_panic_of_the_observer_ends_nothing_and_health_and_metrics_go_on() {
    let scratch = Setup::default().write();
    let armed = [("DANUBE_WASM_FAILPOINT", "panic@watched")];
    let pipeline = Pipeline::spawn_with(&scratch.file(), &armed);
    let again = "a task of the process panicked; it begins again";
    pipeline.until("it begins again", |p| p.log(again).is_some());
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    acknowledge(&pipeline, 0, 3);
    let lag = "danube_wasm_subscription_lag_messages{subscription=\"test-sink\",topic=\"/stripe/payments\"} 0";
    pipeline.until("lag is shown", |p| p.admin("/metrics").1.contains(lag));
    assert!(pipeline.admin("/metrics").1.contains("danube_wasm_host_panics_total 1"));
    pipeline.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    assert_eq!(pipeline.admin("/health/live").0, 200);
    pipeline.stop();
}

#[test]
fn a_panic_while_it_starts_or_stops_ends_nothing() {
    for point in ["starting", "source.draining", "sink.draining"] {
        let scratch = Setup::default().write();
        let armed = format!("panic@{point}");
        let pipeline = Pipeline::spawn_with(&scratch.file(), &[("DANUBE_WASM_FAILPOINT", &armed)]);
        pipeline.until("the pipeline runs", |p| p.log("running").is_some());
        pipeline.until("it listens", |p| p.log("listening for webhooks").is_some());
        acknowledge(&pipeline, 0, 3);
        pipeline.until("all are rows", |_| amounts(&scratch).len() == 3);
        pipeline.stop();
    }
}

#[test]
fn after_a_reload_query_health_and_metrics_speak_of_what_runs_now() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.until("the row", |_| scratch.rows() == 1);

    // Another database, a source that is replaced, and a sink that was not there.
    edit(&scratch.file(), "database = \"default\"", "database = \"other\"");
    edit(
        &scratch.file(),
        "partitions = 4",
        "partitions = 4\nrate_limit = { requests_per_sec = 900, burst = 900 }",
    );
    let text = fs::read_to_string(scratch.file()).expect("a file");
    let more = late_sink().replace("nobody-makes-this", "payments");
    fs::write(scratch.file(), format!("{text}{more}")).expect("written");
    reload(&pipeline);
    assert_eq!(pipeline.post(&payment(2)).status, 200);
    pipeline.until("its row is in the other database", |_| amounts(&scratch).contains(&2));
    assert!(!amounts(&scratch).contains(&1), "it is the other database");
    let file = scratch.file().display().to_string();
    pipeline.until("the new sink can be asked", |_| {
        let output = cli([
            "query",
            "--json",
            "--sink",
            "late",
            &file,
            "SELECT VALUE amount FROM payments",
        ]);
        String::from_utf8_lossy(&output.stdout).contains('2')
    });
    let states = connectors(&pipeline);
    for connector in ["test/webhook", "test/surrealdb", "test/late"] {
        assert_eq!(states[connector]["state"], "running", "{states}");
        let (_, metrics) = pipeline.admin("/metrics");
        for series in [
            format!("danube_connector_health{{connector=\"{connector}\"}} 1"),
            format!("danube_wasm_connector_state{{connector=\"{connector}\",state=\"running\"}} 1"),
            format!("danube_wasm_connector_state{{connector=\"{connector}\",state=\"stopped\"}} 0"),
        ] {
            assert!(metrics.contains(&series), "{series} is not in\n{metrics}");
        }
    }

    edit(&scratch.file(), &more, "");
    reload(&pipeline);
    let (_, metrics) = pipeline.admin("/metrics");
    assert!(
        !metrics.contains("test/late"),
        "a removed connector has series:\n{metrics}"
    );
    let output = cli(["query", "--sink", "late", &file, "SELECT * FROM payments"]);
    assert!(!output.status.success(), "it is not there any more");
    pipeline.stop();
}

#[test]
fn a_changed_name_is_said_and_kept_until_the_restart() {
    let scratch = Setup {
        mapping: "subscription_type = \"Exclusive\"".into(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    edit(&scratch.file(), "name = \"test\"", "name = \"renamed\"");
    reload(&pipeline);
    let said = pipeline
        .log("this changed in the file, and needs a restart")
        .expect("it says so");
    assert_eq!(said["setting"], "name");
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.until("the sink goes on", |_| scratch.rows() == 1);
    let states = connectors(&pipeline);
    assert_eq!(states["test/surrealdb"]["state"], "running", "{states}");
    assert_eq!(pipeline.admin("/health/ready").0, 200);
    pipeline.stop();
}

#[test]
fn a_sink_under_another_name_takes_over_the_subscription_of_the_one_it_replaces() {
    let scratch = Setup {
        mapping: "subscription_type = \"Exclusive\"".into(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    edit(&scratch.file(), "name = \"surrealdb\"", "name = \"rows\"");
    reload(&pipeline);
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    let file = scratch.file().display().to_string();
    pipeline.until("its row", |_| {
        let output = cli(["query", "--json", &file, "SELECT VALUE amount FROM payments"]);
        String::from_utf8_lossy(&output.stdout).contains('1')
    });
    assert_eq!(pipeline.admin("/health/ready").0, 200, "{}", pipeline.dump());
    pipeline.stop();
}
