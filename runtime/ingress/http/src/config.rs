//! The table `[sources.webhook]`.

mod build;
mod endpoint;
mod event_id;
mod policy;
mod webhook;

pub(crate) use build::endpoints;
pub use danube_wasm_ingress_listener::config::{AuthConfig, HmacForm, JwtKeys, PublicKey, SignatureConfig};
pub use endpoint::EndpointConfig;
pub use policy::{HandshakeConfig, PolicyConfig};
pub use webhook::Webhook;
