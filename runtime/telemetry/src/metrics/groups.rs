//! The metrics by subject, each with its name, unit, help and labels.

mod broker;
mod calls;
mod connectors;
mod endpoints;
mod http;
mod kafka;
mod messages;
mod mqtt;
mod postgres;
mod process;
mod sources;

pub(super) use self::{
    broker::{BrokerMetrics, SpoolMetrics},
    calls::CallMetrics,
    connectors::ConnectorFamilies,
    endpoints::EndpointMetrics,
    http::HttpMetrics,
    kafka::KafkaMetrics,
    messages::MessageMetrics,
    mqtt::MqttMetrics,
    postgres::PostgresMetrics,
    process::HostMetrics,
    sources::SourceMetrics,
};
use super::registration::CONNECTOR;

/// Labels of metrics by connector.
const BY_CONNECTOR: &[&str] = &[CONNECTOR];
/// Labels of metrics by connector and topic, or endpoint.
const BY_TOPIC: &[&str] = &[CONNECTOR, "topic"];
