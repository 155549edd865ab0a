//! What was lost upstream, and what is found of it.

use danube_wasm_connector::Outcome;
use danube_wasm_pipeline::Status;
use serde_json::json;

use crate::support::{
    client::{committed, create, produce, run},
    numbers,
    server::{Kafka, shared, unique},
    source::{KafkaProcess as _, Log, Process, new_log, probe, table, texts_of, texts_once},
};

/// Ten records were read, ten more were written, and fifteen in all are deleted while nobody reads.
async fn deleted_before_they_were_read(kafka: &Kafka, topic: &str, group: &str) -> Log {
    create(&kafka.brokers(), topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), group, topic, "")).await;
    produce(&kafka.brokers(), topic, 0..10).await;
    log.records(10).await;
    process.stop().await;
    produce(&kafka.brokers(), topic, 10..20).await;
    run(
        &kafka.brokers(),
        vec![json!({"op": "delete-records", "topic": topic, "offset": 15})],
    )
    .await;
    log
}

async fn stops(process: &Process) -> String {
    let status = process
        .status("it stops", |status| matches!(status, Status::Failed(_)))
        .await;
    status.reason().expect("a reason").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_out_of_range_stops_the_source_and_names_what_is_lost() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    let log = deleted_before_they_were_read(&kafka, &topic, &group).await;
    let table = table(&kafka.brokers(), &group, &topic, "");
    let findings = probe(&table).await;
    let found = |one: &danube_wasm_connector::Finding| matches!(&one.outcome, Outcome::Failed(why) if why.contains("records 10 to 14"));
    assert!(findings.iter().any(found), "{findings:?}");
    let process = Process::start(&log, &table).await;
    let why = stops(&process).await;
    assert!(
        why.contains(&format!("records 10 to 14 of {topic}/0 were deleted")),
        "{why}"
    );
    process.stop().await;
    assert_eq!(
        committed(&kafka.brokers(), &group, &topic, 1).await,
        [10],
        "nobody has accepted the gap"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_is_accepted_is_counted_and_reading_goes_on() {
    let Some(kafka) = shared().await else { return };
    for (accept, expected) in [("earliest", 15..20), ("latest", 20..20)] {
        let (topic, group) = (unique("orders"), unique("group"));
        let log = deleted_before_they_were_read(&kafka, &topic, &group).await;
        let table = table(
            &kafka.brokers(),
            &group,
            &topic,
            &format!("on_out_of_range = \"{accept}\""),
        );
        let process = Process::start(&log, &table).await;
        danube_wasm_testkit::until("the gap is counted", || {
            (process.sum("danube_wasm_kafka_repositioned_total", "") == 1).then_some(())
        })
        .await;
        produce(&kafka.brokers(), &topic, 20..25).await;
        let expected = [numbers(0..10), numbers(expected), numbers(20..25)].concat();
        assert_eq!(texts_of(&log.records(expected.len()).await), expected, "{accept}");
        process.stop().await;
    }
}

/// Offsets begin again at 0, and their ids would meet the rows of the old ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_stops_the_source_until_its_generation_is_raised() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let first = table(&kafka.brokers(), &group, &topic, "");
    let process = Process::start(&log, &first).await;
    produce(&kafka.brokers(), &topic, 0..10).await;
    log.records(10).await;
    process.stop().await;
    run(&kafka.brokers(), vec![json!({"op": "delete", "topic": topic})]).await;
    created_again(&kafka, &topic).await;
    produce(&kafka.brokers(), &topic, 100..110).await;
    let process = Process::start(&log, &first).await;
    let why = stops(&process).await;
    assert!(
        why.contains("raise `generation`") && why.contains("committed offset 10"),
        "{why}"
    );
    process.stop().await;
    let second = table(&kafka.brokers(), &group, &topic, "generation = 1");
    let process = Process::start(&log, &second).await;
    let records = log.records(20).await;
    assert_eq!(texts_once(&records), [numbers(0..10), numbers(100..110)].concat());
    assert_eq!(records[10].id, format!("test/orders%{topic}:g1-0-0.0"));
    assert!(records[10].order > records[9].order, "{:?}", &records[9..=10]);
    process.stop().await;
}

/// A topic that is being deleted cannot be made.
async fn created_again(kafka: &Kafka, topic: &str) {
    let brokers = kafka.brokers();
    loop {
        let (brokers, topic) = (brokers.clone(), topic.to_owned());
        let creating = tokio::spawn(async move { create(&brokers, &topic, 1).await });
        if creating.await.is_ok() {
            return;
        }
    }
}

/// A topic is deleted under a source that reads it, and made anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_while_it_is_read_stops_the_source_too() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let more = "options = { \"topic.metadata.refresh.fast.interval.ms\" = 100 }";
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, more)).await;
    produce(&kafka.brokers(), &topic, 0..10).await;
    log.records(10).await;
    process.commits(&kafka.brokers(), &group, &topic, 10).await;
    run(&kafka.brokers(), vec![json!({"op": "delete", "topic": topic})]).await;
    created_again(&kafka, &topic).await;
    produce(&kafka.brokers(), &topic, 100..103).await;
    let why = stops(&process).await;
    assert!(why.contains("raise `generation`"), "{why}");
    process.stop().await;
    assert_eq!(
        log.records(10).await.len(),
        10,
        "nothing of the new topic has met a row of the old one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_offsets_are_gone_stops_or_reads_again_what_is_there() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 0..10).await;
    log.records(10).await;
    process.stop().await;
    run(&kafka.brokers(), vec![json!({"op": "delete-group", "group": group})]).await;
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    let why = stops(&process).await;
    assert!(
        why.contains(&format!(
            "the group `{group}` had committed offset 10 of {topic}/0 and has none now"
        )),
        "{why}"
    );
    process.stop().await;
    let accepted = table(&kafka.brokers(), &group, &topic, "on_out_of_range = \"earliest\"");
    let process = Process::start(&log, &accepted).await;
    produce(&kafka.brokers(), &topic, 10..12).await;
    let records = log.records(12).await;
    assert!(records.len() >= 20, "they came again");
    assert_eq!(texts_once(&records), numbers(0..12));
    process.stop().await;
}

