//! What senders may send, and what the file may say of it.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{self, DEADLINE, KEY, Pipeline, Scratch, Setup, cli, payment};

/// A pipeline without a JSON Schema whose endpoint takes anything; `schema_type` of its topic.
fn any(schema_type: Option<&str>) -> Setup {
    let schema = |schema_type| {
        format!("[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"s\"\nschema_type = \"{schema_type}\"\n")
    };
    Setup {
        schema: false,
        endpoint: "content_type = \"any\"".into(),
        top: schema_type.map(schema).unwrap_or_default(),
        ..Setup::default()
    }
}

fn send(pipeline: &Pipeline, content_type: &str, body: impl Into<Vec<u8>>) -> u16 {
    let request = pipeline.client().post(format!("http://{}/hook", pipeline.address()));
    let request = request.header("x-api-key", KEY).header("content-type", content_type);
    request.body(body.into()).send().expect("an answer").status().as_u16()
}

/// The documents, by the id of their message.
fn documents(scratch: &Scratch, fields: &str) -> Value {
    scratch.query(&format!(
        "SELECT {fields} FROM payments ORDER BY _danube_metadata.danube_message_id"
    ))
}

#[test]
fn text_and_bytes_pass_to_topics_of_text_of_bytes_and_of_anything_and_are_stored() {
    let bytes = b"\xff\x00\xfe".to_vec();
    let blob = json!({ "data": "/wD+", "size": 3 });
    for (schema_type, text, stored) in [
        (None, json!({ "value": "hello" }), true),
        (Some("string"), json!({ "value": "hello" }), false),
        (Some("bytes"), json!({ "data": "aGVsbG8=", "size": 5 }), true),
    ] {
        let scratch = any(schema_type).write();
        let pipeline = scratch.start();
        assert_eq!(send(&pipeline, "text/plain", "hello"), 200, "{schema_type:?}");
        // UTF-8 is what a text is.
        let expected = if stored { 200 } else { 422 };
        assert_eq!(
            send(&pipeline, "application/octet-stream", bytes.clone()),
            expected,
            "{schema_type:?}"
        );
        let rows = 1 + u64::from(stored);
        pipeline.until("the rows", |_| scratch.rows() == rows);
        let documents = documents(&scratch, "* OMIT id, _danube_metadata");
        let documents = documents.as_array().expect("rows");
        assert!(documents.contains(&text), "{schema_type:?}: {documents:?}");
        assert_eq!(documents.contains(&blob), stored, "{schema_type:?}: {documents:?}");
        pipeline.stop();
    }
}

#[test]
fn json_to_a_topic_of_text_is_a_json_string_where_its_sender_says_json() {
    let scratch = any(Some("string")).write();
    let pipeline = scratch.start();
    assert_eq!(send(&pipeline, "application/json", "\"hello\""), 200);
    assert_eq!(send(&pipeline, "application/json", "hello"), 422);
    pipeline.until("the row", |_| scratch.rows() == 1);
    assert_eq!(documents(&scratch, "*")[0]["value"], "hello");
    pipeline.stop();
}

/// Events of one key are sent one by one over other connections, each as soon as the host has the one before it and while
/// the component works on that: a long one, then a short one.
#[test]
fn events_of_one_key_keep_their_order_over_many_connections_and_lanes() {
    let scratch = Setup {
        source: harness::guest("misbehave"),
        schema: false,
        endpoint: "key_pointer = \"/key\"\nmax_body_bytes = 4194304".into(),
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let text = text.replace("[sources.webhook]", "lanes = 8\n[sources.webhook]");
    std::fs::write(scratch.file(), text.replace("partitions = 4", "partitions = 0")).expect("the file");
    let pipeline = scratch.start();
    let received = |n: u64| {
        let line = "danube_connector_messages_received_total{connector=\"test/webhook\",topic=\"/hook\"}";
        let (_, metrics) = pipeline.admin("/metrics");
        let count = metrics.lines().find_map(|found| found.strip_prefix(line));
        count.and_then(|count| count.trim().parse().ok()) == Some(n)
    };
    let events = 40_u64;
    let long = "x".repeat(2_000_000);
    std::thread::scope(|scope| {
        for n in 0..events {
            let client = reqwest::blocking::Client::builder().timeout(DEADLINE).build();
            let client = client.expect("a client");
            let (address, more) = (pipeline.address(), if n % 2 == 0 { &*long } else { "" });
            let body = json!({ "n": n, "key": "k", "more": more }).to_string();
            scope.spawn(move || {
                let answer = harness::post(&client, &address, &[], body).expect("an answer");
                assert_eq!(answer.status, 200, "{answer:?}");
            });
            pipeline.until("the event is with the host", |_| received(n + 1));
        }
    });
    pipeline.until("all rows", |_| scratch.rows() == events);
    let rows = scratch.query("SELECT n, _danube_metadata.danube_timestamp AS at FROM payments ORDER BY n");
    let times: Vec<_> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["at"].as_str())
        .collect();
    assert!(times.is_sorted(), "not published in their order: {times:?}");
    pipeline.stop();
}

