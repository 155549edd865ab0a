//! Seeing records: `tap`, `topics tail`, `topics produce`, `builtins`.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    harness::{self, Setup, cli, operate, payment},
    steering::ask,
};

/// A verb that goes on, and the lines that it prints. Ended when it is dropped.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watching {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("a line").expect("text");
        assert!(!line.contains(harness::KEY), "a secret: {line}");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives lines to a verb.
fn feed(args: &[&str], lines: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(lines.as_bytes())
        .expect("it reads");
    child.wait_with_output().expect("its end")
}

fn text(file: &Path) -> String {
    file.display().to_string()
}

/// Posts until a watcher that is being started has seen something.
fn until_seen(pipeline: &harness::Pipeline, watching: Watching) -> (Value, Watching) {
    let (sender, seen) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let mut watching = watching;
        let first = watching.next();
        sender.send(()).expect("somebody waits");
        (first, watching)
    });
    pipeline.until("the tap shows a record", |p| {
        let mut event = payment(1);
        event["password"] = json!("s3cret-that-nobody-sees");
        assert_eq!(p.post(&event).status, 200);
        seen.try_recv().is_ok()
    });
    waiting.join().expect("a record")
}

#[test]
fn a_tap_shows_records_before_and_after_a_component_and_masks_secrets() {
    let scratch = Setup {
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let file = text(&scratch.file());
    let watching = Watching::start(&["tap", &file, "surrealdb", "--json", "--diff"]);
    let (value, watching) = until_seen(&pipeline, watching);
    assert_eq!(
        (&value["connector"], &value["direction"]),
        (&"test/surrealdb".into(), &"sink".into())
    );
    assert_eq!(value["before"]["topic"], "/stripe/payments");
    assert_eq!(value["before"]["payload"]["amount"], 1);
    assert_eq!(value["before"]["payload"]["password"], "***");
    assert_eq!(value["after"][0]["target"], "payments");
    assert_eq!(value["after"][0]["payload"]["amount"], 1);
    assert!(value["diff"][0].is_array(), "{value}");
    drop(watching);

    // A watcher that reads nothing delays nobody.
    let stuck = Watching::start(&["tap", &file, "--json"]);
    for n in 0..300 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    drop(stuck);
    let source = Watching::start(&["tap", &file, "webhook", "--json", "--limit", "1"]);
    let (value, _) = until_seen(&pipeline, source);
    assert_eq!(
        (&value["direction"], &value["before"]["endpoint"]),
        (&"source".into(), &"/hook".into())
    );
    assert_eq!(value["after"][0]["topic"], "/stripe/payments");

    let (code, why) = ask("tap", &scratch.file(), &["nobody"]).expect_err("there is none");
    assert_eq!(code, 2);
    assert!(why.contains("no connector `nobody`"), "{why}");
    pipeline.stop();
}

#[test]
fn produced_lines_pass_the_schema_and_are_seen_by_a_tail_that_moves_no_subscription() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let (file, topic) = (text(&scratch.file()), "/stripe/payments");
    let lines = format!("{}\n\n{{\"event\": 7}}\nnot json\n{}\n", payment(1), payment(2));
    let output = feed(
        &[
            "topics",
            "produce",
            &file,
            topic,
            "--key",
            "/currency",
            "--id",
            "/timestamp",
        ],
        &lines,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    // Of the line that is no object, there is no id: nothing of the request is published.
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("line 3: there is nothing at /timestamp"), "{said}");

    let lines = format!("{}\n\n{{\"event\": 7}}\nnot json\n{}\n", payment(1), payment(2));
    let output = feed(&["topics", "produce", &file, topic, "--key", "customer-1"], &lines);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("line 3: it breaks schema `stripe-payment-v1`"), "{said}");
    assert!(
        said.contains("line 4: ") && said.contains("2 lines were refused"),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 published"));
    pipeline.until("both are rows", |_| scratch.rows() == 2);

    let before = operate(&scratch.file(), &["subscriptions", "ls"]).expect("it runs");
    let mut tail = Watching::start(&[
        "topics", "tail", &file, topic, "--from", "earliest", "--limit", "3", "--json",
    ]);
    let first = tail.next();
    assert_eq!((&first["topic"], &first["key"]), (&topic.into(), &"customer-1".into()));
    assert_eq!(first["schema"], "stripe-payment-v1@1");
    let second = tail.next();
    let amounts = [&first["payload"]["amount"], &second["payload"]["amount"]];
    assert_eq!(amounts, [&json!(1), &json!(2)]);
    let again = feed(
        &["topics", "produce", &file, topic, "--id", "evt-9", "--json"],
        &format!("{}\n", payment(3)),
    );
    let values: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!((&values[0]["line"], &values[0]["durable"]), (&1.into(), &true.into()));
    assert_eq!(tail.next()["id"], values[0]["id"]);
    assert!(tail.lines.next().is_none(), "it ends after three");
    pipeline.until("its subscription is gone, and the others are as they were", |_| {
        let after = operate(&scratch.file(), &["subscriptions", "ls"]).expect("it runs");
        after == before
    });

    let (code, why) = ask("topics", Path::new("tail"), &[&file, "no-topic"]).expect_err("it is none");
    assert_eq!(code, 2);
    assert!(why.contains("is not a topic"), "{why}");
    pipeline.stop();
}

#[test]
fn builtins_lists_kinds_with_their_keys() {
    let all = cli(["builtins"]);
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    for part in [
        "webhook",
        "builtin:webhook-source",
        "surrealdb",
        "builtin:record-source",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let output = cli(["builtins", "webhook", "--json"]);
    let kinds: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&kinds[0]["role"], &kinds[0]["included"]),
        (&"source".into(), &true.into())
    );
    let tables = kinds[0]["tables"].as_array().expect("tables");
    let endpoint = tables
        .iter()
        .find(|table| table["table"] == "[[sources.webhook.endpoints]]");
    let keys = endpoint.expect("endpoints")["keys"].as_array().expect("keys");
    assert!(
        keys.iter().any(|key| key["key"] == "path" && key["required"] == true),
        "{keys:?}"
    );
    let none = cli(["builtins", "carrier-pigeon"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no kind `carrier-pigeon`: this program has"));
}
