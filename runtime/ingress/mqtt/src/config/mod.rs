//! The table `[sources.mqtt]`.

mod broker;
mod kinds;
mod route;
mod tls;

pub use broker::{Mqtt, ProtocolChoice};
pub use route::{KeySource, RouteConfig};
pub use tls::TlsConfig;
