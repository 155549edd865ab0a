//! The table `[sources.kafka]`.

mod brokers;
mod check;
mod cluster;
mod kinds;
mod options;
mod reading;
mod route;
mod schema_registry;
mod security;

pub use brokers::{Broker, InvalidBroker};
pub use cluster::Kafka;
pub use options::Options;
pub use reading::{GroupProtocol, Isolation, OnOutOfRange, Reading, Start};
pub use route::{EventIdSource, KeyFormat, OrderSource, RouteConfig, ValueFormat};
pub use schema_registry::{Login, SchemaRegistryConfig};
pub use security::{Mechanism, Sasl, TlsConfig};
