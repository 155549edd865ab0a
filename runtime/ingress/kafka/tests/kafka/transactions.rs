//! Records of transactions.

use danube_wasm_testkit::until;
use serde_json::{Value, json};

use crate::support::{
    client::{committed, create, run, values},
    numbers,
    server::{shared, unique},
    source::{KafkaProcess as _, Process, new_log, table, texts_of},
};

/// Records of a transaction.
fn of_transaction(topic: &str, range: std::ops::Range<usize>) -> Vec<Value> {
    let mut records = values(topic, range);
    records.iter_mut().for_each(|record| record["txn"] = json!(true));
    records
}

/// Three transactions of 100 records, the second of which is aborted.
fn three(topic: &str, id: &str) -> Vec<Value> {
    let op = |op: &str| json!({"op": op});
    let mut steps = vec![json!({"op": "init-transactions", "id": id})];
    for (range, end) in [(0..100, "commit"), (100..200, "abort"), (200..300, "commit")] {
        steps.push(op("begin"));
        steps.extend(of_transaction(topic, range));
        steps.push(op(end));
    }
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_transactions_are_not_read_and_nothing_is_left_to_read() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    run(&kafka.brokers(), three(&topic, &unique("txn"))).await;
    let records = log.records(200).await;
    assert_eq!(texts_of(&records), [numbers(0..100), numbers(200..300)].concat());
    // 300 records and a marker behind each transaction.
    until("the marker at the end is confirmed", || {
        (process.lag() == Some(0)).then_some(())
    })
    .await;
    process.stop().await;
    assert_eq!(committed(&kafka.brokers(), &group, &topic, 1).await, [303]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_read_uncommitted_they_are_read() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let table = table(&kafka.brokers(), &group, &topic, "isolation = \"read-uncommitted\"");
    let process = Process::start(&log, &table).await;
    run(&kafka.brokers(), three(&topic, &unique("txn"))).await;
    assert_eq!(texts_of(&log.records(300).await), numbers(0..300));
    process.stop().await;
}

/// Its lag is measured against the last stable offset: nothing behind that can be read.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_holds_up_what_is_behind_it() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    create(&kafka.brokers(), &topic, 1).await;
    let log = new_log();
    let process = Process::start(&log, &table(&kafka.brokers(), &group, &topic, "")).await;
    let mut open = vec![
        json!({"op": "init-transactions", "id": unique("txn")}),
        json!({"op": "begin"}),
    ];
    open.extend(of_transaction(&topic, 0..10));
    open.push(json!({"op": "flush", "txn": true}));
    // Outside of it.
    open.extend(values(&topic, 10..20));
    open.push(json!({"op": "flush"}));
    let held_up = [
        open.clone(),
        vec![json!({"op": "ends", "topic": topic}), json!({"op": "abort"})],
    ]
    .concat();
    let answers = run(&kafka.brokers(), held_up).await;
    assert_eq!(answers[0][0], json!([0, 0]), "the last stable offset");
    assert_eq!(texts_of(&log.records(10).await), numbers(10..20));
    process.stop().await;
}
