//! The broker that keeps the group's offsets goes away.

use serde_json::json;

use crate::support::{
    client::{committed, produce, run},
    cluster::Cluster,
    numbers,
    source::{KafkaProcess as _, Process, new_log, table, texts_of},
};

/// Another broker takes the group over: the source goes on, with nothing twice, and commits there.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_is_replaced_and_nothing_is_lost_or_read_twice() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let brokers = cluster.brokers();
    let create = json!({"op": "create", "topic": "orders", "partitions": 1, "replicas": 2});
    run(&brokers, vec![create]).await;
    produce(&brokers, "orders", 0..500).await;
    let log = new_log();
    let process = Process::start(&log, &table(&brokers.replace(',', "\", \""), "group", "orders", "")).await;
    log.records(500).await;
    process.commits(&brokers, "group", "orders", 500).await;
    let coordinator = run(&brokers, vec![json!({"op": "coordinator", "group": "group"})]).await;
    let coordinator = coordinator[0].as_u64().expect("a number");
    cluster.kill(usize::try_from(coordinator).expect("a small one"));
    produce(&brokers, "orders", 500..1000).await;
    let records = log.records(1000).await;
    assert_eq!(texts_of(&records), numbers(0..1000));
    process.commits(&brokers, "group", "orders", 1000).await;
    process.stop().await;
    assert_eq!(committed(&brokers, "group", "orders", 1).await, [1000]);
    let moved = run(&brokers, vec![json!({"op": "coordinator", "group": "group"})]).await;
    assert_ne!(moved[0].as_u64(), Some(coordinator));
}
