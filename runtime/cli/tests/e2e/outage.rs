//! The broker is away, and processes come and go meanwhile: what has a buffer serves, with the schemas that it had.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    harness::{Pipeline, payment},
    site::{Part, Site, run},
};

const RECALLED: &str = "the registry is out of reach: the schema is used as it was last seen";
const CONFIRMED: &str = "the registry is back, and has the schema as it was last seen";
const WAITS: &str = "not started yet; trying again";
const CHANGED: &str = "Without the registry, a topic starts only with the schema that it had when it last ran here";

/// Posts `n` more payments that are answered 200.
fn acknowledge(source: &Pipeline, next: &Cell<u64>, n: u64) {
    for _ in 0..n {
        let answer = source.post(&payment(next.get()));
        assert_eq!(answer.status, 200, "{answer:?}\n{}", source.dump());
        next.set(next.get() + 1);
    }
}

/// The schema is enforced: a violation is told as the registry's text has it.
fn refuses_what_is_invalid(source: &Pipeline) {
    let answer = source.post(&json!({ "event": "payment.succeeded", "amount": "much", "currency": "USD" }));
    assert_eq!(answer.status, 422, "{answer:?}");
    let violations = answer.body.to_string();
    assert!(
        violations.contains("/amount") && violations.contains("timestamp"),
        "{violations}"
    );
}

/// Each payment is a row, once.
fn all_are_rows(site: &Site, sink: &Pipeline, next: &Cell<u64>) {
    let wanted: BTreeSet<u64> = (0..next.get()).collect();
    sink.until("every acknowledged event is a row", |_| {
        let stored = site.stored("sink");
        assert!(stored.values().all(|times| *times == 1), "a row was stored twice");
        stored.into_keys().collect::<BTreeSet<_>>() == wanted
    });
}

#[test]
fn a_source_that_restarts_while_the_broker_is_away_serves_with_the_schema_it_had() {
    let (site, next) = (Site::new(), Cell::new(0));
    let (broker, address) = site.broker("127.0.0.1:0");
    let (source_file, sink_file) = (
        site.file("source", Part::Source, &address, true),
        site.file("sink", Part::Sink("0", "Shared"), &address, true),
    );
    let (source, sink) = (run(&source_file), run(&sink_file));
    acknowledge(&source, &next, 20);
    source.stop();
    broker.kill();

    let source = run(&source_file);
    let recalled = source.log(RECALLED).expect("it says so");
    assert_eq!(recalled["subject"], "stripe-payment-v1");
    assert_eq!(recalled["version"], 1);
    acknowledge(&source, &next, 20);
    refuses_what_is_invalid(&source);
    assert_eq!(
        source.admin("/health/ready").0,
        200,
        "it takes events: {}",
        source.dump()
    );
    // Once more, from what the restart before left.
    source.stop();
    let source = run(&source_file);
    acknowledge(&source, &next, 20);
    refuses_what_is_invalid(&source);

    let (broker, _) = site.broker(&address);
    source.until("the registry is asked", |p| p.log(CONFIRMED).is_some());
    acknowledge(&source, &next, 20);
    all_are_rows(&site, &sink, &next);
    sink.stop();
    source.stop();
    broker.stop();
}

#[test]
fn a_schema_that_changed_while_the_broker_is_away_waits_for_it_and_says_why() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = site.file("source", Part::Source, &address, true);
    run(&file).stop();
    broker.kill();

    let schema = file.with_file_name("payment.json");
    let old = fs::read_to_string(&schema).expect("a schema");
    let mut new: serde_json::Value = serde_json::from_str(&old).expect("JSON");
    new["properties"]["amount"]["minimum"] = json!(-1);
    fs::write(&schema, new.to_string()).expect("written");
    let source = Pipeline::spawn(&file);
    source.until("it says why it waits", |p| {
        p.log(WAITS)
            .is_some_and(|line| line["why"].as_str().is_some_and(|why| why.contains(CHANGED)))
    });
    assert!(source.log("listening for webhooks").is_none(), "{}", source.dump());
    source.until("it is not ready", |p| {
        p.log("running").is_some() && p.admin("/health/ready").0 == 503
    });

    let (broker, _) = site.broker(&address);
    source.until("it starts when the broker is there", |p| {
        p.log("listening for webhooks").is_some()
    });
    let mut refund = payment(1);
    refund["amount"] = json!(-1);
    assert_eq!(source.post(&refund).status, 200);
    source.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    let registered = source.log("schema registered").expect("registered");
    assert_eq!(registered["version"], 2);
    source.stop();
    broker.stop();
}

