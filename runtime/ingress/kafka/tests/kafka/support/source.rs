//! The source of this suite: its tables, and what its metrics tell.

use std::time::Duration;

use danube_wasm_connector::Finding;
use danube_wasm_ingress_kafka::KafkaSource;
use danube_wasm_source_harness::TestedSource;
pub(crate) use danube_wasm_source_harness::{Log, Process, Record, texts_of, texts_once};
use tokio::time::Instant;

pub(crate) const TOPIC: &str = "/shop/orders";
const SOURCE: TestedSource = TestedSource::of::<KafkaSource>("orders", TOPIC);

pub(crate) fn new_log() -> Log {
    Log::new(SOURCE)
}

/// What is wrong with a table.
pub(crate) fn errors(table: &str) -> String {
    SOURCE.errors(table)
}

/// The usual table: one topic, read by this group.
pub(crate) fn table(brokers: &str, group: &str, topic: &str, more: &str) -> String {
    table_of(brokers, group, more, &route(topic, ""))
}

/// One route, with these keys beside the usual ones.
pub(crate) fn route(topic: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!("{{ topic = \"{topic}\", danube_topic = \"{TOPIC}\"{comma}{more} }}")
}

/// With these routes.
pub(crate) fn table_of(brokers: &str, group: &str, more: &str, routes: &str) -> String {
    format!("brokers = [\"{brokers}\"]\ngroup = \"{group}\"\ncommit_interval_ms = 100\n{more}\nroutes = [{routes}]\n")
}

/// What `check --connect` finds.
pub(crate) async fn probe(table: &str) -> Vec<Finding> {
    SOURCE.probe(table).await
}

pub(crate) trait KafkaProcess {
    /// Waits until it reads so many partitions.
    async fn reads(&self, partitions: usize);

    /// Waits until it was given at least so many partitions, since it started.
    async fn assigned(&self, partitions: usize);

    /// Waits until it has read so many records that are not durable.
    async fn holds(&self, records: usize);

    /// Records that are left to read, if that was measured.
    fn lag(&self) -> Option<usize>;

    /// Waits until it has committed this.
    async fn commits(&self, brokers: &str, group: &str, topic: &str, offset: i64);
}

impl KafkaProcess for Process {
    async fn reads(&self, partitions: usize) {
        let (what, name) = (
            format!("it reads {partitions} partitions"),
            "danube_wasm_kafka_partitions{",
        );
        self.until_sum(&what, name, "", |sum| sum == partitions).await;
    }

    async fn assigned(&self, partitions: usize) {
        let what = format!("it was given {partitions} partitions");
        let name = "danube_wasm_kafka_partitions_moved_total";
        self.until_sum(&what, name, "assigned", |sum| sum >= partitions).await;
    }

    async fn holds(&self, records: usize) {
        let (what, name) = (
            format!("it holds {records} records"),
            "danube_wasm_source_unconfirmed_messages",
        );
        self.until_sum(&what, name, "", |sum| sum >= records).await;
    }

    fn lag(&self) -> Option<usize> {
        let name = "danube_wasm_source_lag_messages{";
        self.measures(name).then(|| self.sum(name, ""))
    }

    async fn commits(&self, brokers: &str, group: &str, topic: &str, offset: i64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while super::client::committed(brokers, group, topic, 1).await != [offset] {
            assert!(Instant::now() < deadline, "waited in vain until {offset} is committed");
        }
    }
}
