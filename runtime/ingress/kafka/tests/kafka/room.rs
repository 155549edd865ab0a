//! What happens while there is no room.

use crate::support::{
    client::{committed, create, run},
    numbers,
    server::{shared, unique},
    source::{Process, new_log, table, texts_of},
};

/// fede1024/rust-rdkafka#433: who does not poll is thrown out of the group, and nothing is read any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_pipeline_pauses_the_partitions_and_stays_in_the_group() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 2).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "fetch_bytes = 1048576")).await;
    process.shut();
    let padding = "x".repeat(1000);
    let record = |number: usize| {
        let value = format!("{number} {padding}");
        serde_json::json!({"op": "produce", "topic": topic, "partition": number % 2, "value": value})
    };
    run(&kafka.brokers(), (0..50_000).map(record).collect()).await;
    danube_wasm_testkit::until("the partitions are paused", || {
        (process.sum("danube_wasm_kafka_paused_total", "") >= 1).then_some(())
    })
    .await;
    process.open();
    let records = log.records(50_000).await;
    assert_eq!(records.len(), 50_000, "nothing came twice");
    for partition in [0, 1] {
        let own = records
            .iter()
            .filter(|record| record.attributes["kafka.partition"] == partition.to_string());
        let numbers: Vec<_> = own
            .map(|record| record.text.split(' ').next().unwrap_or_default())
            .collect();
        let expected: Vec<_> = (0..50_000)
            .filter(|number| number % 2 == partition)
            .map(|number| number.to_string())
            .collect();
        assert_eq!(numbers, expected, "partition {partition}");
    }
    assert_eq!(process.sum("danube_wasm_kafka_partitions_moved_total", "lost"), 0);
    process.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 2).await, [25_000, 25_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_larger_than_what_is_fetched_ahead_is_read() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    let config = serde_json::json!({"max.message.bytes": "6000000"});
    run(
        &kafka.brokers(),
        vec![serde_json::json!({"op": "create", "topic": topic, "config": config})],
    )
    .await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "fetch_bytes = 1048576")).await;
    let config = serde_json::json!({"message.max.bytes": 6_000_000});
    let record = |value: String| serde_json::json!({"op": "produce", "topic": topic, "value": value, "config": config});
    run(
        &kafka.brokers(),
        vec![
            record("a".to_owned()),
            record("x".repeat(5_000_000)),
            record("b".to_owned()),
        ],
    )
    .await;
    let records = log.records(3).await;
    let lengths: Vec<_> = texts_of(&records).iter().map(|text| text.len()).collect();
    assert_eq!(lengths, [1, 5_000_000, 1]);
    assert_eq!(numbers(0..1), ["0"]);
    process.stop().await;
}
