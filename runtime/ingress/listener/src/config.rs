//! The tables that sources that listen have alike.

mod auth;
mod build;
mod listener;
mod rate;
mod tls;

pub use auth::{AuthConfig, DialConfig, HmacForm, IssuerConfig, JwtKeys, PublicKey, SignatureConfig};
pub use listener::{ListenerConfig, ListenerDefaults};
