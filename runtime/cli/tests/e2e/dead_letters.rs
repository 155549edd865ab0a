//! Dead letters that nothing may lose, mix or hide: of events that crash their source, of records that the broker refuses, of
//! pipelines that share a broker, and more of them than a subscription's window.

use std::{path::Path, process::Output};

use danube_wasm_broker::{
    Broker, ConsumerOptions, Outgoing, StartAt, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{ConnectorId, RecordId, SubscriptionType, TopicName};
use serde_json::{Value, json};

use crate::{
    fake::{Act, Fake},
    harness::{self, Pipeline, Scratch, Setup, cli, payment},
};

fn dlq(file: &Path, verb: &str, rest: &[&str]) -> (i32, Value, String) {
    let file = file.display().to_string();
    let all = ["dlq", verb, &file].into_iter().chain(rest.iter().copied());
    let Output { status, stdout, stderr } = cli(all.chain(["--json"]));
    let said = String::from_utf8_lossy(&stderr).into_owned();
    let value = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code().expect("a code"), value, said)
}

fn ls(file: &Path) -> Vec<Value> {
    let (code, list, said) = dlq(file, "ls", &[]);
    assert_eq!(code, 0, "{said}");
    list.as_array().expect("an array").clone()
}

fn id(letter: &Value) -> &str {
    letter["id"].as_str().expect("an id")
}

#[test]
fn an_event_that_crashes_its_source_is_a_letter_whatever_its_sender_is_told() {
    let setup = |endpoint: &str| Setup {
        source: harness::guest("misbehave"),
        schema: false,
        endpoint: endpoint.to_owned(),
        ..Setup::default()
    };
    for (endpoint, status) in [("", 500), ("on_failure = \"dead-letter\"", 200)] {
        let scratch = setup(endpoint).write();
        let pipeline = scratch.start();
        let answer = pipeline.post(&json!({ "do": "trap", "n": 1 }));
        assert_eq!(answer.status, status, "{answer:?}");
        let letters = ls(&scratch.file());
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(
            (&letters[0]["connector"], &letters[0]["reason"], &letters[0]["origin"]),
            (&json!("test/webhook"), &json!("crashed"), &json!("/hook"))
        );
        for (n, what) in ["loop", "bomb", "bad-columns"].into_iter().enumerate() {
            let answer = pipeline.post(&json!({ "do": what, "n": n }));
            assert_eq!(answer.status, status, "{what}: {answer:?}");
        }
        assert_eq!(ls(&scratch.file()).len(), 4);
        let letter = id(&letters[0]).to_owned();
        let (_, shown, _) = dlq(&scratch.file(), "show", &[&letter]);
        assert_eq!(shown["payload"], json!({ "do": "trap", "n": 1 }));
        assert!(
            shown["backtrace"].as_array().is_some_and(|frames| !frames.is_empty()),
            "{shown}"
        );

        // It crashes the component again: that is said, and it is a letter once.
        let (code, again, said) = dlq(&scratch.file(), "replay", &[&letter]);
        assert_eq!((code, &again[0]["outcome"]), (1, &json!("failed again")), "{said}");
        assert_eq!(ls(&scratch.file()).iter().filter(|l| id(l) == letter).count(), 1);
        let place = scratch.file().display().to_string();
        let offline = cli(["replay", &place, &letter, "--json"]);
        let offline: Value = serde_json::from_slice(&offline.stdout).expect("JSON");
        assert_eq!(offline["verdict"], "same_failure", "{offline:#}");

        scratch.set(&Setup {
            source: "builtin:webhook-source".into(),
            ..setup(endpoint)
        });
        pipeline.signal("HUP");
        pipeline.until("it was applied", |p| p.logged("the file was applied again") == 1);
        let (code, done, said) = dlq(&scratch.file(), "replay", &["--all"]);
        assert_eq!((code, done.as_array().map(Vec::len)), (0, Some(4)), "{said}");
        pipeline.until("the rows", |_| scratch.rows() == 4);
        assert_eq!(ls(&scratch.file()), Vec::<Value>::new());
        pipeline.stop();
    }
}

