//! Who is in the group, under which name.

use danube_wasm_pipeline::Status;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::support::{
    client::{create, produce},
    server::{shared, unique},
    source::{KafkaProcess as _, Process, new_log, table},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_a_name_keeps_its_partitions_over_a_restart() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 4).await;
    let of = |instance: &str| table(&kafka.brokers(), &group, &topic, &format!("instance = \"{instance}\""));
    let log = new_log();
    let first = Process::start(&log, &of("first")).await;
    let second = Process::start(&log, &of("second")).await;
    first.reads(2).await;
    second.reads(2).await;
    let moved = second.sum("danube_wasm_kafka_partitions_moved_total", "");
    first.stop().await;
    let first = Process::start(&log, &of("first")).await;
    first.reads(2).await;
    produce(&kafka.brokers(), &topic, 0..100).await;
    log.records(100).await;
    assert_eq!(
        second.sum("danube_wasm_kafka_partitions_moved_total", ""),
        moved,
        "nothing has moved"
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_with_one_name_the_older_stops_and_says_so() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let table = table(&kafka.brokers(), &group, &topic, "instance = \"one\"");
    let log = new_log();
    let older = Process::start(&log, &table).await;
    older.reads(1).await;
    let newer = Process::start(&log, &table).await;
    let status = older
        .status("it stops", |status| matches!(status, Status::Failed(_)))
        .await;
    let why = status.reason().expect("a reason");
    assert!(why.contains("another process has taken this `instance` over"), "{why}");
    newer.reads(1).await;
    produce(&kafka.brokers(), &topic, 0..10).await;
    assert_eq!(log.records(10).await.len(), 10);
    older.stop().await;
    newer.stop().await;
}

/// Members that share partitions in another way cannot be in one group.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_others_that_share_in_another_way_is_named() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let foreign: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.brokers())
        .set("group.id", &group)
        .set("partition.assignment.strategy", "range")
        .create()
        .expect("a consumer");
    foreign.subscribe(&[&topic]).expect("subscribed");
    while foreign.assignment().expect("known").count() == 0 {
        let _ = foreign.poll(std::time::Duration::from_millis(50));
    }
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    let status = process.status("it says so", |status| status.reason().is_some()).await;
    let why = status.reason().expect("a reason");
    assert!(why.contains("give this source a `group` of its own"), "{why}");
    process.stop().await;
}
