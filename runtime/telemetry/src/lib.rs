//! Metric names, log format, traces and health, and the admin port that shows them.
//!
//! Nothing here changes what the runtime does: the admin port only reads, and an exporter that cannot keep up drops
//! spans instead of delaying events. Metric names of Danube Connect are kept; labels are configured topics and closed
//! sets.

pub mod admin;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod trace;

pub use admin::AdminServer;
pub use health::{Connector, Health, HealthHandle, Liveness};
pub use logging::LogFormat;
pub use metrics::{ConnectorMetrics, ConnectorState, Metrics};
pub use trace::{OtlpOptions, Span, Tracing};
