//! A connector in Python as its author meets it: made, tested, built, and run from a webhook to a row by the real binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use crate::harness::{Pipeline, cli, stderr};

/// An environment that has componentize-py. None if it is not installed.
fn environment() -> Option<PathBuf> {
    let python = servers::python("componentize_py")?;
    let environment = Path::new(python.get_program()).ancestors().nth(2).expect("a folder");
    Some(fs::canonicalize(environment).expect("the environment"))
}

fn danube_wasm(folder: &Path, environment: Option<&Path>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
    command.args(arguments).current_dir(folder).env_remove("VIRTUAL_ENV");
    command.envs(environment.map(|environment| ("VIRTUAL_ENV", environment)));
    command.output().expect("the binary")
}

/// The pipeline of a new folder, on ports of its own.
fn pipeline(folder: &Path) -> PathBuf {
    let file = folder.join("pipeline.toml");
    let text = fs::read_to_string(&file).expect("a pipeline");
    assert!(text.contains("port = 8080"), "{text}");
    let text = text.replace("port = 8080", "port = 0");
    fs::write(&file, format!("{text}\n[admin]\nport = 0\n")).expect("a pipeline");
    file
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
fn a_new_source_in_python_is_tested_built_and_run_to_a_row() {
    let Some(environment) = environment() else { return };
    let empty = tempfile::tempdir().expect("a folder");
    let made = danube_wasm(
        empty.path(),
        Some(&environment),
        &["new", "order-lines", "--kind", "source", "--lang", "python"],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let folder = empty.path().join("order-lines");
    for module in ["pytest", "mypy"] {
        let mut python = Command::new(environment.join("bin/python"));
        let tested = python
            .args(["-m", module])
            .current_dir(&folder)
            .output()
            .expect("python");
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    }
    let file = pipeline(&folder);
    let pipeline = Pipeline::spawn(&file);
    pipeline.until("it listens", |p| p.log("listening for webhooks").is_some());
    let order = r#"{"id": "o-1", "lines": [{"sku": "ä", "quantity": 2}, {"sku": "b", "quantity": 1}]}"#;
    assert_eq!(post(&pipeline, "/orders", order).0, 200);
    let (status, text) = post(&pipeline, "/orders", r#"{"id": "o-2", "lines": []}"#);
    assert!(
        status == 422 && text.contains("order o-2 has no lines"),
        "{status} {text}"
    );
    let (status, text) = post(&pipeline, "/orders", "[]");
    assert_eq!(status, 422, "{text}");
    assert!(text.contains("AttributeError") && text.contains("(app.py:"), "{text}");
    let rows = rows(&pipeline, &file, "lines", 2);
    let skus = rows.iter().map(|row| row["sku"].as_str().unwrap_or_default());
    let mut skus = skus.collect::<Vec<_>>();
    skus.sort_unstable();
    assert_eq!(skus, ["b", "ä"]);
    pipeline.stop();
}

#[test]
fn a_new_sink_in_python_keeps_the_latest_state() {
    let Some(environment) = environment() else { return };
    let empty = tempfile::tempdir().expect("a folder");
    let made = danube_wasm(
        empty.path(),
        Some(&environment),
        &["new", "device-state", "--kind", "sink", "--lang", "python"],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let folder = empty.path().join("device-state");
    let mut python = Command::new(environment.join("bin/python"));
    let tested = python
        .args(["-m", "pytest"])
        .current_dir(&folder)
        .output()
        .expect("python");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let file = pipeline(&folder);
    let pipeline = Pipeline::spawn(&file);
    pipeline.until("it listens", |p| p.log("listening for webhooks").is_some());
    assert_eq!(
        post(&pipeline, "/readings", r#"{"device": "d7", "celsius": 20.5}"#).0,
        200
    );
    let rows = rows(&pipeline, &file, "devices", 1);
    assert_eq!(rows[0]["celsius"], json!(20.5));
    assert!(rows[0]["id"].to_string().contains("d7"), "{rows:?}");
    pipeline.stop();
}

#[test]
fn pythons_own_words_are_passed_on_and_nothing_is_left() {
    let Some(environment) = environment() else { return };
    let empty = tempfile::tempdir().expect("a folder");
    let arguments = ["new", "x", "--kind", "source", "--lang", "python", "--no-build"];
    let made = danube_wasm(empty.path(), None, &arguments);
    assert!(made.status.success(), "{}", stderr(&made));
    let app = empty.path().join("x/src/app.py");
    let text = fs::read_to_string(&app).expect("the connector");
    for (from, to, sentence) in [
        ("self, event: Event)", "self, event: Event", "SyntaxError"),
        ("import Iterator", "import Iterators", "cannot import name 'Iterators'"),
        (
            "@source",
            "",
            "one class with @source is the connector, and there are 0",
        ),
        ("key_field: str", "key_field: set", "a setting cannot be"),
    ] {
        fs::write(&app, text.replacen(from, to, 1)).expect("a file");
        let built = danube_wasm(empty.path(), Some(&environment), &["build", "x"]);
        assert_eq!(built.status.code(), Some(1), "{}", stderr(&built));
        assert!(stderr(&built).contains(sentence), "{}", stderr(&built));
        assert!(
            stderr(&built).contains("componentize-py did not build the connector"),
            "{}",
            stderr(&built)
        );
        assert!(!stderr(&built).contains("Stack backtrace"), "{}", stderr(&built));
        assert!(!empty.path().join("x/target/x.wasm").exists());
    }
    fs::write(&app, text.replacen("self, event: Event)", "self, event: Event", 1)).expect("a file");
    let built = danube_wasm(empty.path(), Some(&environment), &["build", "x"]);
    assert!(
        stderr(&built).contains("File \"src/app.py\", line "),
        "{}",
        stderr(&built)
    );
}

#[test]
fn a_missing_environment_is_told_with_the_command_that_makes_it() {
    let empty = tempfile::tempdir().expect("a folder");
    let arguments = ["new", "x", "--kind", "sink", "--lang", "python"];
    let made = danube_wasm(empty.path(), None, &arguments);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert!(stderr(&made).contains(" is missing: run `"), "{}", stderr(&made));
    let tools = empty.path().join("tools");
    fs::create_dir(&tools).expect("a folder");
    let made = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(arguments)
        .current_dir(empty.path())
        .env("PATH", &tools)
        .env_remove("VIRTUAL_ENV")
        .output()
        .expect("the binary");
    assert!(
        stderr(&made).contains("python3 is missing: run `apt-get install"),
        "{}",
        stderr(&made)
    );
    assert_eq!(fs::read_dir(empty.path()).expect("a folder").count(), 1);
}
