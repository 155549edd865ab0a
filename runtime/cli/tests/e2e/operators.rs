//! What an operator sees and changes, of a running pipeline and of a stopped one.

use serde_json::Value;

use crate::{
    harness::{Pipeline, Scratch, Setup, cli, operate, payment, root, texts::DatabaseSink},
    site::{Part, Site, run},
};

fn named<'a>(values: &'a Value, topic: &str) -> Option<&'a Value> {
    values
        .as_array()
        .expect("an array")
        .iter()
        .find(|value| value["topic"] == topic)
}

#[test]
fn topics_and_subscriptions_are_listed_and_deleted_while_it_runs_and_when_it_is_stopped() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    for i in 0..20 {
        assert_eq!(pipeline.post(&payment(i)).status, 200);
    }
    pipeline.until("all are written", |_| scratch.rows() == 20);

    let topics = operate(&scratch.file(), &["topics", "ls"]).expect("topics");
    let topic = named(&topics, "/stripe/payments").expect("the topic");
    assert_eq!(
        (&topic["partitions"], &topic["subscriptions"][0]),
        (&4.into(), &"test-sink".into())
    );
    assert!(named(&topics, "/stripe/dlq-test--surrealdb").is_some(), "{topics}");
    pipeline.until("everything is acknowledged", |_| {
        let subscriptions = operate(&scratch.file(), &["subscriptions", "lag"]).expect("subscriptions");
        named(&subscriptions, "/stripe/payments").expect("the subscription")["lag"] == 0
    });
    let subscriptions = operate(&scratch.file(), &["subscriptions", "ls"]).expect("subscriptions");
    let subscription = named(&subscriptions, "/stripe/payments").expect("the subscription");
    assert_eq!(subscription["subscription_type"], "Shared");
    assert_eq!(
        subscription["consumers"].as_array().map(Vec::len),
        Some(1),
        "{subscription}"
    );
    let delete = ["subscriptions", "delete", "/stripe/payments", "test-sink"];
    let refused = operate(&scratch.file(), &delete).expect_err("it is in use");
    assert!(refused.contains("--force"), "{refused}");
    pipeline.stop();

    let subscriptions = operate(&scratch.file(), &["subscriptions", "ls"]).expect("subscriptions");
    let subscription = named(&subscriptions, "/stripe/payments").expect("its position stays");
    assert_eq!(
        (&subscription["lag"], &subscription["consumers"]),
        (&0.into(), &Value::Array(vec![]))
    );
    let seek = [
        "subscriptions",
        "seek",
        "/stripe/payments",
        "test-sink",
        "--to",
        "latest",
    ];
    assert_eq!(operate(&scratch.file(), &seek).expect("moved")[0]["lag"], 0);
    operate(&scratch.file(), &delete).expect("nobody uses it");
    operate(&scratch.file(), &["topics", "delete", "/stripe/payments"]).expect("nobody uses it");
    let topics = operate(&scratch.file(), &["topics", "ls"]).expect("topics");
    assert!(named(&topics, "/stripe/payments").is_none(), "{topics}");
    let unknown = operate(&scratch.file(), &["topics", "delete", "/stripe/payments"]).expect_err("it is gone");
    assert!(unknown.contains("/stripe/payments"), "{unknown}");
}

#[test]
fn a_place_without_a_log_is_said_and_not_made() {
    let scratch = Setup::default().write();
    let refused = operate(&scratch.file(), &["topics", "ls"]).expect_err("it never ran");
    assert!(refused.contains("is not there"), "{refused}");
    assert!(!scratch.path().join("data").exists());
}

#[test]
fn a_danube_that_is_not_operated_from_here_yet_is_said_with_the_key_that_makes_it() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = site.file("source", Part::Source, &address, false);
    let output = cli(["topics", "ls", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("danube.admin_url = \"http://HOST:50051\"") && said.contains("data directory"),
        "{said}"
    );
    // As it says: our own broker is asked by its data directory.
    let place = site.dir.path().join("broker").display().to_string();
    assert!(cli(["topics", "ls", &place]).status.success());
    broker.stop();
}

#[test]
fn letters_in_danube_are_on_a_shared_subscription_because_failover_does_not_fail_over() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = run(&site.file("source", Part::Source, &address, false));
    let place = site.dir.path().join("broker").display().to_string();
    let output = cli(["subscriptions", "ls", &place, "--json"]);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let letters = all.iter().find(|s| s["subscription"] == "danube-wasm-dlq");
    assert_eq!(letters.expect("letters")["subscription_type"], "Shared");
    source.stop();
    broker.stop();
}

const SEEK: [&str; 6] = [
    "subscriptions",
    "seek",
    "/stripe/payments",
    "test-sink",
    "--to",
    "earliest",
];

/// A second sink, on a subscription of its own.
fn second() -> String {
    let sink = DatabaseSink {
        name: "second",
        url: "surrealkv://data/second",
        subscription: "second",
        ..DatabaseSink::default()
    };
    sink.to_string()
}