#[test]
fn a_byte_order_mark_is_taken_in_bodies_and_in_schemas() {
    let scratch = Setup::default().write();
    let schema = scratch.path().join("payment.json");
    let text = std::fs::read_to_string(&schema).expect("the schema");
    std::fs::write(&schema, format!("\u{feff}{text}")).expect("the schema");
    let pipeline = scratch.start();
    let answer = pipeline.post_with(&[], format!("\u{feff}{}", payment(1)));
    assert_eq!(answer.status, 200, "{answer:?}");
    pipeline.until("the row", |_| scratch.rows() == 1);
    pipeline.stop();
}

#[test]
fn another_body_under_an_id_that_was_taken_is_counted_and_refused_where_asked() {
    for (key, status) in [("", 200), ("on_id_reuse = \"reject\"", 409)] {
        let scratch = Setup {
            endpoint: key.into(),
            ..Setup::default()
        }
        .write();
        let pipeline = scratch.start();
        let post = |n| pipeline.post_with(&[("idempotency-key", "k")], payment(n).to_string());
        assert_eq!((post(1).status, post(1).status), (200, 200));
        let answer = post(2);
        assert_eq!((answer.status, &answer.body["id"]), (status, &json!("k")), "{answer:?}");
        let counted = "danube_wasm_event_ids_reused_total{endpoint=\"/hook\"} 1";
        assert!(pipeline.admin("/metrics").1.contains(counted));
        pipeline.stop();
    }
}

/// What `check` says, and its exit code.
fn check(scratch: &Scratch, more: &[&str]) -> (Option<i32>, String) {
    let file = scratch.file().display().to_string();
    let output = cli([&["check"], more, &[&file]].concat());
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
    (output.status.code(), said.concat())
}

#[test]
fn every_bad_schema_is_told_with_its_line() {
    let schema = |topic: &str, subject: &str| {
        format!(
            "[[schemas]]\ntopic = \"{topic}\"\nsubject = \"{subject}\"\nschema_type = \"json_schema\"\n\
             schema_file = \"{subject}.json\"\n"
        )
    };
    let scratch = Setup {
        schema: false,
        top: schema("/stripe/payments", "one") + &schema("/stripe/others", "two"),
        ..Setup::default()
    }
    .write();
    for (file, text) in [("one", r#"{"type": "objekt"}"#), ("two", r#"{"pattern": "("}"#)] {
        std::fs::write(scratch.path().join(format!("{file}.json")), text).expect("a schema");
    }
    let (code, said) = check(&scratch, &[]);
    assert_eq!(code, Some(78), "{said}");
    for (line, subject) in [(6, "one"), (11, "two")] {
        let found = said.lines().any(|told| {
            told.contains(&format!("pipeline.toml:{line}:")) && told.contains(&format!("schema subject `{subject}`"))
        });
        assert!(found, "{subject} on line {line}: {said}");
    }
    assert!(said.contains("2 errors"), "{said}");
}

#[test]
fn check_finds_on_an_embedded_log_what_run_would() {
    let setup = Setup::default();
    let scratch = setup.write();
    let (code, said) = check(&scratch, &["--connect"]);
    assert_eq!(code, Some(0), "nothing is there yet: {said}");
    let pipeline = scratch.start();
    let (code, said) = check(&scratch, &["--connect"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a pipeline runs on it"), "{said}");
    pipeline.stop();
    let (code, said) = check(&scratch, &["--connect"]);
    assert_eq!(code, Some(0), "{said}");

    let file = std::fs::read_to_string(scratch.file()).expect("the file");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let schema = std::fs::read_to_string(scratch.path().join("payment.json")).expect("the schema");
    let narrower = schema.replace("\"required\": [", "\"required\": [\"nobody has this\", ");
    assert_ne!(schema, narrower);
    for (changed_file, changed_schema, says) in [
        (
            file.replace("partitions = 4", "partitions = 2"),
            &schema,
            "has 4 partitions",
        ),
        (
            file.replace(
                "[sources.webhook]\nport = 0",
                &format!("[sources.webhook]\nport = {port}"),
            ),
            &schema,
            "Address already in use",
        ),
        (file.clone(), &narrower, "nobody has this"),
    ] {
        std::fs::write(scratch.file(), changed_file).expect("the file");
        std::fs::write(scratch.path().join("payment.json"), changed_schema).expect("the schema");
        let (code, said) = check(&scratch, &["--connect"]);
        assert_eq!(code, Some(78), "{says}: {said}");
        assert!(said.contains(says), "{says}: {said}");
        let run = cli(["run", &scratch.file().display().to_string()]);
        assert_eq!(run.status.code(), Some(78), "{says}");
    }
}
