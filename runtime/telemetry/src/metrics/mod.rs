//! Every metric this process shows, by name.
//!
//! Names of Danube Connect (`danube_connector_*`) mean the same here; others are `danube_wasm_*`, and components' own
//! metrics are `danube_guest_*`. Label values are connectors, configured topics and endpoints, and closed sets: no data
//! of a sender or a component becomes a label.

mod connector;
mod families;
mod groups;
mod guest;
mod labels;
mod manual;
mod numbers;
mod reference;
mod registration;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use prometheus::{CounterVec, Encoder, GaugeVec, Registry, TextEncoder, core::Collector};

pub use connector::{ConnectorMetrics, ConnectorState};
use families::Families;
use guest::GuestMetrics;
pub use numbers::ConnectorNumbers;
pub use reference::reference_markdown;
use registration::CONNECTOR;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    guest: GuestMetrics,
}

/// Totals for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Events that sources have taken in.
    pub received: f64,
    /// Events of sources whose records are durable.
    pub published: f64,
    /// Messages that sinks have acknowledged.
    pub written: f64,
    /// Those that failed.
    pub failed: f64,
    /// Dead letters.
    pub dead_letters: f64,
}

impl Metrics {
    /// Creates a registry with every metric.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        let build = &families.host.build;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let now_ms = danube_wasm_model::clock::now_ms();
        let started = &families.host.started;
        started.with_label_values::<&str>(&[]).set(now_ms as f64 / 1000.0);
        Ok(Arc::new(Self {
            registry,
            families,
            guest: GuestMetrics::default(),
        }))
    }

    /// The metrics of one connector.
    pub fn connector(self: &Arc<Self>, id: &ConnectorId) -> ConnectorMetrics {
        ConnectorMetrics::new(self.clone(), id)
    }

    /// Removes every series of a connector that was removed. Drop its [`ConnectorMetrics`] first, or later calls on
    /// them create series again.
    pub fn remove_connector(&self, id: &ConnectorId) {
        self.families.remove_connector(id.as_str());
        self.guest.remove_connector(id.as_str());
    }

    /// Counts an answered request. `endpoint` is a configured path, or a fixed word for all others.
    pub fn http_request(&self, endpoint: &str, status: u16, elapsed: Duration) {
        let mut digits = [0; 5];
        let requests = &self.families.http.requests;
        requests
            .with_label_values(&[endpoint, decimal(status, &mut digits)])
            .inc();
        let duration = &self.families.http.duration;
        duration.with_label_values(&[endpoint]).observe(elapsed.as_secs_f64());
    }

    /// Counts an event whose id was used before with another body.
    pub fn id_reused(&self, endpoint: &str) {
        self.families.http.ids_reused.with_label_values(&[endpoint]).inc();
    }

    /// Counts a request of an HTTP sink to one of its endpoints; `status` is `None` without an answer.
    pub fn endpoint_request(&self, id: &ConnectorId, endpoint: &str, status: Option<u16>, elapsed: Duration) {
        let (families, mut digits) = (&self.families.endpoints, [0; 5]);
        let status = status.map_or("none", |status| decimal(status, &mut digits));
        let requests = &families.requests;
        requests.with_label_values(&[id.as_str(), endpoint, status]).inc();
        let duration = families.duration.with_label_values(&[id.as_str(), endpoint]);
        duration.observe(elapsed.as_secs_f64());
    }

    /// Sets how many requests an endpoint of an HTTP sink may get at a time, and whether it is held.
    pub fn endpoint_state(&self, id: &ConnectorId, endpoint: &str, concurrency: usize, is_held: bool) {
        let families = &self.families.endpoints;
        let labels = [id.as_str(), endpoint];
        families.concurrency.with_label_values(&labels).set(concurrency as f64);
        families
            .held
            .with_label_values(&labels)
            .set(f64::from(u8::from(is_held)));
    }

    /// Counts a connection with an MQTT broker: the version of the protocol, and whether the session was `resumed` or is `new`.
    pub fn mqtt_connected(&self, id: &ConnectorId, version: &str, session: &str) {
        let connections = &self.families.mqtt.connections;
        connections.with_label_values(&[id.as_str(), version, session]).inc();
    }

    /// Counts a session that an MQTT broker no longer had.
    pub fn mqtt_session_lost(&self, id: &ConnectorId) {
        self.families.mqtt.sessions_lost.with_label_values(&[id.as_str()]).inc();
    }

    /// Counts an MQTT message that came again and was known.
    pub fn mqtt_recognised(&self, id: &ConnectorId) {
        self.families.mqtt.recognised.with_label_values(&[id.as_str()]).inc();
    }

    /// Counts an MQTT message that was acknowledged and became no event.
    pub fn mqtt_left_out(&self, id: &ConnectorId, reason: &str) {
        let left_out = &self.families.mqtt.left_out;
        left_out.with_label_values(&[id.as_str(), reason]).inc();
    }

    /// Counts a start of the stream of a PostgreSQL slot.
    pub fn postgres_connected(&self, id: &ConnectorId) {
        self.families
            .postgres
            .connections
            .with_label_values(&[id.as_str()])
            .inc();
    }

    /// Sets up to where a PostgreSQL server was told that everything is durable, and how many bytes of what it has sent are not.
    pub fn set_postgres_flushed(&self, id: &ConnectorId, position: u64, lag_bytes: u64) {
        let families = &self.families.postgres;
        families.flushed.with_label_values(&[id.as_str()]).set(position as f64);
        families.lag.with_label_values(&[id.as_str()]).set(lag_bytes as f64);
    }

    /// Sets how many bytes of its log a PostgreSQL server keeps for the slot.
    pub fn set_postgres_retained(&self, id: &ConnectorId, bytes: u64) {
        self.families
            .postgres
            .retained
            .with_label_values(&[id.as_str()])
            .set(bytes as f64);
    }

    /// Counts rows that were read for a snapshot.
    pub fn postgres_snapshot_rows(&self, id: &ConnectorId, rows: usize) {
        let counter = &self.families.postgres.snapshot_rows;
        counter.with_label_values(&[id.as_str()]).inc_by(rows as f64);
    }

    /// Counts a PostgreSQL change that was passed over.
    pub fn postgres_left_out(&self, id: &ConnectorId, reason: &str) {
        let left_out = &self.families.postgres.left_out;
        left_out.with_label_values(&[id.as_str(), reason]).inc();
    }

    /// Counts partitions of Kafka that were `assigned`, `revoked` or `lost`.
    pub fn kafka_partitions_moved(&self, id: &ConnectorId, how: &str, partitions: usize) {
        let moved = &self.families.kafka.moved;
        moved.with_label_values(&[id.as_str(), how]).inc_by(partitions as f64);
    }

    /// Sets how many partitions of Kafka a source reads.
    pub fn set_kafka_partitions(&self, id: &ConnectorId, partitions: usize) {
        let gauge = &self.families.kafka.partitions;
        gauge.with_label_values(&[id.as_str()]).set(partitions as f64);
    }

    /// Counts a commit of offsets to a group of Kafka, `ok` or `failed`.
    pub fn kafka_committed(&self, id: &ConnectorId, outcome: &str) {
        let commits = &self.families.kafka.commits;
        commits.with_label_values(&[id.as_str(), outcome]).inc();
    }

    /// Counts a pause of a source's partitions of Kafka.
    pub fn kafka_paused(&self, id: &ConnectorId) {
        self.families.kafka.paused.with_label_values(&[id.as_str()]).inc();
    }

    /// Counts a partition of Kafka that was read on from another offset than the group's.
    pub fn kafka_repositioned(&self, id: &ConnectorId) {
        let repositioned = &self.families.kafka.repositioned;
        repositioned.with_label_values(&[id.as_str()]).inc();
    }

    /// Sets what a connector's spool holds: bytes, records, refused records, and the age of the oldest record.
    pub fn set_spool(&self, id: &ConnectorId, bytes: u64, records: u64, refused: u64, oldest: Duration) {
        let families = &self.families;
        let set = |gauge: &GaugeVec, value: f64| gauge.with_label_values(&[id.as_str()]).set(value);
        set(&families.spool.bytes, bytes as f64);
        set(&families.spool.records, records as f64);
        set(&families.spool.refused, refused as f64);
        set(&families.spool.oldest_age, oldest.as_secs_f64());
    }

    /// Removes the series of a connector's spool.
    pub fn remove_spool(&self, id: &ConnectorId) {
        self.families.remove_spool(id.as_str());
    }

    /// Counts spans that could not be exported.
    pub fn spans_lost(&self, spans: usize) {
        let lost = &self.families.host.spans_lost;
        lost.with_label_values::<&str>(&[]).inc_by(spans as f64);
    }

    /// Counts a panic in a task of the host.
    pub fn panicked(&self) {
        self.families.host.panics.with_label_values::<&str>(&[]).inc();
    }

    /// Sets the lag of all subscriptions: topic, subscription, messages. Series of others are removed.
    pub fn set_lags<'a>(&self, lags: impl IntoIterator<Item = (&'a str, &'a str, u64)>) {
        self.families.set_lags(lags);
    }

    /// Sets what the embedded log holds, by topic: messages, consumed messages, bytes. Series of other topics are
    /// removed.
    pub fn set_topics<'a>(&self, topics: impl IntoIterator<Item = (&'a str, [u64; 3])>) {
        self.families.set_topics(topics);
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Totals of all connectors. A message that passes a source and a sink is counted by each, so the two are separate.
    pub fn totals(&self, is_source: impl Fn(&str) -> bool) -> Totals {
        let sum = |family: &CounterVec, of: &dyn Fn(&str) -> bool| -> f64 {
            let families = family.collect();
            let metrics = families.iter().flat_map(|family| family.get_metric());
            let counted = metrics.filter(|metric| {
                let mut labels = metric.get_label().iter();
                labels.any(|label| label.name() == CONNECTOR && of(label.value()))
            });
            counted.map(|metric| metric.get_counter().get_value()).sum()
        };
        let families = &self.families;
        Totals {
            received: sum(&families.messages.received, &is_source),
            published: sum(&families.messages.processed, &is_source),
            written: sum(&families.messages.processed, &|connector| !is_source(connector)),
            failed: sum(&families.messages.failed, &|_| true),
            dead_letters: sum(&families.messages.dead_letters, &|_| true),
        }
    }
}

/// Formats a status code without allocating.
fn decimal(mut value: u16, digits: &mut [u8; 5]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}
