//! What is committed when, and what comes of it when either side dies.

use danube_wasm_testkit::until;
use serde_json::json;

use crate::support::{
    client::{committed, create, produce, run},
    server::{Kafka, shared, unique},
    source::{Log, Process, Record, table, texts_once},
};

fn texts_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_once_and_in_order_and_are_committed() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = Log::new();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 0..500).await;
    let records = log.records(500).await;
    assert_eq!(texts_of(&records), numbers(0..500));
    assert_eq!(
        (
            records[12].key.as_str(),
            records[12].attributes["kafka.offset"].as_str()
        ),
        ("k2", "12")
    );
    process.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [500]);
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    produce(&kafka.brokers(), &topic, 500..510).await;
    assert_eq!(texts_of(&log.records(510).await), numbers(0..510));
    process.stop().await;
}
