//! What a record is as an event.

use danube_wasm_pipeline::Status;
use danube_wasm_testkit::servers;
use serde_json::json;

use crate::support::{
    client::{committed, create, produce, run},
    numbers,
    server::{shared, unique},
    source::{Process, new_log, route, table, table_of, texts_of, texts_once},
};

#[tokio::test(flavor = "multi_thread")]
async fn headers_keep_their_order_and_say_what_is_no_text() {
    let Some(kafka) = shared().await else { return };
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &unique("group"), &topic, "")).await;
    let headers = json!([
        ["Source", "shop"],
        ["trace", {"base64": "/wA="}],
        ["none", null],
        ["content-type", "text/plain"],
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
    ]);
    let record = json!({"op": "produce", "topic": topic, "key": {"base64": "/wA="}, "value": "a", "headers": headers, "timestamp": 1_700_000_000_000_i64});
    run(&kafka.brokers(), vec![record]).await;
    let records = log.records(1).await;
    let attributes = &records[0].attributes;
    for (name, value) in [
        ("header.source", "shop"),
        ("header.trace", "base64:/wA="),
        ("kafka.binary-headers", "trace"),
        ("header.none", ""),
        ("kafka.null-headers", "none"),
        ("content-type", "text/plain"),
        ("kafka.topic", topic.as_str()),
        ("kafka.partition", "0"),
        ("kafka.timestamp", "1700000000000"),
        ("kafka.timestamp-type", "create"),
    ] {
        assert_eq!(
            attributes.get(name).map(String::as_str),
            Some(value),
            "{name} in {attributes:?}"
        );
    }
    assert_eq!(records[0].key_bytes, b"\xff\0");
    process.stop().await;
}

/// A value that is absent is not an empty one.
#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_a_deletion_and_an_empty_value_is_not() {
    let Some(kafka) = shared().await else { return };
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &unique("group"), &topic, "")).await;
    let record = |value| json!({"op": "produce", "topic": topic, "key": "k", "value": value});
    run(&kafka.brokers(), vec![record(json!("")), record(json!(null))]).await;
    let records = log.records(2).await;
    assert_eq!(texts_of(&records), ["", ""]);
    let of = |at: usize, name: &str| records[at].attributes.get(name).cloned();
    assert_eq!((of(0, "kafka.tombstone"), of(0, "change.op")), (None, None));
    assert_eq!(
        (of(1, "kafka.tombstone"), of(1, "change.op")),
        (Some("true".to_owned()), Some("delete".to_owned()))
    );
    process.stop().await;
}

/// vectordotdev/vector#24543: what was refused was passed over by the offset of a later record.
#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_record_in_the_middle_is_a_dead_letter_left_out_or_the_end() {
    let Some(kafka) = shared().await else { return };
    let framed = |text: &str| {
        use base64::Engine as _;
        let bytes = [&[0, 0, 0, 0, 7][..], text.as_bytes()].concat();
        json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
    };
    for policy in ["dead-letter", "skip", "stop"] {
        let (topic, group) = (unique("orders"), unique("group"));
        create(&kafka.brokers(), &topic, 1).await;
        let route = route(&topic, &format!("value = \"registry\", on_invalid = \"{policy}\""));
        let log = new_log();
        let process = Process::start(&log, &table_of(&kafka.brokers(), &group, "", &route)).await;
        let record = |value| json!({"op": "produce", "topic": topic, "value": value});
        let mut steps: Vec<_> = numbers(0..20).iter().map(|text| record(framed(text))).collect();
        steps[10] = record(json!("poison"));
        run(&kafka.brokers(), steps).await;
        if policy == "stop" {
            process
                .status("it stops", |status| matches!(status, Status::Failed(_)))
                .await;
            process.stop().await;
            let committed = committed(&kafka.brokers(), &group, &topic, 1).await;
            assert!(committed[0] <= 10, "it is not passed over: {committed:?}");
            let route = route.replace("\"stop\"", "\"skip\"");
            let process = Process::start(&log, &table_of(&kafka.brokers(), &group, "", &route)).await;
            let texts = texts_once(&log.records(19).await);
            assert_eq!(texts, [numbers(0..10), numbers(11..20)].concat());
            process.stop().await;
            continue;
        }
        let records = log.records(19).await;
        assert_eq!(texts_of(&records), [numbers(0..10), numbers(11..20)].concat());
        assert_eq!(records[0].attributes["kafka.schema-id"], "7");
        if policy == "dead-letter" {
            assert_eq!(log.dead_letters(1).await[0].text, "poison");
        }
        process.stop().await;
        assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [20], "{policy}");
    }
}

