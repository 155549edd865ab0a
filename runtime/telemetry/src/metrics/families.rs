//! Every metric of the host.

use std::collections::BTreeSet;

use prometheus::{GaugeVec, Registry, core::Collector, proto::Metric};

use super::{
    groups::{
        BrokerMetrics, CallMetrics, ConnectorFamilies, EndpointMetrics, HostMetrics, HttpMetrics, KafkaMetrics,
        MessageMetrics, MqttMetrics, PostgresMetrics, SourceMetrics, SpoolMetrics,
    },
    manual::Section,
    registration::{CONNECTOR, Registration, RemoveSeries, remove_connector, remove_series},
};

/// All metrics of the host.
pub(super) struct Families {
    pub(super) messages: MessageMetrics,
    pub(super) connectors: ConnectorFamilies,
    pub(super) sources: SourceMetrics,
    pub(super) http: HttpMetrics,
    pub(super) mqtt: MqttMetrics,
    pub(super) postgres: PostgresMetrics,
    pub(super) kafka: KafkaMetrics,
    pub(super) calls: CallMetrics,
    pub(super) endpoints: EndpointMetrics,
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
            sources: SourceMetrics::register(&mut r)?,
            http: HttpMetrics::register(&mut r)?,
            mqtt: MqttMetrics::register(&mut r)?,
            postgres: PostgresMetrics::register(&mut r)?,
            kafka: KafkaMetrics::register(&mut r)?,
            calls: CallMetrics::register(&mut r)?,
            endpoints: EndpointMetrics::register(&mut r)?,
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

    /// Sets what the upstream of a connector keeps of these streams, messages and bytes, and removes the series of others.
    pub(super) fn set_backlogs<'a>(
        &self,
        connector: &str,
        backlogs: impl IntoIterator<Item = (&'a str, [Option<u64>; 2])>,
    ) {
        let families = [&self.sources.lag, &self.sources.retained];
        let mut there = families.map(|_| BTreeSet::new());
        for (stream, values) in backlogs {
            for ((family, there), value) in families.iter().zip(&mut there).zip(values) {
                if let Some(value) = value {
                    family.with_label_values(&[connector, stream]).set(value as f64);
                    there.insert(stream);
                }
            }
        }
        for (family, there) in families.into_iter().zip(there) {
            keep_streams(family, connector, &there);
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

/// Removes a connector's series of other streams.
fn keep_streams(family: &GaugeVec, connector: &str, streams: &BTreeSet<&str>) {
    let value = |metric: &Metric, name: &str| {
        let mut labels = metric.get_label().iter();
        let label = labels.find(|label| label.name() == name);
        label.map(|label| label.value().to_owned()).unwrap_or_default()
    };
    let mut shown = family.collect();
    let metrics = shown.iter_mut().flat_map(|family| family.take_metric());
    metrics
        .filter(|metric| value(metric, CONNECTOR) == connector && !streams.contains(&*value(metric, "stream")))
        .for_each(|metric| remove_series(family, &metric));
}