/// What a verb prints, and what it says beside.
fn said(scratch: &Scratch, args: &[&str]) -> (String, String) {
    let file = scratch.file().display().to_string();
    let (verb, rest) = args.split_at(2);
    let output = cli(verb.iter().copied().chain([&*file]).chain(rest.iter().copied()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn payments(scratch: &Scratch) -> Value {
    let topics = operate(&scratch.file(), &["topics", "ls"]).expect("topics");
    named(&topics, "/stripe/payments").expect("the topic").clone()
}

/// The page for operators shows the columns as they are.
fn is_documented(printed: &str) {
    let page = std::fs::read_to_string(root().join("docs/operations.md")).expect("the page");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let heading = words(printed.lines().next().expect("a heading"));
    assert!(page.lines().any(|line| words(line) == heading), "{heading:?}");
}

#[test]
fn what_was_consumed_is_there_for_a_move_and_for_a_second_sink() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    for i in 0..20 {
        assert_eq!(pipeline.post(&payment(i)).status, 200);
    }
    pipeline.until("all are consumed", |_| payments(&scratch)["consumed"] == 20);
    assert_eq!(payments(&scratch)["messages"], 20);
    pipeline.until("the metrics have it", |p| {
        let (_, text) = p.admin("/metrics");
        text.contains("danube_wasm_topic_consumed_messages{topic=\"/stripe/payments\"} 20")
    });
    let moved = operate(&scratch.file(), &SEEK).expect("moved");
    assert_eq!(
        (&moved[0]["read_again"], &moved[0]["left_out"], &moved[0]["gone"]),
        (&20.into(), &0.into(), &0.into())
    );
    pipeline.until("all are consumed again", |_| payments(&scratch)["consumed"] == 20);
    assert_eq!(scratch.rows(), 20, "each met its own row");
    let (_, beside) = said(&scratch, &SEEK);
    assert_eq!(beside, "");
    pipeline.until("all are consumed once more", |_| payments(&scratch)["consumed"] == 20);
    for verb in [&["topics", "ls"][..], &["subscriptions", "ls"], &SEEK] {
        is_documented(&said(&scratch, verb).0);
    }
    pipeline.stop();

    scratch.set(&Setup {
        bottom: second(),
        ..Setup::default()
    });
    let pipeline = scratch.start();
    let file = scratch.file().display().to_string();
    pipeline.until("the second sink has all from the earliest", |_| {
        let statement = "SELECT count() AS n FROM payments GROUP ALL";
        let output = cli(["query", "--json", "--sink", "second", &file, statement]);
        let values: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        values[0][0]["n"] == 20
    });
    pipeline.stop();
}

#[test]
fn a_move_to_messages_that_are_gone_says_so() {
    let scratch = Setup {
        top: "[retention]\nkeep_secs = 0".into(),
        ..Setup::default()
    };
    let scratch = scratch.write();
    let pipeline = scratch.start();
    for i in 0..20 {
        assert_eq!(pipeline.post(&payment(i)).status, 200);
    }
    pipeline.until("all are consumed", |_| {
        scratch.rows() == 20 && payments(&scratch)["messages"] == 0
    });
    let (table, beside) = said(&scratch, &SEEK);
    assert!(table.contains("read again"), "{table}");
    assert!(
        beside.contains("20 older messages of /stripe/payments are gone") && beside.contains("keep_secs"),
        "{beside}"
    );
    pipeline.stop();
}

#[test]
fn the_subscription_of_a_removed_sink_is_warned_of_with_the_command_that_deletes_it() {
    let with_second = Setup {
        bottom: second(),
        ..Setup::default()
    };
    let scratch = with_second.write();
    let pipeline = scratch.start();
    let (_, beside) = said(&scratch, &["subscriptions", "ls"]);
    assert_eq!(beside, "");
    scratch.set(&Setup::default());
    pipeline.signal("HUP");
    pipeline.until("it was applied", |p| p.logged("the file was applied again") == 1);
    let file = scratch.file().display().to_string();
    let delete = format!("danube-wasm subscriptions delete {file} /stripe/payments second");
    pipeline.until("the reload warns", |p| p.dump().contains(&delete));
    for i in 0..5 {
        assert_eq!(pipeline.post(&payment(i)).status, 200);
    }
    pipeline.stop();
    let pipeline = scratch.start();
    pipeline.until("the start warns", |p| p.dump().contains(&format!("{delete} --force")));
    let (_, beside) = said(&scratch, &["subscriptions", "ls"]);
    assert!(beside.contains(&format!("{delete} --force")), "{beside}");
    assert!(beside.contains("5 so far"), "{beside}");
    let listed = operate(&scratch.file(), &["subscriptions", "ls"]).expect("subscriptions");
    let unused = listed
        .as_array()
        .expect("an array")
        .iter()
        .filter(|s| s["unused"] == true);
    assert_eq!(unused.map(|s| &s["subscription"]).collect::<Vec<_>>(), ["second"]);
    operate(
        &scratch.file(),
        &["subscriptions", "delete", "/stripe/payments", "second", "--force"],
    )
    .expect("as it says");
    let (_, beside) = said(&scratch, &["subscriptions", "ls"]);
    assert_eq!(beside, "");
    pipeline.stop();
}

#[test]
fn data_is_kept_where_the_environment_says_if_the_file_does_not() {
    let scratch = Setup::default().write();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let data = elsewhere.path().join("data").display().to_string();
    let pipeline = Pipeline::spawn_with(&scratch.file(), &[("DANUBE_WASM_DATA_DIR", &data)]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    assert!(elsewhere.path().join("data/log/log.redb").exists());
    assert!(!scratch.path().join("data/log").exists());
    pipeline.stop();

    scratch.set(&Setup {
        top: "data_dir = \"mine\"".into(),
        ..Setup::default()
    });
    let pipeline = Pipeline::spawn_with(&scratch.file(), &[("DANUBE_WASM_DATA_DIR", &data)]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    assert!(scratch.path().join("mine/log/log.redb").exists(), "the file holds");
    pipeline.stop();
}
