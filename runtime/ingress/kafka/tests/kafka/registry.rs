//! Records whose schemas are in a registry.

use danube_wasm_connector::Outcome;
use danube_wasm_pipeline::Status;
use danube_wasm_test_certs::{Authority, write_pem};
use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use crate::support::{
    client::{committed, create},
    registry::{self, Gate, asked},
    server::{shared, unique},
    source::{KafkaProcess as _, Log, Process, Record, errors, new_log, probe, route, table_of, texts_of},
};

/// A route of values that name their schemas.
fn framed(topic: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    route(topic, &format!("value = \"registry\"{comma}{more}"))
}

/// A table with a registry.
fn table(brokers: &str, group: &str, url: &str, more: &str, route: &str) -> String {
    table_of(
        brokers,
        group,
        &format!("schema_registry = {{ url = \"{url}\"{more} }}"),
        route,
    )
}

/// The records of what a scenario produces.
async fn records_of(scenario: &str, route_more: &str, count: usize) -> Option<(Log, Vec<Record>, Vec<u32>)> {
    let (kafka, registry) = (shared().await?, registry::shared().await?);
    let topic = unique(&scenario.replace('_', "-"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let table = table(
        &kafka.brokers(),
        &unique("group"),
        &registry.url(),
        "",
        &framed(&topic, route_more),
    );
    let process = Process::start(&log, &table).await;
    let ids = registry.produce(&kafka.brokers(), &topic, scenario).await;
    let records = log.records(count).await;
    process.stop().await;
    Some((log, records, ids))
}

fn document(record: &Record) -> Value {
    serde_json::from_str(&record.text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn avro_is_read_by_the_schema_that_it_was_written_with() {
    let Some((_, records, ids)) = records_of("avro", "key = \"registry\"", 4).await else {
        return;
    };
    let first = json!({"id": 9_007_199_254_740_993_i64, "price": "-12.30", "day": 19844, "at": 1_714_564_800_250_i64, "note": null,
        "to": {"city": "Zürich", "country": "CH"}, "back": {"city": "Köln", "country": "DE"}, "tags": {"a": 1}, "raw": "\u{0}ÿ"});
    assert_eq!(document(&records[0]), first);
    let second = document(&records[1]);
    assert_eq!((&second["note"], &second["back"]), (&json!("x"), &Value::Null));
    assert_eq!(
        (records[2].text.as_str(), records[2].attributes["change.op"].as_str()),
        ("", "delete")
    );
    assert_eq!(
        (&document(&records[3])["more"], ids[0] == ids[2]),
        (&json!(true), false)
    );
    let keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["order-1", "order-2", "order-1", "order-3"]);
    let attributes = &records[0].attributes;
    assert_eq!(attributes["content-type"], "application/json");
    assert_eq!(attributes["kafka.schema-id"], ids[0].to_string());
    assert_ne!(attributes["kafka.key-schema-id"], ids[0].to_string());
}

/// Clients that have no text register a descriptor, which this registry keeps as it is.
#[tokio::test(flavor = "multi_thread")]
async fn protobuf_is_read_as_the_message_that_its_place_says() {
    let Some((_, records, _)) = records_of("protobuf", "", 3).await else {
        return;
    };
    let order = json!({"orderId": "7", "to": {"city": "Bern"}, "at": "2024-05-01T12:00:00Z", "inner": {"quantity": 3}});
    let documents: Vec<_> = records.iter().map(document).collect();
    assert_eq!(documents, [json!({"a": 1}), order, json!({"quantity": 5})]);
    let places = records
        .iter()
        .map(|record| record.attributes["kafka.message-index"].as_str());
    assert_eq!(places.collect::<Vec<_>>(), ["0", "1", "1,1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_that_was_registered_as_text_is_read_with_its_imports() {
    let Some((_, records, _)) = records_of("protobuf_text", "", 1).await else {
        return;
    };
    assert_eq!(document(&records[0]), json!({"quantity": 8}));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_checked_with_its_schema_and_what_that_refers_to() {
    let Some((log, records, _)) = records_of("json_schema", "", 1).await else {
        return;
    };
    assert_eq!(document(&records[0]), json!({"id": 1, "to": {"city": "Bern"}}));
    let letters = log.dead_letters(1).await;
    let why = format!("{:?}", letters[0].attributes);
    assert!(
        why.contains("`/to/city`") && why.contains("record 1 of json-schema"),
        "{why}"
    );
}

/// No guess is made of what has no id; what has one is what its schema says, or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_dead_letter_left_out_or_the_end() {
    let (Some(kafka), Some(registry)) = (shared().await, registry::shared().await) else {
        return;
    };
    for policy in ["dead-letter", "skip", "stop"] {
        let (topic, group) = (unique("orders"), unique("group"));
        create(&kafka.brokers(), &topic, 1).await;
        registry.produce(&kafka.brokers(), &topic, "poison").await;
        let log = new_log();
        let route = framed(&topic, &format!("on_invalid = \"{policy}\""));
        let process = Process::start(&log, &table(&kafka.brokers(), &group, &registry.url(), "", &route)).await;
        if policy == "stop" {
            let ended = process
                .status("it stops", |status| matches!(status, Status::Failed(_)))
                .await;
            let place = format!("record 1 of {topic}/0");
            let why = format!("{ended:?}");
            assert!(
                why.contains(&place) && why.contains("does not know schema 999999"),
                "{why}"
            );
            process.stop().await;
            assert!(
                committed(&kafka.brokers(), &group, &topic, 1).await[0] <= 1,
                "it is not passed over"
            );
            continue;
        }
        assert_eq!(texts_of(&log.records(3).await), ["{\"n\":0}", "{\"n\":1}", "{\"n\":4}"]);
        if policy == "dead-letter" {
            letters(&log, &topic).await;
        }
        process.commits(&kafka.brokers(), &group, &topic, 7).await;
        process.stop().await;
    }
}

/// Each says why, and where it was.
async fn letters(log: &Log, topic: &str) {
    let mut letters = log.dead_letters(4).await;
    // They are kept side by side.
    letters.sort_by_key(|letter| letter.attributes["kafka.offset"].clone());
    let expected = [
        (1, "does not know schema 999999"),
        (3, "the datum ends, and 4 bytes follow it"),
        (4, "it begins with 0x7b"),
        (5, "no schema registry gives out an id such as 4294967295"),
    ];
    for (letter, (offset, words)) in letters.iter().zip(expected) {
        let why = format!("{:?}", letter.attributes);
        assert!(
            why.contains(&format!("record {offset} of {topic}/0")) && why.contains(words),
            "{words}: {why}"
        );
    }
    assert_eq!(letters[2].text, "{\"n\": 3}", "it is kept as it was");
}

/// Nothing is guessed and nothing is lost while nobody can say what a record is.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_holds_what_needs_it_and_nothing_else() {
    let (Some(kafka), Some(registry)) = (shared().await, registry::shared().await) else {
        return;
    };
    let (topic, plain, group) = (unique("orders"), unique("plain"), unique("group"));
    for topic in [&topic, &plain] {
        create(&kafka.brokers(), topic, 1).await;
    }
    registry.produce(&kafka.brokers(), &topic, "protobuf").await;
    let port = servers::free_port();
    let routes = format!("{}, {}", framed(&topic, ""), route(&plain, ""));
    let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &url, "", &routes)).await;
    holds(&process, "cannot be connected to").await;
    for (answer, words) in [
        ((503, "later"), "answers 503"),
        ((404, "<html>"), "correct the path"),
        ((200, "<html>"), "that is no schema"),
        ((302, ""), "redirects are not followed"),
    ] {
        let gate = Gate {
            answer: Some(answer),
            ..Gate::default()
        };
        let _open = gate.open(&registry, port).await;
        holds(&process, words).await;
    }
    crate::support::client::produce(&kafka.brokers(), &plain, ["plain"]).await;
    assert_eq!(texts_of(&log.records(1).await), ["plain"], "the others go on");
    assert!(
        committed(&kafka.brokers(), &group, &topic, 1).await[0] <= 0,
        "nothing is passed over"
    );
    let open = Gate::default().open(&registry, port).await;
    let records = log.records(4).await;
    let documents: Vec<_> = records[1..].iter().map(document).collect();
    assert_eq!(
        (&documents[0], &documents[2]),
        (&json!({"a": 1}), &json!({"quantity": 5}))
    );
    let count = asked(port).await;
    let times: Vec<_> = count.as_object().expect("paths").values().collect();
    assert!(
        times.len() == 2 && times.iter().all(|times| **times == json!(1)),
        "each is asked for once: {count}"
    );
    drop(open);
    // What is known needs no registry.
    registry.produce(&kafka.brokers(), &topic, "protobuf").await;
    log.records(7).await;
    process.commits(&kafka.brokers(), &group, &topic, 6).await;
    process.stop().await;
}

/// The status says why records wait.
async fn holds(process: &Process, words: &str) {
    let what = format!("it waits: {words}");
    let says = |status: &Status| status.reason().is_some_and(|why| why.contains(words));
    process.status(&what, says).await;
}

/// By user, by token, by authority; and `check --connect` finds what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn the_registry_lets_in_whom_it_knows_and_is_trusted_by_its_authority() {
    let (Some(kafka), Some(registry)) = (shared().await, registry::shared().await) else {
        return;
    };
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    registry.produce(&kafka.brokers(), &topic, "protobuf").await;
    let dir = tempfile::tempdir().expect("a directory");
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let pem = write_pem(dir.path(), "gate.pem", &format!("{}{}", identity.cert, identity.key));
    let ca = write_pem(dir.path(), "ca.pem", &authority.pem());
    let other = write_pem(dir.path(), "other.pem", &Authority::new().pem());
    let trusting = |ca: &std::path::Path| format!(", tls = {{ ca_file = \"{}\" }}", ca.display());
    let user = ", username = \"danube\", password = \"secret\"";
    for (authorization, right, wrong) in [
        ("Basic ZGFudWJlOnNlY3JldA==", user, ", token = \"secret\""),
        ("Bearer secret", ", token = \"secret\"", ""),
    ] {
        let port = servers::free_port();
        let gate = Gate {
            authorization,
            pem: Some(&pem),
            answer: None,
        };
        let _open = gate.open(&registry, port).await;
        let table = |host: &str, more: &str| {
            let url = format!("https://{host}:{port}/apis/ccompat/v7/");
            table(&kafka.brokers(), &unique("group"), &url, more, &framed(&topic, ""))
        };
        let right = table("localhost", &format!("{right}{}", trusting(&ca)));
        assert_eq!(registrys(&right).await, Outcome::Reached);
        for (host, more, words) in [
            ("localhost", format!("{wrong}{}", trusting(&ca)), "answers 401"),
            ("localhost", format!("{user}{}", trusting(&other)), "certificate"),
            ("127.0.0.1", format!("{user}{}", trusting(&ca)), "certificate"),
            (
                "localhost",
                format!("{user}{}, networks = \"public\"", trusting(&ca)),
                "may not be dialed",
            ),
        ] {
            let found = registrys(&table(host, &more)).await;
            assert!(
                matches!(&found, Outcome::Failed(why) if why.contains(words) && !why.contains("secret")),
                "{words}: {found:?}"
            );
        }
        let log = new_log();
        let process = Process::start(&log, &right).await;
        log.records(3).await;
        process.stop().await;
    }
}

/// What the check finds of the registry.
async fn registrys(table: &str) -> Outcome {
    let mut findings = probe(table).await;
    let found = findings.pop().expect("a finding");
    assert!(found.what.contains("schema registry at http"), "{found:?}");
    found.outcome
}

#[test]
fn mistakes_about_the_registry_are_said_with_their_cure() {
    let brokers = "kafka.example:9092";
    let url = "http://registry.example";
    for (found, words) in [
        (
            errors(&table_of(brokers, "group", "", &route("orders", "key = \"registry\""))),
            "needs the registry that has the keys' schemas",
        ),
        (
            errors(&table(
                brokers,
                "group",
                url,
                "",
                &route("orders", "value = \"registry-protobuf\""),
            )),
            "write `value = \"registry\"`",
        ),
        (
            errors(&table(
                brokers,
                "group",
                url,
                ", password = \"x\"",
                &framed("orders", ""),
            )),
            "`password` needs `username`",
        ),
        (
            errors(&table(
                brokers,
                "group",
                url,
                ", username = \"u\", token = \"x\"",
                &framed("orders", ""),
            )),
            "keep one of them",
        ),
        (
            errors(&table(brokers, "group", "registry.example", "", &framed("orders", ""))),
            "url",
        ),
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
}
