//! Several processes on one broker.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    harness::{Pipeline, cli, payment, root},
    site::{Load, Part, Site, run},
};

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
    source.until("it starts when the broker is there", |p| {
        p.log("running").is_some() && p.log("listening for webhooks").is_some()
    });
    assert_eq!(source.post(&payment(1)).status, 200);
    source.stop();
    broker.stop();
    let source = Pipeline::spawn(&site.file("source", Part::Source, &address, false));
    source.until("it says that it waits", |p| {
        p.log("not started yet; trying again").is_some()
    });
    source.stop();
}