/// confluentinc/confluent-kafka-dotnet#1672: a position of before was taken for the group's.
#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_an_operator_sets_back_is_gone_on_from() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let (log, table) = (new_log(), table(&kafka.brokers(), &group, &topic, ""));
    let process = Process::start(&log, &table).await;
    produce(&kafka.brokers(), &topic, 0..10).await;
    log.records(10).await;
    process.stop().await;
    run(
        &kafka.brokers(),
        vec![json!({"op": "set-offset", "group": group, "topic": topic, "offset": 4})],
    )
    .await;
    let process = Process::start(&log, &table).await;
    let records = log.until("six come again", |records| records.len() == 16).await;
    assert_eq!(texts_of(&records[10..]), numbers(4..10));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_begins_where_the_file_says_also_when_it_is_stopped_before_anything_came() {
    let Some(kafka) = shared().await else { return };
    let topic = unique("orders");
    create(&kafka.brokers(), &topic, 1).await;
    produce(&kafka.brokers(), &topic, 0..20).await;
    run(
        &kafka.brokers(),
        vec![json!({"op": "delete-records", "topic": topic, "offset": 5})],
    )
    .await;
    let log = new_log();
    let (early, late) = (unique("early"), unique("late"));
    let process = Process::start(&log, &table(&kafka.brokers(), &late, &topic, "start = \"latest\"")).await;
    process.reads(1).await;
    process.stop().await;
    produce(&kafka.brokers(), &topic, 20..23).await;
    let process = Process::start(&log, &table(&kafka.brokers(), &late, &topic, "start = \"latest\"")).await;
    assert_eq!(texts_of(&log.records(3).await), numbers(20..23));
    process.stop().await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &early, &topic, "")).await;
    assert_eq!(texts_of(&log.records(18).await), numbers(5..23));
    process.stop().await;
}
