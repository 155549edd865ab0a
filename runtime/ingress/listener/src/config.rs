//! The tables that sources that listen have alike.

mod auth;
mod build;
mod listener;
mod rate;
mod tls;

pub use auth::{AuthConfig, HmacForm, JwtKeys, PublicKey};
pub use listener::{ListenerConfig, ListenerDefaults};