#[test]
fn a_source_without_a_buffer_still_waits_for_the_broker() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = site.file("source", Part::Source, &address, false);
    run(&file).stop();
    broker.kill();
    let source = Pipeline::spawn(&file);
    source.until("it says that it waits", |p| p.log(WAITS).is_some());
    assert!(source.log("listening for webhooks").is_none());
    source.stop();
}

#[test]
fn a_source_without_a_buffer_answers_503_while_the_broker_is_away_mostly_at_once() {
    const DEADLINE: Duration = Duration::from_secs(3);
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = site.file("source", Part::Source, &address, false);
    let timeout = format!("\n[danube]\npublish_timeout_ms = {}\n", DEADLINE.as_millis());
    fs::write(&file, fs::read_to_string(&file).expect("the file") + &timeout).expect("the file");
    let source = run(&file);
    source.until("an event is taken", |p| p.post(&payment(0)).status == 200);
    broker.kill();
    // One after another: the first ones find out that the broker is away.
    let mut waited = 0;
    for amount in 1..=100 {
        let asked = Instant::now();
        let answer = source.post(&payment(amount));
        assert_eq!(answer.status, 503, "{answer:?}\n{}", source.dump());
        waited += usize::from(asked.elapsed() >= DEADLINE);
    }
    assert!(
        (1..=10).contains(&waited),
        "{waited} of 100 waited for what is away\n{}",
        source.dump()
    );
    let said = source.log("records were not published; their senders are told to try again");
    let why = said.expect("a reason")["error"].to_string();
    assert!(why.contains("/stripe/payments") && why.contains(&address), "{why}");
    refuses_what_is_invalid(&source);
    source.until("it is not ready", |p| p.admin("/health/ready").0 == 503);
    let (broker, _) = site.broker(&address);
    source.until("events are taken", |p| p.post(&payment(101)).status == 200);
    source.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    source.stop();
    broker.stop();
}

/// A source and a sink in one process.
fn both(site: &Site, address: &str, sink_has_buffer: bool) -> std::path::PathBuf {
    let source = site.file("source", Part::Source, address, true);
    let sink = site.file("sink", Part::Sink("0", "Shared"), address, sink_has_buffer);
    let read = |file: &std::path::Path| fs::read_to_string(file).expect("a pipeline file");
    let (source, sink_text) = (read(&source), read(&sink));
    let sinks = sink_text.find("[[sinks]]").expect("a sink");
    let schema = sink.with_file_name("payment.json");
    assert!(schema.exists());
    fs::write(&sink, format!("{source}{}", &sink_text[sinks..])).expect("written");
    sink
}

fn a_process_restarts_while_the_broker_is_away(sink_has_buffer: bool) {
    let (site, next) = (Site::new(), Cell::new(0));
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = both(&site, &address, sink_has_buffer);
    let process = run(&file);
    acknowledge(&process, &next, 20);
    process.stop();
    broker.kill();

    let process = run(&file);
    acknowledge(&process, &next, 20);
    refuses_what_is_invalid(&process);
    assert_eq!(process.log(WAITS).is_some(), !sink_has_buffer, "{}", process.dump());
    let (broker, _) = site.broker(&address);
    acknowledge(&process, &next, 20);
    all_are_rows(&site, &process, &next);
    process.until("all of it is ready", |p| p.admin("/health/ready").0 == 200);
    process.stop();
    broker.stop();
}

#[test]
fn a_sink_with_a_buffer_starts_while_the_broker_is_away() {
    a_process_restarts_while_the_broker_is_away(true);
}

#[test]
fn a_sink_that_waits_for_the_broker_holds_up_no_source_with_a_buffer() {
    a_process_restarts_while_the_broker_is_away(false);
}
