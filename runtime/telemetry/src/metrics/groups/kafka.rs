//! Members of Kafka's consumer groups.

use prometheus::{CounterVec, GaugeVec};

use super::BY_CONNECTOR;
use crate::metrics::{
    manual::Unit,
    registration::{CONNECTOR, Registration},
};

/// Members of Kafka's consumer groups.
pub(in crate::metrics) struct KafkaMetrics {
    pub(in crate::metrics) partitions: GaugeVec,
    pub(in crate::metrics) moved: CounterVec,
    pub(in crate::metrics) commits: CounterVec,
    pub(in crate::metrics) paused: CounterVec,
    pub(in crate::metrics) repositioned: CounterVec,
}

impl KafkaMetrics {
    pub(in crate::metrics) fn register(r: &mut Registration<'_>) -> Result<Self, prometheus::Error> {
        r.section("Kafka consumer groups");
        Ok(Self {
            partitions: r.gauge(
                "danube_wasm_kafka_partitions",
                Unit::Partitions,
                "Partitions that this process reads.",
                BY_CONNECTOR,
            )?,
            moved: r.counter(
                "danube_wasm_kafka_partitions_moved_total",
                Unit::Partitions,
                "Partitions that were `assigned` to this process, `revoked` from it when it had finished them, or `lost` to others without \
                 that.",
                &[CONNECTOR, "how"],
            )?,
            commits: r.counter(
                "danube_wasm_kafka_commits_total",
                Unit::Requests,
                "Commits of offsets to the group, by whether it took them: `ok` or `failed`. What failed is committed again.",
                &[CONNECTOR, "outcome"],
            )?,
            paused: r.counter(
                "danube_wasm_kafka_paused_total",
                Unit::Items,
                "Times that the partitions were paused because there was no room for their records.",
                BY_CONNECTOR,
            )?,
            repositioned: r.counter(
                "danube_wasm_kafka_repositioned_total",
                Unit::Items,
                "Times that the group's offset was not there, and reading went on as `on_out_of_range` says.",
                BY_CONNECTOR,
            )?,
        })
    }
}
