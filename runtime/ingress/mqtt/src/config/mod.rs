//! The table `[sources.mqtt]`.

mod broker;
mod kinds;
mod route;

pub use broker::{Mqtt, ProtocolChoice};
pub use route::{KeySource, RouteConfig};
