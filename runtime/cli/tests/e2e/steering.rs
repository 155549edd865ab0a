//! Seeing and steering a running pipeline: `status`, `pause`, `resume`, `reload`.

use std::path::Path;

use serde_json::Value;

use crate::harness::{self, Pipeline, Scratch, Setup, cli, payment};

/// What a verb prints for the file, as JSON; or its exit code and what it says is wrong.
pub fn ask(verb: &str, file: &Path, more: &[&str]) -> Result<Value, (i32, String)> {
    let file = file.display().to_string();
    let args = [verb, &file].into_iter().chain(more.iter().copied()).chain(["--json"]);
    let output = cli(args);
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        code => Err((code.unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// What `status` says of a connector.
pub fn status(scratch: &Scratch, connector: &str) -> Value {
    let all = ask("status", &scratch.file(), &[]).expect("it runs");
    let all = all.as_array().expect("an array").clone();
    let found = all.into_iter().find(|value| value["connector"] == connector);
    found.expect("the connector")
}

fn state_in_metrics(pipeline: &Pipeline, connector: &str, state: &str) -> bool {
    let (_, metrics) = pipeline.admin("/metrics");
    metrics.contains(&format!(
        "danube_wasm_connector_state{{connector=\"{connector}\",state=\"{state}\"}} 1"
    ))
}

#[test]
fn status_says_what_each_connector_does() {
    let scratch = Setup::default().write();
    let (code, why) = ask("status", &scratch.file(), &[]).expect_err("nothing runs");
    assert_eq!(code, 2);
    assert!(
        why.contains("no pipeline runs on") && why.contains("danube-wasm run"),
        "{why}"
    );

    let pipeline = scratch.start();
    for n in 0..3 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    pipeline.until("the rows are written", |_| {
        status(&scratch, "test/surrealdb")["processed"] == 3
    });
    let source = status(&scratch, "test/webhook");
    assert_eq!(
        (&source["state"], &source["direction"]),
        (&"running".into(), &"source".into())
    );
    assert_eq!((&source["received"], &source["kind"]), (&3.into(), &"webhook".into()));
    let sink = status(&scratch, "test/surrealdb");
    assert_eq!(
        (&sink["lag"], &sink["in_flight"], &sink["paused"]),
        (&0.into(), &0.into(), &false.into())
    );
    let component = &sink["component"];
    assert_eq!(component["name"], "builtin:surrealdb-sink");
    assert_eq!(component["sha256"].as_str().map(str::len), Some(64));
    let memory = |key: &str| component[key].as_u64().expect("bytes");
    assert!(memory("memory_bytes_peak") > 0 && memory("memory_bytes_peak") <= memory("memory_bytes_max"));

    let text = cli(["status", &scratch.file().display().to_string()]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.starts_with("connector"), "{text}");
    assert!(text.contains("test/surrealdb  running"), "{text}");
    pipeline.stop();
}

#[test]
fn a_file_with_mistakes_does_not_hide_the_pipeline_that_runs_as_it_was() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    assert_eq!(pipeline.post(&payment(0)).status, 200);
    pipeline.until("it is a row", |_| scratch.rows() == 1);
    let (file, right) = (
        scratch.file(),
        std::fs::read_to_string(scratch.file()).expect("the file"),
    );
    let name = file.display().to_string();
    for wrong in ["\n[sinks.surrealdb.nonsense]\nkey = 1\n", "\nkey without a value\n"] {
        std::fs::write(&file, format!("{right}{wrong}")).expect("written");
        assert_eq!(status(&scratch, "test/surrealdb")["state"], "running", "{wrong}");
        assert_eq!(scratch.rows(), 1, "{wrong}");
        let said = cli(["status", &name]);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(
            said.contains("has mistakes") && said.contains("danube-wasm check"),
            "{said}"
        );
        let (code, _) = ask("reload", &file, &[]).expect_err("it is wrong");
        assert_ne!(code, 0);
    }
    pipeline.stop();
    // Without a running pipeline the mistakes are what is told.
    let (code, why) = ask("status", &file, &[]).expect_err("nothing runs");
    assert!(code == 78 && why.contains("not TOML"), "{code} {why}");
}

#[test]
fn a_paused_sink_keeps_its_place_and_stays_paused_over_a_reload() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    assert_eq!(pipeline.post(&payment(0)).status, 200);
    pipeline.until("the first is a row", |_| scratch.rows() == 1);

    let paused = ask("pause", &scratch.file(), &["surrealdb"]).expect("it is there");
    assert_eq!((&paused["state"], &paused["changed"]), (&"paused".into(), &true.into()));
    for n in 1..5 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    pipeline.until("they wait", |_| status(&scratch, "test/surrealdb")["lag"] == 4);
    // As changed, so that the sink is started anew.
    scratch.set(&Setup {
        mapping: "batch_size = 7".into(),
        ..Setup::default()
    });
    let changed = ask("reload", &scratch.file(), &[]).expect("it is right");
    let sink = changed
        .as_array()
        .expect("an array")
        .iter()
        .find(|v| v["connector"] == "test/surrealdb");
    assert_eq!(sink.expect("the sink")["change"], "changed", "{changed}");
    assert_eq!(status(&scratch, "test/surrealdb")["state"], "paused");
    assert!(state_in_metrics(&pipeline, "test/surrealdb", "paused"));
    let (ready, checks) = pipeline.admin("/health/ready");
    assert_eq!(ready, 200, "a connector that rests is no reason to restart: {checks}");
    assert!(checks.contains("\"paused\""), "{checks}");
    assert!(pipeline.admin("/health/connectors").1.contains("\"paused\""));
    assert_eq!(scratch.rows(), 1, "a paused sink writes nothing");

    let resumed = ask("resume", &scratch.file(), &["test/surrealdb"]).expect("it is there");
    assert_eq!(resumed["state"], "running");
    pipeline.until("all are rows", |_| scratch.rows() == 5);
    assert!(state_in_metrics(&pipeline, "test/surrealdb", "running"));
    pipeline.stop();
}

#[test]
fn a_paused_sink_stays_paused_over_a_kill_until_it_is_resumed_or_removed() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    ask("pause", &scratch.file(), &["surrealdb"]).expect("it is there");
    pipeline.kill();

    let pipeline = scratch.start();
    pipeline.until("it is said", |p| {
        p.log("the connector is paused, as an operator left it before the restart")
            .is_some()
    });
    assert_eq!(status(&scratch, "test/surrealdb")["state"], "paused");
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.until("it waits", |_| status(&scratch, "test/surrealdb")["lag"] == 1);
    let resumed = ask("resume", &scratch.file(), &["surrealdb"]).expect("it is there");
    assert_eq!(
        (&resumed["state"], &resumed["changed"]),
        (&"running".into(), &true.into())
    );
    pipeline.until("it is a row", |_| scratch.rows() == 1);
    pipeline.stop();

    let pipeline = scratch.start();
    assert_eq!(status(&scratch, "test/surrealdb")["state"], "running");
    ask("pause", &scratch.file(), &["surrealdb"]).expect("it is there");
    // Removed, and added again: another one.
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let (without, _) = text.split_once("[[sinks]]").expect("a sink");
    for text in [without, &text] {
        std::fs::write(scratch.file(), text).expect("written");
        ask("reload", &scratch.file(), &[]).expect("it is right");
    }
    assert_eq!(status(&scratch, "test/surrealdb")["state"], "running");
    pipeline.stop();

    let kept = scratch.path().join("data/paused.json");
    std::fs::write(&kept, "[").expect("written");
    let output = cli(["run", &scratch.file().display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(78) && said.contains("paused.json says which connectors"),
        "{said}"
    );
}

#[test]
fn a_paused_webhook_answers_503_and_when_to_come_again() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    ask("pause", &scratch.file(), &["webhook"]).expect("it is there");
    let answer = pipeline
        .client()
        .post(format!("http://{}/hook", pipeline.address()))
        .header("x-api-key", harness::KEY)
        .header("content-type", "application/json")
        .body(payment(1).to_string())
        .send()
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["retry-after"], "10");
    let again = ask("pause", &scratch.file(), &["webhook"]).expect("it is there");
    assert_eq!((&again["state"], &again["changed"]), (&"paused".into(), &false.into()));
    ask("resume", &scratch.file(), &["webhook"]).expect("it is there");
    assert_eq!(pipeline.post(&payment(1)).status, 200);

    let (code, why) = ask("pause", &scratch.file(), &["nobody"]).expect_err("there is none");
    assert_eq!(code, 2);
    assert!(
        why.contains("no connector `nobody`: it has webhook, surrealdb"),
        "{why}"
    );
    pipeline.stop();
}

