//! Every metric of the host.

use std::collections::BTreeSet;

use prometheus::{Registry, core::Collector, proto::Metric};

use super::{
    groups::{BrokerMetrics, CallMetrics, ConnectorFamilies, HostMetrics, HttpMetrics, MessageMetrics, SpoolMetrics},
    manual::Section,
    registration::{Registration, RemoveSeries, remove_connector, remove_series},
};

/// All metrics of the host.
pub(super) struct Families {
    pub(super) messages: MessageMetrics,
    pub(super) connectors: ConnectorFamilies,
    pub(super) http: HttpMetrics,
    pub(super) calls: CallMetrics,
    pub(super) spool: SpoolMetrics,
    pub(super) broker: BrokerMetrics,
    pub(super) host: HostMetrics,
    /// What the reference page says of them.
    pub(super) manual: Vec<Section>,
    removals: Vec<RemoveSeries>,
}

impl Families {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let mut r = Registration::new(registry);
        Ok(Self {
            messages: MessageMetrics::register(&mut r)?,
            connectors: ConnectorFamilies::register(&mut r)?,
            http: HttpMetrics::register(&mut r)?,
            calls: CallMetrics::register(&mut r)?,
            spool: SpoolMetrics::register(&mut r)?,
            broker: BrokerMetrics::register(&mut r)?,
            host: HostMetrics::register(&mut r)?,
            manual: r.manual,
            removals: r.removals,
        })
    }

    /// Sets these topics and removes the series of others: messages, consumed messages, bytes.
    pub(super) fn set_topics<'a>(&self, topics: impl IntoIterator<Item = (&'a str, [u64; 3])>) {
        let families = [
            &self.broker.topic_messages,
            &self.broker.topic_consumed,
            &self.broker.topic_bytes,
        ];
        let mut there = BTreeSet::new();
        for (topic, values) in topics {
            there.insert(topic);
            for (family, value) in families.iter().zip(values) {
                family.with_label_values(&[topic]).set(value as f64);
            }
        }
        for family in families {
            let mut shown = family.collect();
            let metrics = shown.iter_mut().flat_map(|family| family.take_metric());
            let is_there = |metric: &Metric| metric.get_label().iter().any(|label| there.contains(label.value()));
            metrics
                .filter(|metric| !is_there(metric))
                .for_each(|metric| remove_series(family, &metric));
        }
    }

    /// Sets these subscriptions and removes the series of others.
    pub(super) fn set_lags<'a>(&self, lags: impl IntoIterator<Item = (&'a str, &'a str, u64)>) {
        let mut shown = self.broker.lag.collect();
        let mut gone: Vec<_> = shown.iter_mut().flat_map(|family| family.take_metric()).collect();
        for (topic, subscription, messages) in lags {
            self.broker
                .lag
                .with_label_values(&[topic, subscription])
                .set(messages as f64);
            gone.retain(|metric| {
                let is = |value: &str| metric.get_label().iter().any(|label| label.value() == value);
                !(is(topic) && is(subscription))
            });
        }
        for metric in gone {
            remove_series(&self.broker.lag, &metric);
        }
    }

    /// Removes the series of a connector's spool.
    pub(super) fn remove_spool(&self, connector: &str) {
        for gauge in [
            &self.spool.bytes,
            &self.spool.records,
            &self.spool.refused,
            &self.spool.oldest_age,
        ] {
            remove_connector(gauge, connector);
        }
    }

    /// Removes every series of a connector.
    pub(super) fn remove_connector(&self, connector: &str) {
        self.removals.iter().for_each(|remove| remove(connector));
    }
}
