//! The table `[sources.webhook]`.

mod build;
mod endpoint;
mod event_id;
mod webhook;

pub(crate) use build::endpoints;
pub use danube_wasm_ingress_listener::config::{AuthConfig, HmacForm, JwtKeys, PublicKey};
pub use endpoint::EndpointConfig;
pub use webhook::Webhook;
