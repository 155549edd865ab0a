//! One dead letter through a component again: as it failed, and as it passes once the component is fixed.

use serde_json::{Value, json};

use crate::harness::{self, Pipeline, Scratch, Setup, cli, payment};

/// Exit code, and what it prints as JSON or, where it prints none, says.
fn replay(place: &str, rest: &[&str]) -> (i32, Value) {
    let all = ["replay", place].into_iter().chain(rest.iter().copied());
    let output = cli(all.chain(["--json"]));
    let code = output.status.code().expect("a code");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        code,
        serde_json::from_slice(&output.stdout).unwrap_or(Value::String(said)),
    )
}

fn file(scratch: &Scratch) -> String {
    scratch.file().display().to_string()
}

fn json_of(args: &[&str]) -> Value {
    let output = cli(args.iter().copied());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn letters(scratch: &Scratch) -> Vec<Value> {
    let list = json_of(&["dlq", "ls", &file(scratch), "--json"]);
    list.as_array().expect("an array").clone()
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().expect("an id").to_owned()
}

/// Writes what `dlq show --json` prints of it to a file, changed.
fn export(scratch: &Scratch, id: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut letter = json_of(&["dlq", "show", &file(scratch), id, "--json"]);
    change(&mut letter);
    let path = scratch.path().join("letter.json");
    std::fs::write(&path, letter.to_string()).expect("written");
    path.display().to_string()
}

#[test]
fn a_poisoned_record_fails_as_recorded_passes_once_fixed_and_leaves_nothing_behind() {
    let scratch = Setup {
        sink: harness::guest("poison_sink"),
        schema: false,
        bottom: "[sinks.config]\ntoken = \"${REPLAY_TOKEN:-none}\"".to_owned(),
        ..Setup::default()
    }
    .write();
    let fixed = harness::guest("change_one_field");
    let pipeline = Pipeline::spawn_with(&scratch.file(), &[("REPLAY_TOKEN", "hunter2")]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    assert_eq!(pipeline.post(&json!({ "amount": 16 })).status, 200);
    assert_eq!(pipeline.post(&json!({ "poison": true, "amount": 17 })).status, 200);
    pipeline.until("a letter and a row", |_| {
        letters(&scratch).len() == 1 && scratch.rows() == 1
    });
    let before = letters(&scratch);
    let (place, letter) = (file(&scratch), id(&before[0]));

    let page = cli(["replay", &place, &letter]);
    let text = String::from_utf8_lossy(&page.stdout).into_owned();
    assert_eq!(page.status.code(), Some(1), "{text}");
    for part in [
        "a poisonous message",
        "#process-batch",
        "the one that was recorded",
        "it still fails, as recorded",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let (code, now) = replay(&place, &[&letter, "--component", &fixed]);
    assert_eq!(
        (code, &now["verdict"], &now["notes"]),
        (0, &json!("passes"), &json!([])),
        "{now:#}"
    );
    let write = &now["outcome"]["writes"][0];
    assert_eq!(
        (&write["target"], &write["body"]),
        (
            &json!("payments"),
            &json!({ "poison": true, "amount": 17, "touched": true })
        )
    );
    assert_ne!(now["component_digest"], now["recorded"]["component_digest"]);
    pipeline.stop();

    assert_eq!(
        replay(&place, &[&letter, "--component", &fixed]),
        (0, now.clone()),
        "the same when it is stopped"
    );
    let again = cli(["replay", &place, &letter]);
    assert_eq!((again.status.code(), &again.stdout), (Some(1), &page.stdout));
    assert_eq!((letters(&scratch), scratch.rows()), (before, 1), "nothing was written");

    // An author without the pipeline has the letter only.
    let sent = export(&scratch, &letter, |letter| {
        let text = letter.to_string();
        assert!(
            text.contains("${REPLAY_TOKEN:-none}") && !text.contains("hunter2"),
            "{text}"
        );
    });
    std::fs::remove_file(scratch.file()).expect("removed");
    assert_eq!(replay(&sent, &["--component", &fixed]), (0, now));
    let (code, said) = replay(&sent, &[]);
    assert!(
        code == 2 && said.as_str().is_some_and(|s| s.contains("--component")),
        "{said}"
    );
}

#[test]
fn a_replay_sees_the_time_and_chance_of_the_call_that_failed() {
    let scratch = Setup {
        sink: harness::guest("time_and_chance"),
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    pipeline.post(&json!({ "poison": true }));
    pipeline.until("a letter", |_| letters(&scratch).len() == 1);
    pipeline.stop();
    let (place, letter) = (file(&scratch), id(&letters(&scratch)[0]));

    // Its panic tells the time to the millisecond, how often it looked at the clock until that moved, and a number that
    // it drew: all of it is as recorded.
    let (code, first) = replay(&place, &[&letter]);
    assert_eq!((code, &first["verdict"]), (1, &json!("same_failure")), "{first:#}");
    assert_eq!(first["outcome"]["message"], first["recorded"]["message"]);
    assert!(
        first["log"][0]["line"]
            .as_str()
            .is_some_and(|line| line.starts_with("looked")),
        "{first:#}"
    );
    assert_eq!(replay(&place, &[&letter]), (1, first.clone()));

    // Without a recording it is another time, and that is said.
    let old = export(&scratch, &letter, |letter| letter["call"]["recording"] = Value::Null);
    let (code, other) = replay(&place, &[&old]);
    assert_eq!((code, &other["verdict"]), (1, &json!("other_failure")), "{other:#}");
    assert!(
        other["notes"][0]
            .as_str()
            .is_some_and(|note| note.contains("nothing was recorded")),
        "{other:#}"
    );
    assert_eq!(replay(&place, &[&old]), (1, other));

    // Another input under the same circumstances: what passes sees them, too.
    let healthy = export(&scratch, &letter, |letter| {
        letter["call"]["input"]["message"]["payload"] = json!({ "text": "{}" });
    });
    let (code, passes) = replay(&place, &[&healthy]);
    assert_eq!((code, &passes["verdict"]), (0, &json!("passes")), "{passes:#}");
    let seen = &passes["outcome"]["writes"][0]["body"];
    let told = first["recorded"]["message"].as_str().expect("a message");
    for part in [
        format!("after {} looks", seen["looks"]),
        format!("with {}", seen["chance"]),
    ] {
        assert!(told.contains(&part), "{part}: {told}");
    }
}

#[test]
fn a_refused_event_is_replayed_through_a_source_and_its_topics_schema() {
    let scratch = Setup {
        source: harness::guest("misbehave"),
        endpoint: "on_invalid = \"dead-letter\"".to_owned(),
        ..Setup::default()
    }
    .write();
    let fixed = harness::guest("webhook_source");
    let pipeline = scratch.start();
    let mut refused = payment(1);
    refused["do"] = "reject".into();
    assert_eq!(pipeline.post(&refused).status, 200);
    assert_eq!(pipeline.post(&json!({ "event": "payment.succeeded" })).status, 200);
    assert_eq!(letters(&scratch).len(), 2);
    let place = file(&scratch);
    let (refused, invalid) = (id(&letters(&scratch)[0]), id(&letters(&scratch)[1]));

    let (code, as_recorded) = replay(&place, &[&refused]);
    assert_eq!(
        (code, &as_recorded["verdict"]),
        (1, &json!("same_failure")),
        "{as_recorded:#}"
    );
    let (code, now) = replay(&place, &[&refused, "--component", &fixed]);
    assert_eq!((code, &now["verdict"]), (0, &json!("passes")), "{now:#}");
    let record = &now["outcome"]["records"][0];
    assert_eq!(
        (&record["topic"], &record["payload"]["amount"]),
        (&json!("/stripe/payments"), &json!(1))
    );

    // What the component lets pass, the schema may not.
    let (code, violates) = replay(&place, &[&invalid, "--component", &fixed]);
    assert_eq!(
        (code, &violates["verdict"]),
        (1, &json!("same_failure")),
        "{violates:#}"
    );
    assert!(
        violates["outcome"]["violations"]
            .as_array()
            .is_some_and(|v| !v.is_empty()),
        "{violates:#}"
    );
    assert_eq!((letters(&scratch).len(), scratch.rows()), (2, 0));
    pipeline.stop();
}

#[test]
fn what_the_target_refused_passes_only_with_another_component() {
    let scratch = Setup {
        mapping: "expected_schema_subject = \"stripe-payment-v1\"".to_owned(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    pipeline.post(&payment(1));
    pipeline.until("the table", |_| scratch.rows() == 1);
    let assertion = "DEFINE FIELD amount ON payments TYPE int ASSERT $value != 250";
    json_of(&["query", "--json", "--write", &file(&scratch), assertion]);
    assert_eq!(pipeline.post(&payment(250)).status, 200);
    pipeline.until("a letter", |_| letters(&scratch).len() == 1);
    let (place, letter) = (file(&scratch), id(&letters(&scratch)[0]));
    let (code, same) = replay(&place, &[&letter]);
    assert_eq!((code, &same["verdict"]), (1, &json!("same_writes")), "{same:#}");
    assert_eq!(same["outcome"]["writes"][0]["body"]["amount"], 250);
    let (code, other) = replay(&place, &[&letter, "--component", &harness::guest("change_one_field")]);
    assert_eq!((code, &other["verdict"]), (0, &json!("passes_to_target")), "{other:#}");

    // What the connector would not give its component is not given here.
    let foreign = export(&scratch, &letter, |letter| {
        letter["call"]["input"]["message"]["schema"] = "orders@1".into();
    });
    let (code, unreached) = replay(&place, &[&foreign]);
    assert_eq!(
        (code, &unreached["verdict"], &unreached["outcome"]["reason"]),
        (1, &json!("other_failure"), &json!("undecodable")),
        "{unreached:#}"
    );
    pipeline.stop();
}
