//! What is committed when, and what comes of it when either side dies.

use std::time::Duration;

use crate::support::{
    client::{committed, create, produce},
    numbers,
    server::{Kafka, shared, unique},
    source::{KafkaProcess as _, Process, errors, new_log, table, texts_of, texts_once},
};

/// Far above what an operator's stop is given, so that only one that never ends fails.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_once_and_in_order_and_are_committed() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 0..500).await;
    let records = log.records(500).await;
    assert_eq!(texts_of(&records), numbers(0..500));
    assert_eq!(records[12].key, "k2");
    assert_eq!(records[12].attributes["kafka.offset"], "12");
    assert_eq!(records[12].id, format!("test/orders%{topic}:0-12.0"));
    process.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [500]);
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 500..510).await;
    assert_eq!(texts_of(&log.records(510).await), numbers(0..510));
    process.stop().await;
}

/// twmb/franz-go#57: what was polled was committed, and lost with the process.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_durable_when_the_process_is_killed_is_not_committed() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let (log, table) = (new_log(), table(&kafka.brokers(), &group, &topic, ""));
    let process = Process::start(&log, &table).await;
    process.shut();
    produce(&kafka.brokers(), &topic, 0..50).await;
    process.holds(50).await;
    process.kill().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [-1001]);
    let process = Process::start(&log, &table).await;
    assert_eq!(texts_of(&log.records(50).await), numbers(0..50));
    process.stop().await;
}

/// Killed while it works, again and again: every record is one row.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_under_load_makes_one_row_of_each_record() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let (log, table) = (new_log(), table(&kafka.brokers(), &group, &topic, ""));
    let brokers = kafka.brokers();
    let producing = {
        let topic = topic.clone();
        tokio::spawn(async move { produce(&brokers, &topic, 0..6000).await })
    };
    for kill in 1..=4 {
        let process = Process::start(&log, &table).await;
        log.records(kill * 1000).await;
        process.kill().await;
    }
    let process = Process::start(&log, &table).await;
    producing.await.expect("produced");
    assert_eq!(texts_once(&log.records(6000).await), numbers(0..6000));
    process.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [6000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_is_named_and_waited_for() {
    let Some(kafka) = Kafka::start("").await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 3).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 0..1000).await;
    log.records(1000).await;
    kafka.kill();
    let status = process
        .status("it is degraded", |status| status.reason().is_some())
        .await;
    let why = status.reason().expect("a reason");
    assert!(why.contains(&format!("Kafka at {}", kafka.brokers())), "{why}");
    kafka.restart().await;
    produce(&kafka.brokers(), &topic, 1000..1500).await;
    let records = log.records(1500).await;
    let mut texts = texts_once(&records);
    texts.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    assert_eq!(texts, numbers(0..1500));
    process
        .status("it works again", |status| status.reason().is_none())
        .await;
    process.stop().await;
    let committed = committed(&kafka.brokers(), &group, &topic, 3).await;
    assert_eq!(committed.iter().sum::<i64>(), 1500, "{committed:?}");
}

/// open-telemetry/otel-arrow PR 3261: an interval of 0, which was to be "as often as possible", was never.
#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_nothing_is_refused_and_the_shortest_one_commits_while_it_reads() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let every = |interval: &str| {
        let table = table(&kafka.brokers(), &group, &topic, "");
        table.replace("commit_interval_ms = 100", &format!("commit_interval_ms = {interval}"))
    };
    assert!(
        errors(&every("0")).contains("`commit_interval_ms`"),
        "{}",
        errors(&every("0"))
    );
    let log = new_log();
    let process = Process::start(&log, &every("10")).await;
    for upto in [10, 20] {
        produce(&kafka.brokers(), &topic, upto - 10..upto).await;
        process.commits(&kafka.brokers(), &group, &topic, upto).await;
    }
    assert_eq!(texts_of(&log.records(20).await), numbers(0..20));
    process.stop().await;
}

/// open-telemetry/otel-arrow#3505, PR 3682: a stop waited for a broker that was away.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_broker_is_away_ends_and_loses_nothing() {
    let Some(kafka) = Kafka::start("").await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let table = table(
        &kafka.brokers(),
        &group,
        &topic,
        "session_timeout_ms = 6000\ndrain_timeout_ms = 2000",
    );
    let log = new_log();
    // Nothing is committed before the end, and then it cannot be.
    let process = Process::start(
        &log,
        &table.replace("commit_interval_ms = 100", "commit_interval_ms = 60000"),
    )
    .await;
    produce(&kafka.brokers(), &topic, 0..100).await;
    log.records(100).await;
    kafka.kill();
    let stopped = tokio::time::timeout(STOPS_WITHIN, process.stop()).await;
    stopped.expect("it ends without the broker");
    kafka.restart().await;
    produce(&kafka.brokers(), &topic, 100..110).await;
    let process = Process::start(&log, &table).await;
    assert_eq!(texts_once(&log.records(110).await), numbers(0..110));
    process.commits(&kafka.brokers(), &group, &topic, 110).await;
    process.stop().await;
}