/// MirrorMaker's targets have other offsets; a producer's id stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_a_header_makes_one_row_of_what_is_produced_twice() {
    let Some(kafka) = shared().await else { return };
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    let route = route(&topic, "event_id = { header = \"ce_id\" }, value = \"json\"");
    let log = new_log();
    let process = Process::start(&log, &table_of(&kafka.brokers(), &unique("group"), "", &route)).await;
    let record =
        |id: &str, value: &str| json!({"op": "produce", "topic": topic, "value": value, "headers": [["ce_id", id]]});
    let without = json!({"op": "produce", "topic": topic, "value": "{}"});
    run(
        &kafka.brokers(),
        vec![record("a", "1"), record("a", "1"), record("b", "2"), without],
    )
    .await;
    let records = log.until("all are there", |records| records.len() == 4).await;
    assert_eq!(texts_once(&records), ["1", "2", "{}"]);
    assert!(
        records[0].id.ends_with(":a.0") && records[3].id.ends_with(":0-3.0"),
        "{records:?}"
    );
    assert_eq!(records[0].attributes["content-type"], "application/json");
    process.stop().await;
}

/// Also those that are made later.
#[tokio::test(flavor = "multi_thread")]
async fn topics_of_a_pattern_have_ids_of_their_own() {
    let Some(kafka) = shared().await else { return };
    let prefix = unique("shop");
    let (one, other) = (format!("{prefix}.eu.orders"), format!("{prefix}.us.orders"));
    create(&kafka.brokers(), &one, 1).await;
    let more = "options = { \"topic.metadata.refresh.interval.ms\" = 300 }";
    let route = route(&format!("{prefix}.*.orders"), "");
    let log = new_log();
    let process = Process::start(&log, &table_of(&kafka.brokers(), &unique("group"), more, &route)).await;
    produce(&kafka.brokers(), &one, ["a"]).await;
    log.records(1).await;
    create(&kafka.brokers(), &other, 1).await;
    create(&kafka.brokers(), &format!("{prefix}.orders"), 1).await;
    produce(&kafka.brokers(), &format!("{prefix}.orders"), ["not of the pattern"]).await;
    produce(&kafka.brokers(), &other, ["b"]).await;
    let records = log.records(2).await;
    assert_eq!(texts_of(&records), ["a", "b"]);
    assert!(records[1].id.ends_with(&format!(":{other}/0-0.0")), "{records:?}");
    process.stop().await;
}

/// Another client than the other tests' is heard, with each compression that it has.
#[tokio::test(flavor = "multi_thread")]
async fn kcats_records_of_each_compression_are_read() {
    let Some(kafka) = shared().await else { return };
    if servers::program("kcat").is_none() {
        return;
    }
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &unique("group"), &topic, "")).await;
    let text = "x".repeat(2000);
    for (count, codec) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().enumerate() {
        let mut kcat = servers::program("kcat").expect("it was there before");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &text).expect("written");
        let kcat = kcat
            .args(["-P", "-b", &kafka.brokers(), "-t", &topic, "-k", codec, "-z", codec])
            .arg(file.path());
        assert!(kcat.status().expect("kcat").success(), "{codec}");
        let records = log.records(count + 1).await;
        assert_eq!((records[count].key.as_str(), records[count].text.len()), (codec, 2000));
    }
    process.stop().await;
}