#[test]
fn a_reload_says_what_changed_or_every_mistake() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let change = |values: &Value, connector: &str| {
        let found = values
            .as_array()
            .expect("an array")
            .iter()
            .find(|v| v["connector"] == connector)
            .cloned();
        found.expect("the connector")
    };
    let same = ask("reload", &scratch.file(), &[]).expect("it is right");
    assert_eq!(change(&same, "test/webhook")["change"], "unchanged");

    scratch.set(&Setup {
        sink: harness::guest("drop_everything"),
        endpoint: "no_such_key = 1".into(),
        mapping: "nor_this = 2".into(),
        ..Setup::default()
    });
    let (code, why) = ask("reload", &scratch.file(), &[]).expect_err("it is wrong");
    assert_eq!(code, 78, "{why}");
    for part in ["no_such_key", "nor_this", "goes on as it was"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    // The rows are asked for by a file without mistakes.
    scratch.set(&Setup::default());
    pipeline.until("the old one goes on", |_| scratch.rows() == 1);

    scratch.set(&Setup {
        sink: harness::guest("drop_everything"),
        top: "[telemetry]\nlog_format = \"json\"\n".into(),
        ..Setup::default()
    });
    let swapped = ask("reload", &scratch.file(), &[]).expect("it is right");
    assert_eq!(change(&swapped, "test/surrealdb")["change"], "changed");
    assert_eq!(change(&swapped, "test/webhook")["change"], "unchanged");
    pipeline.stop();
}

#[test]
fn a_reload_says_that_a_file_of_a_component_changed() {
    let setup = |component: &Path| Setup {
        sink: component.display().to_string(),
        ..Setup::default()
    };
    let scratch = Setup::default().write();
    let component = scratch.path().join("sink.wasm");
    std::fs::copy(harness::guest("document_sink"), &component).expect("a component");
    scratch.set(&setup(&component));
    let pipeline = scratch.start();
    std::fs::copy(harness::guest("drop_everything"), &component).expect("a component");
    let changed = ask("reload", &scratch.file(), &[]).expect("it is right");
    let sink = changed
        .as_array()
        .expect("an array")
        .iter()
        .find(|v| v["connector"] == "test/surrealdb");
    assert_eq!(sink.expect("the sink")["what"], "component", "{changed}");

    std::fs::write(&component, b"not a component").expect("a file");
    let (code, why) = ask("reload", &scratch.file(), &[]).expect_err("it is wrong");
    assert_eq!(code, 78, "{why}");
    assert!(why.contains("surrealdb") && why.contains("goes on as it was"), "{why}");
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.stop();
}
