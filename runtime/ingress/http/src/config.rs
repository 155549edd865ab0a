//! The table `[sources.webhook]`.

mod auth;
mod build;
mod endpoint;
mod event_id;
mod webhook;

pub use auth::{AuthConfig, HmacForm, JwtKeys, PublicKey};
pub(crate) use build::{endpoints, limits, trusted_proxies};
pub use endpoint::EndpointConfig;
pub use webhook::Webhook;
