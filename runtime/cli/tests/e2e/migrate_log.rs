//! The path of a user who grows: one line of the pipeline file names NATS, `migrate-log` brings the log along, and the pipeline
//! goes on where it was.

use std::process::Output;

use danube_wasm_testkit::nats::NatsServer;
use serde_json::Value;

use crate::harness::{Pipeline, Scratch, Setup, cli, operate, payment, stderr};

fn migrate(scratch: &Scratch, from: &str, more: &[&str]) -> Output {
    let to = scratch.file().display().to_string();
    cli([&["migrate-log", from, &to], more].concat())
}

fn ready(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Pays until so many rows are in the table, and ten more that the sink has not read.
fn embedded() -> Scratch {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    for n in 0..30 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    pipeline.until("all are written", |_| scratch.rows() == 30);
    pipeline.until("all are acknowledged", |_| {
        let lag = operate(&scratch.file(), &["subscriptions", "lag"]).expect("subscriptions");
        lag.as_array().is_some_and(|all| all.iter().all(|one| one["lag"] == 0))
    });
    let file = scratch.file().display().to_string();
    assert!(cli(["pause", &file, "surrealdb"]).status.success());
    for n in 30..40 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    let running = migrate(&scratch, &file, &[]);
    assert!(stderr(&running).contains("stop it"), "{}", stderr(&running));
    pipeline.stop();
    scratch
}

fn goes_on(scratch: &Scratch, pipeline: &Pipeline, rows: u64) {
    pipeline.until("what was left is written", |_| scratch.rows() == rows);
}

#[test]
fn a_pipeline_grows_from_the_log_in_its_process_to_nats() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(server) = NatsServer::start(directory.path(), "") else {
        return;
    };
    let scratch = embedded();
    let old = format!("embedded://{}", scratch.path().join("data/log").display());
    let grown = Setup {
        top: format!(
            "broker_url = \"{}\"\n[nats]\nreplicas = 1\naccept_loss = true\ntopic_bytes_max = 104857600\nmonitoring = [\"{}\"]",
            server.url(),
            server.monitoring_url()
        ),
        ..Setup::default()
    };
    scratch.set(&grown);

    let planned = ready(&migrate(&scratch, &old, &["--dry-run", "--json"]));
    let payments = |report: &Value| {
        let topics = report["topics"].as_array().expect("topics").clone();
        topics
            .into_iter()
            .find(|topic| topic["topic"] == "/stripe/payments")
            .expect("the topic")
    };
    let topic = payments(&planned);
    assert_eq!(
        (&topic["state"], &topic["messages"]),
        (&"planned".into(), &40.into()),
        "{planned}"
    );
    assert_eq!(topic["subscriptions"][0]["unread"], 10, "{planned}");
    let empty = operate(&scratch.file(), &["topics", "ls"]).expect("topics");
    assert_eq!(empty, Value::Array(Vec::new()));

    let copied = migrate(&scratch, &old, &[]);
    let text = String::from_utf8_lossy(&copied.stdout).into_owned();
    println!("{text}");
    assert!(copied.status.success(), "{}", stderr(&copied));
    assert!(
        text.contains("copied") && text.contains("every message and position was compared"),
        "{text}"
    );
    let lag = operate(&scratch.file(), &["subscriptions", "lag"]).expect("subscriptions");
    let lag = lag
        .as_array()
        .expect("some")
        .iter()
        .find(|one| one["topic"] == "/stripe/payments")
        .cloned();
    assert_eq!(lag.expect("the subscription")["lag"], 10);

    let again = migrate(&scratch, &old, &[]);
    assert!(
        stderr(&again).contains("is not empty") && stderr(&again).contains("--resume"),
        "{}",
        stderr(&again)
    );
    assert_eq!(
        payments(&ready(&migrate(&scratch, &old, &["--resume", "--json"])))["state"],
        "copied_before"
    );

    let pipeline = scratch.start();
    // It was paused before it grew, and still is.
    assert!(
        cli(["resume", &scratch.file().display().to_string(), "surrealdb"])
            .status
            .success()
    );
    goes_on(&scratch, &pipeline, 40);
    for n in 40..45 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    goes_on(&scratch, &pipeline, 45);
    pipeline.stop();

    // And back: the log before is unchanged, so it goes to another one.
    let back = scratch.path().join("back");
    let file = scratch.file().display().to_string();
    let report = ready(&cli([
        "migrate-log",
        &file,
        &format!("embedded://{}", back.display()),
        "--json",
    ]));
    let topic = payments(&report);
    assert_eq!(
        (&topic["messages"], &topic["subscriptions"][0]["unread"]),
        (&45.into(), &0.into()),
        "{report}"
    );
}

#[test]
fn places_that_cannot_be_copied_are_told_with_what_to_do() {
    let scratch = Setup::default().write();
    let refused = |from: &str, parts: &[&str]| {
        let output = migrate(&scratch, from, &[]);
        assert!(!output.status.success());
        let said = stderr(&output);
        assert!(from.ends_with(".toml") || said.lines().count() == 1, "{said}");
        parts
            .iter()
            .for_each(|part| assert!(said.contains(part), "`{said}` does not say `{part}`"));
    };
    refused(
        "http://127.0.0.1:6650",
        &["cannot be copied", "positions", "name its data directory"],
    );
    refused("embedded:///nowhere/log", &["/nowhere/log", "is not there"]);
    refused("nowhere.toml", &["nowhere.toml"]);
    assert!(!scratch.path().join("data").exists(), "looking makes nothing");
}
