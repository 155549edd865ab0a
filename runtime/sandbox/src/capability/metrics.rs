//! Capability `metrics`: numbers for the connector's metrics page, under a bounded number of well-formed names.

use std::{collections::HashSet, sync::Arc};

use danube_wasm_model::ConnectorId;
use parking_lot::Mutex;

use crate::{bindings::danube::connector::metrics::Host, host::GuestHost, limits::GuestLimits};

/// Longest name, as the contract has it.
const NAME_BYTES_MAX: usize = 64;

/// One instance's end of its connector's metrics.
pub(crate) struct Metrics(Arc<ConnectorMetrics>);

impl Metrics {
    pub(super) fn new(metrics: &Arc<ConnectorMetrics>) -> Self {
        Self(Arc::clone(metrics))
    }
}

impl Host for Metrics {
    fn counter_add(&mut self, name: String, value: u64) {
        self.0
            .record(&name, true, |host, id| host.counter_add(id, &name, value));
    }

    fn gauge_set(&mut self, name: String, value: f64) {
        self.0
            .record(&name, value.is_finite(), |host, id| host.gauge_set(id, &name, value));
    }

    fn observe(&mut self, name: String, value: f64) {
        self.0
            .record(&name, value.is_finite(), |host, id| host.observe(id, &name, value));
    }
}

/// The metrics of one connector, shared by its instances.
pub(crate) struct ConnectorMetrics {
    id: ConnectorId,
    host: Arc<dyn GuestHost>,
    names_max: usize,
    names: Mutex<HashSet<String>>,
}

impl ConnectorMetrics {
    pub(super) fn new(id: &ConnectorId, limits: &GuestLimits, host: &Arc<dyn GuestHost>) -> Self {
        Self {
            id: id.clone(),
            host: Arc::clone(host),
            names_max: limits.metric_names_max,
            names: Mutex::new(HashSet::new()),
        }
    }

    fn record(&self, name: &str, value_is_fine: bool, record: impl FnOnce(&dyn GuestHost, &ConnectorId)) {
        if value_is_fine && is_name(name) && self.admit(name) {
            record(self.host.as_ref(), &self.id);
        } else {
            self.host.dropped(&self.id, "metrics", 1);
        }
    }

    fn admit(&self, name: &str) -> bool {
        let mut names = self.names.lock();
        if names.contains(name) {
            return true;
        }
        names.len() < self.names_max && names.insert(name.to_owned())
    }
}

/// Whether a text matches `[a-z][a-z0-9_]{0,63}`.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_the_limit_and_one_past_it() {
        assert!(is_name("orders_total"));
        assert!(is_name(&"a".repeat(64)));
        for bad in ["", "1a", "A", "a-b", "é", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
