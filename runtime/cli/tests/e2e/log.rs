//! What a pipeline that does not run has in its log.

use std::{collections::HashSet, path::Path};

use danube_wasm_broker::{
    Broker as _, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::SubscriptionType;

/// A record as it is in the log.
pub struct Record {
    pub id: String,
    /// As text; empty if it has none.
    pub key: String,
    pub text: String,
}

/// The records of a topic, in their order.
pub fn records(log: &Path, topic: &str) -> Vec<Record> {
    tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(read(log, topic))
}

/// As [`records`], in a runtime.
pub async fn read(log: &Path, topic: &str) -> Vec<Record> {
    let log = EmbeddedBroker::open(log, EmbeddedOptions::default()).expect("the log");
    let options = ConsumerOptions {
        topic: topic.parse().expect("a topic"),
        subscription: "test".to_owned(),
        subscription_type: SubscriptionType::Exclusive,
        consumer: "test".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: usize::MAX,
    };
    let mut consumer = log.subscribe(options).await.expect("a consumer");
    let lag = log.lag().await.expect("lags").into_iter();
    let of_test = lag.filter(|lag| lag.subscription == "test" && lag.topic.as_str() == topic);
    let count: u64 = of_test.map(|lag| lag.messages).sum();
    let mut records = Vec::new();
    while (records.len() as u64) < count {
        for message in consumer.receive(1000).await.expect("messages") {
            records.push(Record {
                id: message.id.as_str().to_owned(),
                key: String::from_utf8_lossy(&message.key.unwrap_or_default()).into_owned(),
                text: String::from_utf8_lossy(&message.payload).into_owned(),
            });
        }
    }
    log.close().await.expect("it closes");
    records
}

/// Of the records with one id the first: what a sink makes a row of.
pub fn once(records: &[Record]) -> Vec<&Record> {
    let mut seen = HashSet::new();
    records.iter().filter(|record| seen.insert(&record.id)).collect()
}