/// A Stripe event with a customer that the schema does not know was answered 500 for three days, and kept nowhere.
#[test]
fn what_the_component_made_and_the_schema_refuses_is_the_datas_fault() {
    let mut event = payment(7);
    event["customer_id"] = "user_42".into();
    for (endpoint, status) in [("", 422), ("on_invalid = \"dead-letter\"", 200)] {
        let scratch = Setup {
            source: harness::guest("fan_out_three"),
            endpoint: endpoint.to_owned(),
            ..Setup::default()
        }
        .write();
        let pipeline = scratch.start();
        let headers = [("idempotency-key", "evt_42")];
        let answer = pipeline.post_with(&headers, event.to_string());
        assert_eq!(answer.status, status, "{answer:?}");
        let refused =
            "the record that the component made of it for /stripe/payments violates schema `stripe-payment-v1`";
        pipeline.until("it is said", |p| p.log(refused).is_some());
        let line = pipeline.log(refused).expect("it is said");
        assert_eq!((&line["event"], &line["endpoint"]), (&json!("evt_42"), &json!("/hook")));
        let letters = ls(&scratch.file());
        match status {
            422 => {
                let violations = answer.body["violations"].to_string();
                assert!(violations.contains("/customer_id"), "{violations}");
                assert_eq!(letters, Vec::<Value>::new());
            }
            _ => {
                assert_eq!((letters.len(), &letters[0]["reason"]), (1, &json!("refused")));
                let (_, shown, _) = dlq(&scratch.file(), "show", &[id(&letters[0])]);
                assert!(shown["violations"].to_string().contains("/customer_id"), "{shown}");
                // Refused again, it is a letter again, and the verb says so.
                let (code, again, said) = dlq(&scratch.file(), "replay", &[id(&letters[0])]);
                assert_eq!((code, &again[0]["outcome"]), (1, &json!("failed again")), "{said}");
                assert!(said.contains("1 of 1 letters failed again"), "{said}");
                assert_eq!(ls(&scratch.file()).len(), 1);
            }
        }
        pipeline.stop();
    }
}

/// `name`, one sink that dies of poison with a subscription of its own, on this broker.
fn pipeline_of(name: &str, broker: &str) -> Scratch {
    let scratch = Setup {
        sink: harness::guest("poison_sink"),
        schema: false,
        top: format!("danube_service_url = \"http://{broker}\""),
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let text = text.replace("name = \"test\"", &format!("name = \"{name}\""));
    let text = text.replace("\"test-sink\"", &format!("\"{name}-sink\""));
    std::fs::write(scratch.file(), text).expect("the file");
    scratch
}

fn letter(topic: &TopicName, connector: &str, n: usize) -> Outgoing {
    let attributes = [
        ("dlq.reason", "crashed"),
        ("dlq.message", "why"),
        ("dlq.connector", connector),
        ("dlq.origin", "/stripe/payments"),
        ("dlq.id", &format!("old-{n}")),
        ("dlq.publish-time-ms", "1700000000000"),
    ];
    Outgoing {
        topic: topic.clone(),
        key: None,
        payload: format!("{{\"n\":{n}}}").into_bytes().into(),
        attributes: attributes.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        id: RecordId::from_broker(format!("{connector}:old-{n}.0")),
        schema: None,
    }
}

/// A log with these letters in a topic, as a process of an earlier time left them.
fn log_with(dir: &Path, topic: &TopicName, letters: Vec<Outgoing>, subscription_type: SubscriptionType) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let log = EmbeddedBroker::open(dir, EmbeddedOptions::default()).expect("a log");
        let spec = TopicSpec {
            reliable_dispatch: true,
            ..TopicSpec::default()
        };
        log.create_topic(topic, spec.clone()).await.expect("a topic");
        let fed = TopicSpec { partitions: 4, ..spec };
        let feeds = "/stripe/payments".parse().expect("a topic");
        log.create_topic(&feeds, fed).await.expect("a topic");
        let options = ConsumerOptions {
            topic: topic.clone(),
            subscription: "danube-wasm-dlq".to_owned(),
            subscription_type,
            consumer: "danube-wasm-dlq-keep".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 1,
        };
        drop(log.subscribe(options).await.expect("a subscription"));
        let publisher = log.publisher("test").await.expect("a publisher");
        for some in letters.chunks(1000) {
            for result in publisher.publish(vec![some.to_vec()]).await {
                result.expect("published");
            }
        }
        log.close().await.expect("closed");
    });
}

