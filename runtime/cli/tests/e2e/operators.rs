//! What an operator sees and changes, of a running pipeline and of a stopped one.

use serde_json::Value;

use crate::{
    harness::{Scratch, Setup, cli, payment},
    site::{Part, Site, run},
};

fn operate(scratch: &Scratch, args: &[&str]) -> Result<Value, String> {
    let file = scratch.file().display().to_string();
    let (verb, rest) = args.split_at(2);
    let all = verb
        .iter()
        .copied()
        .chain([&*file])
        .chain(rest.iter().copied())
        .chain(["--json"]);
    let output = cli(all);
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

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

    let topics = operate(&scratch, &["topics", "ls"]).expect("topics");
    let topic = named(&topics, "/stripe/payments").expect("the topic");
    assert_eq!(
        (&topic["partitions"], &topic["subscriptions"][0]),
        (&4.into(), &"test-sink".into())
    );
    assert!(named(&topics, "/stripe/dlq-surrealdb").is_some(), "{topics}");
    pipeline.until("everything is acknowledged", |_| {
        let subscriptions = operate(&scratch, &["subscriptions", "lag"]).expect("subscriptions");
        named(&subscriptions, "/stripe/payments").expect("the subscription")["lag"] == 0
    });
    let subscriptions = operate(&scratch, &["subscriptions", "ls"]).expect("subscriptions");
    let subscription = named(&subscriptions, "/stripe/payments").expect("the subscription");
    assert_eq!(subscription["subscription_type"], "Shared");
    assert_eq!(
        subscription["consumers"].as_array().map(Vec::len),
        Some(1),
        "{subscription}"
    );
    let delete = ["subscriptions", "delete", "/stripe/payments", "test-sink"];
    let refused = operate(&scratch, &delete).expect_err("it is in use");
    assert!(refused.contains("--force"), "{refused}");
    pipeline.stop();

    let subscriptions = operate(&scratch, &["subscriptions", "ls"]).expect("subscriptions");
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
    assert_eq!(operate(&scratch, &seek).expect("moved")[0]["lag"], 0);
    operate(&scratch, &delete).expect("nobody uses it");
    operate(&scratch, &["topics", "delete", "/stripe/payments"]).expect("nobody uses it");
    let topics = operate(&scratch, &["topics", "ls"]).expect("topics");
    assert!(named(&topics, "/stripe/payments").is_none(), "{topics}");
    let unknown = operate(&scratch, &["topics", "delete", "/stripe/payments"]).expect_err("it is gone");
    assert!(unknown.contains("/stripe/payments"), "{unknown}");
}

#[test]
fn a_place_without_a_log_is_said_and_not_made() {
    let scratch = Setup::default().write();
    let refused = operate(&scratch, &["topics", "ls"]).expect_err("it never ran");
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
