//! The source `kafka`: the real binary beside a real Apache Kafka.

use std::{
    collections::{HashMap, HashSet},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use danube_wasm_testkit::servers;
use serde_json::json;

use crate::{
    examples,
    harness::{Pipeline, operate},
    log,
};

#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../ingress/kafka/tests/kafka/support/client.rs"]
mod client;
#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../ingress/kafka/tests/kafka/support/server.rs"]
mod server;

use client::{committed, create, run};
use server::Kafka;

fn start(file: &Path, kafka: &Kafka) -> Pipeline {
    let pipeline = Pipeline::spawn_with(file, &[("KAFKA_BROKER", &kafka.brokers())]);
    pipeline.until("it is subscribed", |p| {
        p.log("running").is_some() && p.log("subscribed").is_some()
    });
    pipeline
}

/// The page of metrics, by a connection of its own: on one that the client of the harness keeps, an answer was seen not to come in
/// this test, which is a task of a runtime.
fn metrics(pipeline: &Pipeline) -> std::io::Result<String> {
    let line = pipeline.log("running").expect("it runs");
    let mut connection = TcpStream::connect(line["admin"].as_str().expect("an address"))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut page = String::new();
    connection.read_to_string(&mut page)?;
    Ok(page)
}

/// Events of which there are records.
fn processed(pipeline: &Pipeline) -> u64 {
    let metrics = metrics(pipeline).unwrap_or_default();
    let of_source = |line: &&str| line.starts_with("danube_connector_messages_processed_total{");
    let values = metrics.lines().filter(of_source);
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_makes_records_of_orders_and_a_dead_letter_of_what_is_none() {
    let Some(kafka) = Kafka::start("").await else { return };
    let Some(kcat) = servers::program("kcat") else { return };
    create(&kafka.brokers(), "orders", 4).await;
    let dir = examples::copy("kafka-orders");
    let example = dir.path().join("kafka-orders");
    let file = example.join("pipeline.toml");
    let pipeline = start(&file, &kafka);
    let brokers = kafka.brokers();
    let said = examples::script_with(&kcat, &example, "send-orders.sh", &[("KAFKA_BROKER", &brokers)]);
    assert!(said.contains("produced 9 states"), "{said}");
    let letters = || operate(&file, &["dlq", "ls"]).unwrap_or_default();
    pipeline.until("the last one is a dead letter", |_| {
        !letters().as_array().is_none_or(Vec::is_empty)
    });
    assert!(
        letters().to_string().contains("violates schema `order-v1`"),
        "{}",
        letters()
    );
    pipeline.until("the others are records", |p| processed(p) >= 9);
    pipeline.stop();
    let records = log::read(&example.join("data/log"), "/shop/orders").await;
    let mut by_order: HashMap<_, Vec<_>> = HashMap::new();
    for record in &records {
        by_order
            .entry(record.key.as_str())
            .or_default()
            .push(record.text.as_str());
    }
    assert_eq!(records.len(), 9);
    for order in ["1", "2", "3"] {
        let states = ["placed", "paid", "sent"].map(|state| format!("{{\"order\": {order}, \"state\": \"{state}\"}}"));
        assert_eq!(by_order[order], states);
    }
}

/// Killed under load, again and again: each record is one row, and those of a key are in order. Some transactions are aborted.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_under_load_loses_no_record_and_makes_no_second_row_of_one() {
    let Some(kafka) = Kafka::start("").await else { return };
    create(&kafka.brokers(), "orders", 3).await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pipeline.toml");
    let text = "name = \"test\"\n[admin]\nport = 0\n[[sources]]\nname = \"orders\"\ncomponent = \"builtin:record-source\"\n\
                [sources.kafka]\nbrokers = [\"${KAFKA_BROKER}\"]\ngroup = \"danube\"\ninstance = \"one\"\n\
                [[sources.kafka.routes]]\ntopic = \"orders\"\ndanube_topic = \"/shop/orders\"\n";
    std::fs::write(&file, text).expect("a pipeline file");
    let mut expected = HashSet::new();
    for round in 0..5 {
        let pipeline = start(&file, &kafka);
        // Each round has its own, so that there is something to handle however much the ones before have done.
        let (producing, numbers) = produce_in_transactions(&kafka, round);
        expected.extend(numbers);
        pipeline.until("some are handled", |p| processed(p) >= 300);
        pipeline.kill();
        producing.await.expect("produced");
    }
    let pipeline = start(&file, &kafka);
    let ends = run(
        &kafka.brokers(),
        vec![json!({"op": "ends", "topic": "orders", "partitions": 3})],
    )
    .await;
    let ends: Vec<(i64, i64)> = serde_json::from_value(ends[0].clone()).expect("offsets");
    let deadline = std::time::Instant::now() + crate::harness::DEADLINE;
    while !is_at(&committed(&kafka.brokers(), "danube", "orders", 3).await, &ends) {
        assert!(std::time::Instant::now() < deadline, "not everything is committed");
    }
    pipeline.stop();
    let records = log::read(&dir.path().join("data/log"), "/shop/orders").await;
    let once = log::once(&records);
    println!(
        "{} records of {} rows, {} of them twice",
        records.len(),
        once.len(),
        records.len() - once.len()
    );
    let mut last: HashMap<&str, usize> = HashMap::new();
    for record in &once {
        let (key, number) = (&record.key, record.text.parse().expect("a number"));
        let before = last.insert(key, number);
        assert!(
            before.is_none_or(|before| before < number),
            "{key}: {number} after {before:?}"
        );
    }
    let rows: HashSet<usize> = once.iter().filter_map(|record| record.text.parse().ok()).collect();
    assert!(
        rows == expected && once.len() == rows.len(),
        "{} rows of {} records",
        once.len(),
        expected.len()
    );
}

/// The marker of the last transaction may be behind what is committed.
fn is_at(committed: &[i64], ends: &[(i64, i64)]) -> bool {
    committed.iter().zip(ends).all(|(offset, (_, end))| *offset >= end - 1)
}

/// Transactions of 500 records, every fourth of which is aborted. Gives the numbers of those that were committed.
fn produce_in_transactions(kafka: &Arc<Kafka>, round: usize) -> (tokio::task::JoinHandle<()>, HashSet<usize>) {
    let mut steps = vec![json!({"op": "init-transactions", "id": "orders"})];
    let mut expected = HashSet::new();
    for transaction in round * 5..(round + 1) * 5 {
        steps.push(json!({"op": "begin"}));
        let numbers = transaction * 500..(transaction + 1) * 500;
        let record = |number: usize| json!({"op": "produce", "topic": "orders", "key": format!("k{}", number % 50), "value": number.to_string(), "txn": true});
        steps.extend(numbers.clone().map(record));
        let is_aborted = transaction % 4 == 3;
        steps.push(json!({"op": if is_aborted { "abort" } else { "commit" }}));
        if !is_aborted {
            expected.extend(numbers);
        }
    }
    let brokers = kafka.brokers();
    let producing = tokio::spawn(async move { drop(run(&brokers, steps).await) });
    (producing, expected)
}
