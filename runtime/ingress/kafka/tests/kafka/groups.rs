//! Partitions that move between members.

use std::collections::{HashMap, HashSet};

use danube_wasm_testkit::until;
use serde_json::json;

use crate::support::{
    client::{committed, create, produce, run},
    server::{shared, unique},
    source::{KafkaProcess as _, Process, Record, new_log, table},
};

/// Of each key, in the order of the log, without what comes again, the numbers rise.
fn in_order_of_keys(records: &[Record]) {
    let (mut last, mut seen) = (HashMap::new(), HashSet::new());
    for record in records.iter().filter(|record| seen.insert(record.id.clone())) {
        let number: usize = record.text.parse().expect("a number");
        let before = last.insert(record.key.clone(), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{} {number} after {before:?}",
            record.key
        );
    }
}

fn distinct(records: &[Record]) -> usize {
    records.iter().map(|record| &record.id).collect::<HashSet<_>>().len()
}

/// akka/alpakka-kafka#1038, thomhurst/Dekaf#2063: nothing was committed when partitions were taken away, and masses came again.
/// vectordotdev/vector PR #26438: partitions that nobody read after a rebalance.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebalance_of_two_members_under_load_loses_nothing_and_repeats_nothing() {
    let Some(kafka) = shared().await else { return };
    for protocol in ["classic", "consumer"] {
        let (topic, group) = (unique("orders"), unique("group"));
        create(&kafka.brokers(), &topic, 6).await;
        let table = table(
            &kafka.brokers(),
            &group,
            &topic,
            &format!("group_protocol = \"{protocol}\""),
        );
        let log = new_log();
        let first = Process::start(&log, &table).await;
        first.reads(6).await;
        let (brokers, to) = (kafka.brokers(), topic.clone());
        let producing = tokio::spawn(async move {
            for chunk in 0..10 {
                produce(&brokers, &to, chunk * 2000..(chunk + 1) * 2000).await;
            }
        });
        log.records(1000).await;
        let second = Process::start(&log, &table).await;
        second.reads(3).await;
        first.reads(3).await;
        log.records(10_000).await;
        first.stop().await;
        second.reads(6).await;
        producing.await.expect("produced");
        let records = log.records(20_000).await;
        assert_eq!(
            records.len(),
            distinct(&records),
            "{protocol}: what was given up was finished and committed before"
        );
        in_order_of_keys(&records);
        second.stop().await;
        let committed = committed(&kafka.brokers(), &group, &topic, 6).await;
        assert_eq!(
            committed.iter().filter(|offset| **offset > 0).sum::<i64>(),
            20_000,
            "{protocol}: {committed:?}"
        );
    }
}

/// vectordotdev/vector#14865: everything was given up for one partition that moved.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_stay_are_read_on_while_others_go() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 2).await;
    let table = table(&kafka.brokers(), &group, &topic, "drain_timeout_ms = 30000");
    let (log, other) = (new_log(), new_log());
    let first = Process::start(&log, &table).await;
    first.reads(2).await;
    // One record of each partition is read, and is not finished: what goes is waited for.
    first.shut();
    let to = |partition: usize, value: &str| json!({"op": "produce", "topic": topic, "partition": partition, "value": value});
    run(&kafka.brokers(), vec![to(0, "a"), to(1, "b")]).await;
    first.holds(2).await;
    let second = Process::start(&other, &table).await;
    until("a partition is to go", || {
        (first.sum("danube_wasm_kafka_partitions_moved_total", "assigned") == 2).then_some(())
    })
    .await;
    first.open();
    second.reads(1).await;
    assert_eq!(first.sum("danube_wasm_kafka_partitions_moved_total", "revoked"), 1);
    assert_eq!(
        first.sum("danube_wasm_kafka_partitions_moved_total", "assigned"),
        2,
        "the other was never let go"
    );
    run(&kafka.brokers(), vec![to(0, "c"), to(1, "d")]).await;
    log.records(3).await;
    other.records(1).await;
    assert_eq!(
        log.records(3).await.len() + other.records(1).await.len(),
        4,
        "nothing came twice"
    );
    first.stop().await;
    second.stop().await;
}

/// vectordotdev/vector#9587, PR #10434: what was done late committed offsets of another member's partitions, or older ones.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_after_the_deadline_of_a_revocation_is_not_committed() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 2).await;
    let table = table(&kafka.brokers(), &group, &topic, "drain_timeout_ms = 300");
    let (log, other) = (new_log(), new_log());
    let first = Process::start(&log, &table).await;
    first.reads(2).await;
    first.shut();
    let to = |partition: usize, value: usize| json!({"op": "produce", "topic": topic, "partition": partition, "value": value.to_string()});
    run(&kafka.brokers(), (0..40).map(|number| to(number % 2, number)).collect()).await;
    first.holds(40).await;
    let second = Process::start(&other, &table).await;
    second.reads(1).await;
    let records = other.records(20).await;
    let partition: usize = records[0].attributes["kafka.partition"].parse().expect("a number");
    second.stop().await;
    let before = committed(&kafka.brokers(), &group, &topic, 2).await;
    assert_eq!(before[partition], 20, "the second member has read it");
    first.open();
    first.reads(2).await;
    log.records(20).await;
    run(&kafka.brokers(), vec![to(partition, 40)]).await;
    let records = log
        .until("the last one is there", |records| {
            records.iter().any(|one| one.text == "40")
        })
        .await;
    let own = records
        .iter()
        .filter(|one| one.attributes["kafka.partition"] == partition.to_string());
    assert_eq!(own.count(), 1, "only the last one: the rest was the second member's");
    first.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 2).await[partition], 21);
}

/// Topics grow: the new partitions are read from their beginning.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let more = "options = { \"topic.metadata.refresh.interval.ms\" = 300 }";
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, more)).await;
    process.reads(1).await;
    run(
        &kafka.brokers(),
        vec![json!({"op": "partitions", "topic": topic, "count": 3})],
    )
    .await;
    produce(&kafka.brokers(), &topic, 0..300).await;
    let records = log.records(300).await;
    assert_eq!(records.len(), 300);
    in_order_of_keys(&records);
    process.reads(3).await;
    process.stop().await;
}