#[test]
fn pipelines_that_share_a_broker_have_each_its_own_letters() {
    let site = tempfile::tempdir().expect("a directory");
    let dir = site.path().join("broker");
    let former: TopicName = "/stripe/dlq-surrealdb".parse().expect("a topic");
    let old = ["eu/surrealdb", "us/surrealdb", "us/surrealdb"].into_iter().enumerate();
    let old = old.map(|(n, connector)| letter(&former, connector, n)).collect();
    log_with(&dir.join("log"), &former, old, SubscriptionType::Shared);
    let (broker, address) = Pipeline::broker(&dir, "127.0.0.1:0", &[]);
    let (eu, us) = (pipeline_of("eu", &address), pipeline_of("us", &address));
    // Alone at first: what is the other's waits for it.
    let eu_runs = eu.start();
    eu_runs.until("the letter of its own former topic", |_| ls(&eu.file()).len() == 1);
    let us_runs = us.start();
    us_runs.until("the letters of its own former topic", |_| ls(&us.file()).len() == 2);
    for n in 0..10 {
        assert_eq!(eu_runs.post(&json!({ "poison": true, "n": n })).status, 200);
    }
    for (scratch, runs, name, former) in [(&eu, &eu_runs, "eu", 1), (&us, &us_runs, "us", 2)] {
        runs.until("a letter of each message", |_| ls(&scratch.file()).len() >= 10 + former);
        let letters = ls(&scratch.file());
        assert_eq!(letters.len(), 10 + former);
        for letter in letters {
            assert_eq!(letter["connector"], format!("{name}/surrealdb"));
        }
    }
    eu_runs.stop();
    us_runs.stop();
    broker.stop();
}

#[test]
fn more_letters_than_a_window_are_listed_shown_and_dealt_with_by_id() {
    // A consumer is given 65,536 messages at most before it acknowledges one.
    const LETTERS: usize = 66_000;
    let scratch = Setup {
        schema: false,
        ..Setup::default()
    }
    .write();
    let topic: TopicName = "/stripe/payments".parse().expect("a topic");
    let connector = ConnectorId::try_new("test", "surrealdb").expect("a name");
    let topic = topic.dead_letters_of(&connector);
    let letters = (0..LETTERS).map(|n| letter(&topic, "test/surrealdb", n)).collect();
    let log = scratch.path().join("data/log");
    log_with(&log, &topic, letters, SubscriptionType::Failover);

    let (code, list, said) = dlq(&scratch.file(), "ls", &[]);
    assert_eq!((code, list.as_array().map(Vec::len)), (0, Some(1000)), "{said}");
    assert!(said.contains("65000 more"), "{said}");
    let last = format!("old-{}", LETTERS - 1);
    let (code, shown, said) = dlq(&scratch.file(), "show", &[&last]);
    assert_eq!((code, &shown["payload"]), (0, &json!({ "n": LETTERS - 1 })), "{said}");
    let (code, done, said) = dlq(&scratch.file(), "discard", &[&last]);
    assert_eq!((code, &done[0]["outcome"]), (0, &json!("discarded")), "{said}");
    let before = format!("old-{}", LETTERS - 2);
    let (code, done, said) = dlq(&scratch.file(), "replay", &[&before]);
    assert_eq!((code, &done[0]["outcome"]), (0, &json!("replayed")), "{said}");
    let (_, _, said) = dlq(&scratch.file(), "ls", &[]);
    assert!(said.contains("64998 more"), "{said}");
}

