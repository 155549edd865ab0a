//! The table `[sources.webhook]`.

mod build;
mod content;
mod endpoint;
mod event_id;
mod include;
mod policy;
mod route;
mod webhook;

pub(crate) use build::endpoints;
pub use danube_wasm_ingress_listener::config::{AuthConfig, HmacForm, JwtKeys, PublicKey, SignatureConfig};
pub use endpoint::EndpointConfig;
pub use include::Include;
pub use policy::{HandshakeConfig, PolicyConfig};
pub use route::{OTHERS, RouteBy, TopicRoute};
pub use webhook::Webhook;
