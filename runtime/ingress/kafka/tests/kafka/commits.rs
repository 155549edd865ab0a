//! What a real broker does not do on demand: refuses commits, throws members out, moves coordinators and leaders. librdkafka's mock
//! cluster does.

use std::collections::HashSet;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::support::{
    mock::Mock,
    numbers,
    server::unique,
    source::{KafkaProcess as _, Process, Record, new_log, table, texts_once},
};

fn sorted(records: &[Record]) -> Vec<String> {
    let mut texts = texts_once(records);
    texts.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    texts
}

/// Azure/azure-event-hubs-for-kafka#65: commits failed all day, and nobody noticed.
#[tokio::test]
async fn commits_that_fail_are_said_counted_and_made_again() {
    let mock = Mock::start(1);
    let (topic, group) = (unique("orders"), unique("group"));
    mock.create(&topic, 1);
    let log = new_log();
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, "")).await;
    process.reads(1).await;
    mock.answer(
        RDKafkaApiKey::OffsetCommit,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        1000,
    );
    let mut written = 0;
    let status = loop {
        mock.produce(&topic, 1, numbers(written..written + 10));
        written += 10;
        log.records(written).await;
        if let Some(status) = process.now().reason().map(str::to_owned) {
            break status;
        }
    };
    assert!(
        status.contains(&format!("offsets of the group `{group}` could not be committed")),
        "{status}"
    );
    assert!(process.sum("danube_wasm_kafka_commits_total", "failed") > 0);
    mock.answer_as_usual(RDKafkaApiKey::OffsetCommit);
    process
        .status("it is well again", |status| status.reason().is_none())
        .await;
    process.stop().await;
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, "")).await;
    mock.produce(&topic, 1, numbers(written..written + 1));
    assert_eq!(
        log.records(written + 1).await.len(),
        written + 1,
        "everything was committed at last"
    );
    process.stop().await;
}

/// confluentinc/librdkafka PR #5604, PostHog/posthog PR #68804: what was lost was committed all the same.
#[tokio::test]
async fn a_member_that_is_thrown_out_joins_again_and_reads_what_was_not_committed() {
    let mock = Mock::start(1);
    let (topic, group) = (unique("orders"), unique("group"));
    mock.create(&topic, 2);
    let log = new_log();
    let more = "session_timeout_ms = 6000\ndrain_timeout_ms = 2000";
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, more)).await;
    process.reads(2).await;
    mock.produce(&topic, 2, numbers(0..100));
    log.records(100).await;
    process.shut();
    mock.produce(&topic, 2, numbers(100..200));
    process.holds(100).await;
    mock.answer(
        RDKafkaApiKey::Heartbeat,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        1,
    );
    process.assigned(4).await;
    assert_eq!(process.sum("danube_wasm_kafka_partitions_moved_total", "lost"), 2);
    process.open();
    mock.produce(&topic, 2, numbers(200..300));
    let records = log.records(300).await;
    assert_eq!(sorted(&records), numbers(0..300));
    process.stop().await;
}

/// smallrye/smallrye-reactive-messaging#1403: after a rebalance commits waited for offsets that never came.
/// confluentinc/librdkafka#3891: the same partitions go and come again and again.
#[tokio::test]
async fn partitions_that_go_and_come_again_are_committed_on() {
    let mock = Mock::start(1);
    let (topic, group) = (unique("orders"), unique("group"));
    mock.create(&topic, 3);
    let log = new_log();
    let more = "session_timeout_ms = 6000\ndrain_timeout_ms = 2000";
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, more)).await;
    process.reads(3).await;
    for round in 1..=4 {
        mock.produce(&topic, 3, numbers((round - 1) * 30..round * 30));
        log.records(round * 30).await;
        mock.answer(
            RDKafkaApiKey::Heartbeat,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            1,
        );
        process.assigned(3 * (round + 1)).await;
    }
    mock.produce(&topic, 3, numbers(120..150));
    let records = log.records(150).await;
    assert_eq!(sorted(&records), numbers(0..150));
    process.stop().await;
    let again = Process::start(&log, &table(&mock.brokers(), &group, &topic, more)).await;
    again.reads(3).await;
    mock.produce(&topic, 3, numbers(150..153));
    let after = log.records(153).await;
    let repeats = after.len() - after.iter().map(|one| &one.id).collect::<HashSet<_>>().len();
    let before = records.len() - 150;
    assert_eq!(repeats, before, "the last commit holds");
    again.stop().await;
}

#[tokio::test]
async fn a_coordinator_and_leaders_that_move_lose_nothing() {
    let mock = Mock::start(3);
    let (topic, group) = (unique("orders"), unique("group"));
    mock.create(&topic, 2);
    mock.coordinate(&group, 1);
    let log = new_log();
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, "")).await;
    process.reads(2).await;
    for (round, broker) in [2, 3, 1].into_iter().enumerate() {
        mock.produce(&topic, 2, numbers(round * 100..round * 100 + 50));
        mock.coordinate(&group, broker);
        mock.lead(&topic, 0, broker);
        mock.lead(&topic, 1, broker % 3 + 1);
        mock.produce(&topic, 2, numbers(round * 100 + 50..(round + 1) * 100));
        log.records((round + 1) * 100).await;
    }
    assert_eq!(sorted(&log.records(300).await), numbers(0..300));
    process.stop().await;
    let again = Process::start(&log, &table(&mock.brokers(), &group, &topic, "")).await;
    mock.produce(&topic, 2, numbers(300..302));
    assert_eq!(sorted(&log.records(302).await), numbers(0..302));
    again.stop().await;
}

/// One of several brokers is not the cluster.
#[tokio::test]
async fn a_cluster_whose_brokers_are_all_away_is_named_and_waited_for() {
    let mock = Mock::start(2);
    let (topic, group) = (unique("orders"), unique("group"));
    mock.create(&topic, 2);
    let log = new_log();
    let process = Process::start(&log, &table(&mock.brokers(), &group, &topic, "")).await;
    process.reads(2).await;
    mock.produce(&topic, 2, numbers(0..10));
    log.records(10).await;
    mock.down(1);
    mock.down(2);
    process.status("it says so", |status| status.reason().is_some()).await;
    mock.up(1);
    mock.up(2);
    process
        .status("it is well again", |status| status.reason().is_none())
        .await;
    mock.produce(&topic, 2, numbers(10..20));
    assert_eq!(sorted(&log.records(20).await), numbers(0..20));
    process.stop().await;
}
