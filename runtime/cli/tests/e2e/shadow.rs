//! `shadow`: a candidate beside the component that runs, on the same batches.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    harness::{Pipeline, Scratch, Setup, cli, guest, payment, stderr},
    steering::{ask, status},
};

fn start(scratch: &Scratch, connector: &str, candidate: &str, more: &[&str]) -> Child {
    let file = scratch.file().display().to_string();
    Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(["shadow", &file, connector, "--component", candidate, "--json"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary")
}

/// Posts until the verb has seen as many inputs as it wants, and returns what it printed.
fn until_done(pipeline: &Pipeline, mut verb: Child, event: impl Fn(u64) -> Value) -> Output {
    let mut n = 0;
    pipeline.until("the candidate has seen enough", |p| {
        p.post(&event(n));
        n += 1;
        verb.try_wait().expect("its state").is_some()
    });
    verb.wait_with_output().expect("its output")
}

/// The differences, and the counts.
fn printed(output: &Output) -> (Vec<Value>, Value) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<Value> = text.lines().map(|line| line.parse().expect("JSON")).collect();
    let counts = lines.pop().expect("counts")["counts"].take();
    (lines, counts)
}

#[test]
fn what_a_candidate_makes_otherwise_is_shown_and_written_nowhere() {
    let scratch = Setup {
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let verb = start(&scratch, "surrealdb", &guest("change_one_field"), &["--limit", "5"]);
    let output = until_done(&pipeline, verb, payment);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("5 of 5 inputs came out differently"),
        "{}",
        stderr(&output)
    );
    let (differences, counts) = printed(&output);
    assert_eq!(
        (&counts["inputs"], &counts["different"]),
        (&json!(5), &json!(5)),
        "{counts}"
    );
    assert_eq!((&counts["failed_calls"], differences.len()), (&json!(0), 5));
    let difference = &differences[0];
    assert_eq!(difference["connector"], "test/surrealdb");
    assert_eq!(difference["running"]["after"][0]["payload"]["touched"], Value::Null);
    assert_eq!(difference["candidate"]["after"][0]["payload"]["touched"], true);

    pipeline.until("all is written", |_| status(&scratch, "test/surrealdb")["lag"] == 0);
    let touched = scratch.query("SELECT count() AS n FROM payments WHERE touched = true GROUP ALL");
    assert_eq!(
        touched[0]["n"].as_u64().unwrap_or(0),
        0,
        "nothing of the candidate's is in the database"
    );
    assert!(scratch.rows() >= 5);
    pipeline.stop();
}

#[test]
fn a_candidate_that_traps_or_loops_is_no_matter_to_the_pipeline() {
    let scratch = Setup {
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let event = |action: &'static str| {
        move |n: u64| {
            let mut event = payment(n);
            event["do"] = json!(action);
            event
        }
    };
    let verb = start(&scratch, "webhook", &guest("misbehave"), &["--limit", "3"]);
    let output = until_done(&pipeline, verb, event("trap"));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let (differences, counts) = printed(&output);
    assert_eq!(counts["failed_calls"], 3, "{counts}");
    let candidate = &differences[0]["candidate"];
    assert!(
        candidate["error"]
            .as_str()
            .is_some_and(|why| why.contains("trapped as told")),
        "{candidate}"
    );
    assert!(
        candidate["backtrace"]
            .as_array()
            .is_some_and(|frames| !frames.is_empty()),
        "{candidate}"
    );

    // While one call of the candidate spins until its budget is used up, others pass.
    let verb = start(&scratch, "webhook", &guest("misbehave"), &["--limit", "1"]);
    let output = until_done(&pipeline, verb, event("loop"));
    let (differences, _) = printed(&output);
    assert!(
        differences[0]["candidate"]["error"]
            .as_str()
            .is_some_and(|why| why.contains("budget")),
        "{differences:?}"
    );

    let source = status(&scratch, "test/webhook");
    assert_eq!(
        (&source["state"], &source["failed"]),
        (&"running".into(), &0.into()),
        "{source}"
    );
    assert_eq!(source["dead_letters"], 0);
    pipeline.until("all is written", |_| status(&scratch, "test/surrealdb")["lag"] == 0);
    pipeline.stop();
}

#[test]
fn a_candidate_that_does_the_same_is_promoted_and_another_is_not() {
    let folder = tempfile::tempdir().expect("a directory");
    let running = folder.path().join("sink.wasm");
    fs::copy(guest("document_sink"), &running).expect("copied");
    let scratch = Setup {
        schema: false,
        sink: running.display().to_string(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let other = start(
        &scratch,
        "surrealdb",
        &guest("change_one_field"),
        &["--limit", "3", "--promote"],
    );
    let output = until_done(&pipeline, other, payment);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("the candidate was discarded"),
        "{}",
        stderr(&output)
    );
    let before = status(&scratch, "test/surrealdb")["component"]["sha256"].clone();

    // The same code, in another file: a custom section more.
    let mut bytes = fs::read(&running).expect("the component");
    bytes.extend([0, 3, 1, b'x', 0]);
    let candidate = folder.path().join("candidate.wasm");
    fs::write(&candidate, &bytes).expect("written");
    let same = start(
        &scratch,
        "surrealdb",
        &candidate.display().to_string(),
        &["--limit", "3", "--promote"],
    );
    let output = until_done(&pipeline, same, payment);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (differences, counts) = printed(&output);
    assert_eq!((differences.len(), &counts["different"]), (0, &json!(0)));
    assert!(stderr(&output).contains("promoted: "), "{}", stderr(&output));
    assert_eq!(fs::read(&running).expect("the component"), bytes);
    assert!(folder.path().join("sink.wasm.previous").is_file());
    let after = status(&scratch, "test/surrealdb");
    assert_ne!(after["component"]["sha256"], before);
    assert_eq!(after["component"]["sha256"], counts["candidate"]);
    pipeline.until("all is written", |_| status(&scratch, "test/surrealdb")["lag"] == 0);
    pipeline.stop();
}

#[test]
fn what_cannot_be_compared_is_said_at_once() {
    let scratch = Setup::default().write();
    let file = scratch.file();
    let candidate = guest("change_one_field");
    let refused = |connector: &str, candidate: &str, more: &[&str]| {
        let more = [&[connector, "--component", candidate], more].concat();
        ask("shadow", &file, &more).expect_err("refused")
    };
    let (code, why) = refused("surrealdb", &candidate, &[]);
    assert_eq!(code, 2);
    assert!(why.contains("no pipeline runs on"), "{why}");
    let pipeline = scratch.start();
    for (connector, candidate, more, code, wanted) in [
        ("nobody", &*candidate, &[][..], 2, "no connector `nobody`"),
        ("surrealdb", "/nowhere.wasm", &[], 2, "/nowhere.wasm cannot be read"),
        ("webhook", &candidate, &[], 78, "error[DW0204]"),
        (
            "surrealdb",
            &candidate,
            &["--promote"],
            2,
            "runs builtin:surrealdb-sink",
        ),
    ] {
        let (rc, why) = refused(connector, candidate, more);
        assert_eq!(rc, code, "{why}");
        assert!(why.contains(wanted), "{why}");
    }
    let text = cli(["shadow", "--help"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("--promote"));
    let nothing = start(&scratch, "surrealdb", &candidate, &["--secs", "1"]);
    let output = nothing.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no input passed"), "{}", stderr(&output));
    pipeline.stop();
}