#[test]
fn a_record_that_the_broker_refuses_behind_a_buffer_is_a_letter() {
    let fake = Fake::start();
    let topic = "/default/orders";
    let scratch = Setup {
        schema: false,
        topic: topic.to_owned(),
        top: format!("danube_service_url = \"http://{}\"", fake.address()),
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let buffer = "buffer = { type = \"disk\", max_bytes = 1073741824, broker_flush_ms = 0 }\n[sources.webhook]";
    std::fs::write(scratch.file(), text.replacen("[sources.webhook]", buffer, 1)).expect("the file");
    let refused = "Unable to publish the message: it exceeds maximum allowed size";
    fake.wire.state.script(move |call| match call.method {
        "send_message" if call.about.starts_with(topic) => Act::Fail(tonic::Status::permission_denied(refused)),
        _ => Act::Pass,
    });
    let pipeline = scratch.start();
    assert_eq!(pipeline.post(&json!({ "n": 1 })).status, 200, "it is on this disk");
    pipeline.until("it is a letter", |_| ls(&scratch.file()).len() == 1);
    let letters = ls(&scratch.file());
    assert_eq!(
        (&letters[0]["connector"], &letters[0]["reason"], &letters[0]["origin"]),
        (&json!("test/webhook"), &json!("broker_refused"), &json!(topic))
    );
    let (_, metrics) = pipeline.admin("/metrics");
    let counted = "danube_wasm_dead_letters_total{connector=\"test/webhook\",reason=\"broker_refused\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let letter = id(&letters[0]);
    let (code, kept, said) = dlq(&scratch.file(), "replay", &[letter]);
    assert_eq!((code, &kept[0]["outcome"]), (1, &json!("kept")), "{said}");
    fake.wire.state.behave();
    let (code, done, said) = dlq(&scratch.file(), "replay", &[letter]);
    assert_eq!((code, &done[0]["outcome"]), (0, &json!("replayed")), "{said}");
    assert_eq!(ls(&scratch.file()), Vec::<Value>::new());
    pipeline.until("it is a row", |_| scratch.rows() == 1);
    pipeline.stop();
}

/// Danube answers before its disk has a record; danube-wasm's own broker, behind the same client, syncs it.
#[test]
fn a_200_that_does_not_mean_a_disk_says_so_at_the_start_and_in_the_answer() {
    let site = tempfile::tempdir().expect("a directory");
    let fake = Fake::start();
    let (broker, own) = Pipeline::broker(&site.path().join("broker"), "127.0.0.1:0", &[]);
    let said = "senders are answered 200 before their records are on a disk";
    for (address, durable) in [(fake.address(), false), (own, true)] {
        let scratch = Setup {
            schema: false,
            topic: "/default/orders".to_owned(),
            top: format!("danube_service_url = \"http://{address}\""),
            ..Setup::default()
        }
        .write();
        let pipeline = scratch.start();
        assert_eq!(pipeline.dump().contains(said), !durable);
        let answer = pipeline.post(&json!({ "n": 1 }));
        assert_eq!((answer.status, &answer.body["durable"]), (200, &json!(durable)));
        pipeline.stop();
    }
    broker.stop();
}

#[test]
fn a_verb_asks_only_for_the_secrets_that_it_needs() {
    let scratch = Setup {
        source: harness::guest("misbehave"),
        schema: false,
        endpoint: "on_invalid = \"dead-letter\"".to_owned(),
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let secret = text.replace(
        &format!("secrets = [\"{}\"]", harness::KEY),
        "secrets = [\"${DLQ_TEST_KEY}\"]",
    );
    assert_ne!(text, secret);
    std::fs::write(scratch.file(), secret).expect("the file");
    let pipeline = Pipeline::spawn_with(&scratch.file(), &[("DLQ_TEST_KEY", harness::KEY)]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    assert_eq!(pipeline.post(&json!({ "do": "reject" })).status, 200);
    assert_eq!(pipeline.post(&json!({ "n": 1 })).status, 200);
    pipeline.until("a row", |_| scratch.rows() == 1);
    let place = scratch.file().display().to_string();
    let asks = |verb: &[&str]| {
        let output = cli(verb.iter().copied());
        assert!(
            output.status.success(),
            "{verb:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let all = |letter: &str| {
        asks(&["dlq", "ls", &place]);
        asks(&["dlq", "show", &place, letter]);
        asks(&["dlq", "replay", &place, letter, "--dry-run"]);
        asks(&["query", &place, "SELECT * FROM payments"]);
        asks(&["topics", "ls", &place]);
        asks(&["subscriptions", "lag", &place]);
    };
    let letters = ls(&scratch.file());
    let letter = id(&letters[0]).to_owned();
    all(&letter);
    pipeline.stop();
    all(&letter);
    let output = cli(["replay", &place, &letter]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    asks(&["dlq", "discard", &place, &letter]);
    let checked = cli(["check", &place]);
    assert_eq!(checked.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("DLQ_TEST_KEY"));

    // What is needed is asked for.
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    let remote = text.replace(
        "url = \"surrealkv://data/db\"",
        "url = \"ws://127.0.0.1:1\"\nusername = \"root\"\npassword = \"${DLQ_TEST_PASSWORD}\"",
    );
    std::fs::write(scratch.file(), remote).expect("the file");
    asks(&["dlq", "ls", &place]);
    let asked = cli(["query", &place, "SELECT 1"]);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert_eq!(asked.status.code(), Some(78), "{said}");
    assert!(
        said.contains("DLQ_TEST_PASSWORD") && !said.contains("DLQ_TEST_KEY"),
        "{said}"
    );
}
