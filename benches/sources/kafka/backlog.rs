//! The records that wait.

use std::time::Duration;

use anyhow::{Result, bail};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
};

use crate::ORDERS;

pub(crate) const PAYLOAD_BYTES: usize = 200;
const CUSTOMERS: u64 = 1000;
/// Longest wait for Kafka's acknowledgements.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(120);

/// Produces so many orders, and returns when Kafka has acknowledged all.
pub(crate) fn produce(brokers: &str, records: u64) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("acks", "all")
        .set("linger.ms", "20")
        .create()?;
    for number in 0..records {
        // Neighbours differ.
        let customer = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % CUSTOMERS;
        let (key, payload) = (format!("customer-{customer}"), order(number, customer));
        let mut record = BaseRecord::to(ORDERS).key(&key).payload(&payload);
        while let Err((error, refused)) = producer.send(record) {
            match error {
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => record = refused,
                error => bail!("Kafka takes no record: {error}"),
            }
            producer.poll(Duration::from_millis(10));
        }
    }
    Ok(producer.flush(ACKNOWLEDGED_WITHIN)?)
}

fn order(number: u64, customer: u64) -> String {
    let cents = 100 + number % 99_900;
    let head = format!(
        "{{\"order\":{number},\"customer\":\"customer-{customer}\",\"cents\":{cents},\"currency\":\"EUR\",\"state\":\"placed\",\"note\":\""
    );
    format!("{head}{:.<1$}\"}}", "", PAYLOAD_BYTES - 2 - head.len())
}
