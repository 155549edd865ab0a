//! Every metric this process shows, by name.
//!
//! Names that Danube Connect has (`danube_connector_*`) mean the same here; what it does not have is `danube_wasm_*`, and
//! what components count themselves is `danube_guest_*`. Label values are connectors, configured topics and endpoints,
//! and closed sets: nothing that a sender or a component writes becomes a label.

mod connector;
mod families;
mod own;

use std::{sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use prometheus::{CounterVec, Encoder, GaugeVec, Registry, TextEncoder, core::Collector};

pub use connector::{ConnectorMetrics, ConnectorState};
use families::{CONNECTOR, Families, gauge};
use own::OwnMetrics;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    own: OwnMetrics,
}

/// Totals for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Events that sources have taken in.
    pub received: f64,
    /// Events of sources whose records are durable.
    pub published: f64,
    /// Messages that sinks are done with.
    pub written: f64,
    /// Those that failed.
    pub failed: f64,
    /// Dead letters.
    pub dead_letters: f64,
}

impl Metrics {
    /// A registry of its own with every metric in it.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        let build = gauge(&registry, "danube_wasm_build_info", "1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let started = "When this process began, in seconds since 1970-01-01 UTC.";
        let started = gauge(&registry, "danube_wasm_start_time_seconds", started, &[])?;
        let now_ms = danube_wasm_model::clock::now_ms();
        started.with_label_values::<&str>(&[]).set(now_ms as f64 / 1000.0);
        Ok(Arc::new(Self {
            registry,
            families,
            own: OwnMetrics::default(),
        }))
    }

    /// The metrics of one connector.
    pub fn connector(self: &Arc<Self>, id: &ConnectorId) -> ConnectorMetrics {
        ConnectorMetrics::new(self.clone(), id)
    }

    /// Takes away every series of a connector that is gone for good. What its handles count afterwards is shown only for
    /// metrics that are looked up by topic: drop them first.
    pub fn forget(&self, id: &ConnectorId) {
        self.families.forget(id.as_str());
        self.own.forget(id.as_str());
    }

    /// A request was answered. `endpoint` is a configured path, or a fixed word for all others.
    pub fn http_request(&self, endpoint: &str, status: u16, elapsed: Duration) {
        let mut digits = [0; 5];
        let requests = &self.families.http_requests;
        requests
            .with_label_values(&[endpoint, decimal(status, &mut digits)])
            .inc();
        let duration = &self.families.http_duration;
        duration.with_label_values(&[endpoint]).observe(elapsed.as_secs_f64());
    }

    /// The id of an event came with another body before.
    pub fn id_reused(&self, endpoint: &str) {
        self.families.ids_reused.with_label_values(&[endpoint]).inc();
    }

    /// What waits on this disk for a connector: bytes, records, those of them that will never be accepted, and the oldest
    /// one's age.
    pub fn set_spool(&self, id: &ConnectorId, bytes: u64, records: u64, refused: u64, oldest: Duration) {
        let families = &self.families;
        let set = |gauge: &GaugeVec, value: f64| gauge.with_label_values(&[id.as_str()]).set(value);
        set(&families.spool_bytes, bytes as f64);
        set(&families.spool_records, records as f64);
        set(&families.spool_refused, refused as f64);
        set(&families.spool_oldest, oldest.as_secs_f64());
    }

    /// Nothing waits on this disk for this connector any more.
    pub fn forget_spool(&self, id: &ConnectorId) {
        self.families.forget_spool(id.as_str());
    }

    /// So many spans of traces could not be exported.
    pub fn spans_lost(&self, spans: usize) {
        let lost = &self.families.spans_lost;
        lost.with_label_values::<&str>(&[]).inc_by(spans as f64);
    }

    /// A task of the host has panicked.
    pub fn panicked(&self) {
        self.families.panics.with_label_values::<&str>(&[]).inc();
    }

    /// How far each subscription is behind: topic, subscription, messages. Those that are not named are gone.
    pub fn set_lags<'a>(&self, lags: impl IntoIterator<Item = (&'a str, &'a str, u64)>) {
        self.families.set_lags(lags);
    }

    /// What the embedded log holds, by topic: messages, those of them that every subscription has acknowledged, bytes.
    /// Topics that are not named are gone.
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

    /// Totals of all connectors. What goes through a source and a sink is counted by each, so they are not added up.
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
            received: sum(&families.received, &is_source),
            published: sum(&families.processed, &is_source),
            written: sum(&families.processed, &|connector| !is_source(connector)),
            failed: sum(&families.failed, &|_| true),
            dead_letters: sum(&families.dead_letters, &|_| true),
        }
    }
}

/// A status as text without allocating.
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
