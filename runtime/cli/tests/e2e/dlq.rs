//! Dead letters in the hands of an operator: listed, shown, processed again, given up.

use serde_json::{Value, json};

use crate::harness::{self, Pipeline, Scratch, Setup, cli, payment, texts::DatabaseSink};

fn dlq(scratch: &Scratch, verb: &str, rest: &[&str]) -> Result<Value, String> {
    let file = scratch.file().display().to_string();
    let all = ["dlq", verb, &file].into_iter().chain(rest.iter().copied());
    let output = cli(all.chain(["--json"]));
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        _ => Err(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

fn ls(scratch: &Scratch) -> Vec<Value> {
    let list = dlq(scratch, "ls", &[]).expect("a list");
    list.as_array().expect("an array").clone()
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().expect("an id").to_owned()
}

/// Messages of a subscription that are not acknowledged.
fn lag(scratch: &Scratch, subscription: &str) -> u64 {
    let file = scratch.file().display().to_string();
    let output = cli(["subscriptions", "lag", &file, "--json"]);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = all.iter().find(|s| s["subscription"] == subscription);
    found.and_then(|s| s["lag"].as_u64()).expect("the subscription")
}

fn write(scratch: &Scratch, statement: &str) {
    let output = cli(["query", "--write", &scratch.file().display().to_string(), statement]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn reload(scratch: &Scratch, setup: &Setup, pipeline: &Pipeline) {
    let before = pipeline.logged("the file was applied again");
    scratch.set(setup);
    pipeline.signal("HUP");
    pipeline.until("it was applied", |p| {
        p.logged("the file was applied again") == before + 1
    });
}

/// A second sink of the same topic that dies of poison, too.
fn second_sink() -> String {
    let sink = DatabaseSink {
        name: "second",
        component: &harness::guest("poison_sink"),
        url: "surrealkv://data/second",
        subscription: "second-sink",
        ..DatabaseSink::default()
    };
    sink.to_string()
}

#[test]
fn a_letter_is_replayed_to_its_own_sink_once_the_component_is_fixed_and_is_one_row() {
    let poisoned = Setup {
        sink: harness::guest("poison_sink"),
        schema: false,
        bottom: second_sink(),
        ..Setup::default()
    };
    let scratch = poisoned.write();
    let refused = dlq(&scratch, "ls", &[]).expect_err("it never ran");
    assert!(refused.contains("is not there"), "{refused}");
    let pipeline = scratch.start();
    assert_eq!(ls(&scratch), Vec::<Value>::new());
    assert_eq!(pipeline.post(&json!({ "poison": true, "amount": 17 })).status, 200);
    assert_eq!(pipeline.post(&json!({ "amount": 18 })).status, 200);
    pipeline.until("both sinks have a letter", |_| ls(&scratch).len() == 2);
    let letters = ls(&scratch);
    let letter = letters.iter().find(|letter| letter["connector"] == "test/surrealdb");
    let letter = letter.expect("the first sink's").clone();
    assert_eq!(
        (&letter["reason"], &letter["origin"]),
        (&json!("crashed"), &json!("/stripe/payments"))
    );
    assert_eq!(
        dlq(&scratch, "ls", &["--connector", "second"]).expect("a list")[0]["connector"],
        "test/second"
    );
    pipeline.stop();
    assert_eq!(ls(&scratch), letters, "the same when it is stopped");

    let shown = dlq(&scratch, "show", &[&id(&letter)]).expect("the letter");
    assert_eq!(
        (&shown["payload"], &shown["payload_encoding"]),
        (&json!({ "poison": true, "amount": 17 }), &json!("json"))
    );
    assert!(shown["attempts"].as_u64() >= Some(2), "{shown}");
    assert_eq!(shown["component_digest"].as_str().map(str::len), Some(64), "{shown}");
    assert!(
        shown["backtrace"].as_array().is_some_and(|frames| !frames.is_empty()),
        "{shown}"
    );
    let file = scratch.file().display().to_string();
    let page = cli(["dlq", "show", &file, &id(&letter)]);
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(
        page.contains("component digest") && page.contains("\"amount\":17"),
        "{page}"
    );

    let pipeline = scratch.start();
    let fixed = Setup {
        sink: harness::guest("change_one_field"),
        ..poisoned
    };
    reload(&scratch, &fixed, &pipeline);
    let dry = dlq(&scratch, "replay", &[&id(&letter), "--dry-run"]).expect("what would be done");
    assert_eq!(
        (&dry[0]["outcome"], &dry[0]["to"]),
        (&json!("would be replayed"), &json!("test/surrealdb"))
    );
    assert_eq!((ls(&scratch).len(), scratch.rows()), (2, 1), "nothing was done");

    let done = dlq(&scratch, "replay", &[&id(&letter)]).expect("replayed");
    assert_eq!(done[0]["outcome"], "replayed");
    pipeline.until("the row", |_| scratch.rows() == 2);
    let rows = scratch.query("SELECT * FROM payments WHERE poison = true");
    assert_eq!(
        (rows.as_array().map(Vec::len), &rows[0]["amount"]),
        (Some(1), &json!(17))
    );
    // The second sink would make another letter of it.
    pipeline.until("both have acknowledged it", |_| {
        lag(&scratch, "second-sink") == 0 && lag(&scratch, "test-sink") == 0
    });
    let left = ls(&scratch);
    assert_eq!((left.len(), &left[0]["connector"]), (1, &json!("test/second")));
    assert_eq!(pipeline.logged("dead letter"), 0, "{}", pipeline.dump());

    // A letter that fails again is there once, by the same id.
    let second = id(&left[0]);
    dlq(&scratch, "replay", &[&second]).expect("replayed");
    pipeline.until("it failed again", |p| p.logged("dead letter") == 1);
    pipeline.until("it is a letter again", |_| {
        ls(&scratch).iter().map(id).collect::<Vec<_>>() == [&*second]
    });
    // The other sink has the row already: a second time changes nothing.
    dlq(&scratch, "replay", &[&second, "--to", "surrealdb"]).expect("replayed");
    pipeline.until("the other sink has it", |_| lag(&scratch, "test-sink") == 0);
    assert_eq!((ls(&scratch).len(), scratch.rows()), (0, 2));
    let gone = dlq(&scratch, "show", &[&second]).expect_err("it is gone");
    assert!(gone.contains("no dead letter"), "{gone}");
    pipeline.stop();
}

#[test]
fn an_old_letter_never_overwrites_a_newer_row() {
    let scratch = Setup {
        mapping: "id_pointer = \"/currency\"\nexpected_schema_subject = \"stripe-payment-v1\"".to_owned(),
        ..Setup::default()
    }
    .write();
    let pay = |amount: u64, currency: &str| {
        let mut body = payment(amount);
        body["currency"] = currency.into();
        body
    };
    let amount_of = |currency: &str| {
        let rows = scratch.query(&format!(
            "SELECT VALUE amount FROM payments WHERE currency = '{currency}'"
        ));
        rows[0].as_u64()
    };
    let pipeline = scratch.start();
    pipeline.post(&pay(1, "GBP"));
    pipeline.until("the table", |_| amount_of("GBP") == Some(1));
    write(
        &scratch,
        "DEFINE FIELD amount ON payments TYPE int ASSERT $value != 250",
    );
    for currency in ["USD", "EUR"] {
        assert_eq!(pipeline.post(&pay(250, currency)).status, 200);
    }
    pipeline.until("two letters", |_| ls(&scratch).len() == 2);
    assert_eq!(pipeline.post(&pay(300, "USD")).status, 200);
    pipeline.until("the newer row", |_| amount_of("USD") == Some(300));
    write(&scratch, "DEFINE FIELD OVERWRITE amount ON payments TYPE int");
    let done = dlq(&scratch, "replay", &["--all"]).expect("replayed");
    assert_eq!(done.as_array().map(Vec::len), Some(2), "{done}");
    pipeline.until("the letter that nothing replaced", |_| amount_of("EUR") == Some(250));
    pipeline.until("both are acknowledged", |_| lag(&scratch, "test-sink") == 0);
    assert_eq!(amount_of("USD"), Some(300));
    assert_eq!(ls(&scratch), Vec::<Value>::new());
    pipeline.stop();
}

#[test]
fn a_refused_event_goes_back_through_its_source_which_must_run() {
    let refusing = Setup {
        source: harness::guest("misbehave"),
        schema: false,
        endpoint: "on_invalid = \"dead-letter\"".to_owned(),
        ..Setup::default()
    };
    let scratch = refusing.write();
    let pipeline = scratch.start();
    for n in 0..3 {
        let answer = pipeline.post(&json!({ "do": "reject", "n": n }));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let letters = ls(&scratch);
    assert_eq!(letters.len(), 3);
    assert_eq!(
        (&letters[0]["connector"], &letters[0]["origin"]),
        (&json!("test/webhook"), &json!("/hook"))
    );
    // Refused again, it is a letter again; nothing is lost on the way.
    let again = dlq(&scratch, "replay", &[&id(&letters[0])]).expect_err("refused again");
    assert!(again.contains("1 of 1 letters failed again"), "{again}");
    assert_eq!(ls(&scratch).len(), 3);
    let discarded = dlq(&scratch, "discard", &[&id(&letters[1])]).expect("discarded");
    assert_eq!(discarded[0]["outcome"], "discarded");
    pipeline.stop();

    let kept = dlq(&scratch, "replay", &["--all"]).expect_err("the source does not run");
    assert!(
        kept.contains("start the pipeline first") && kept.contains("2 of 2"),
        "{kept}"
    );
    scratch.set(&Setup {
        source: "builtin:webhook-source".into(),
        ..refusing
    });
    let pipeline = scratch.start();
    let done = dlq(&scratch, "replay", &["--all", "--connector", "webhook"]).expect("replayed");
    assert_eq!(done.as_array().map(Vec::len), Some(2), "{done}");
    pipeline.until("two rows", |_| scratch.rows() == 2);
    assert_eq!(ls(&scratch), Vec::<Value>::new());
    pipeline.stop();
    let mut stored: Vec<u64> = scratch
        .query("SELECT VALUE n FROM payments")
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    stored.sort_unstable();
    assert_eq!(stored, [0, 2], "number 1 was given up");
}

#[test]
fn letters_of_a_pipeline_on_danubes_wire_are_kept_here_and_replayed_there() {
    let site = tempfile::tempdir().expect("a directory");
    let (broker, address) = Pipeline::broker(&site.path().join("broker"), "127.0.0.1:0", &[]);
    letters_on_danubes_wire(&format!("http://{address}"), "/stripe/payments");
    broker.stop();
}

/// `make test-danube DANUBE_URL=http://HOST:PORT`.
#[test]
fn letters_of_a_pipeline_on_a_real_danube_are_kept_here_and_replayed_there() {
    let Ok(url) = std::env::var("DANUBE_URL") else {
        println!("skipped: DANUBE_URL names no broker");
        return;
    };
    letters_on_danubes_wire(&url, &format!("/default/letters-{:x}", rand::random::<u64>()));
}

fn letters_on_danubes_wire(url: &str, topic: &str) {
    let scratch = Setup {
        schema: false,
        topic: topic.to_owned(),
        top: format!("danube_service_url = \"{url}\""),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    pipeline.post(&json!({ "n": 1000 }));
    pipeline.until("the table", |_| scratch.rows() == 1);
    write(&scratch, "DEFINE FIELD n ON payments TYPE int ASSERT $value >= 1000");
    // More than the window that Danube gives.
    for n in 0..15 {
        assert_eq!(pipeline.post(&json!({ "n": n })).status, 200);
    }
    pipeline.until("all are letters here", |_| ls(&scratch).len() == 15);
    write(&scratch, "DEFINE FIELD OVERWRITE n ON payments TYPE int");
    pipeline.stop();
    assert_eq!(ls(&scratch).len(), 15, "they are on this machine");
    dlq(&scratch, "discard", &[&id(&ls(&scratch)[0])]).expect("discarded");
    // The broker takes a message while the pipeline is stopped.
    dlq(&scratch, "replay", &[&id(&ls(&scratch)[0])]).expect("replayed");
    assert_eq!((ls(&scratch).len(), scratch.rows()), (13, 1));
    let pipeline = scratch.start();
    pipeline.until("the row", |_| scratch.rows() == 2);
    dlq(&scratch, "replay", &["--all"]).expect("replayed");
    pipeline.until("all rows", |_| scratch.rows() == 15);
    assert_eq!(ls(&scratch), Vec::<Value>::new());
    pipeline.stop();
}
