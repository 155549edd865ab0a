//! Tests of the dialer with real listeners on loopback. 127.0.0.1 represents the public internet, other loopback
//! addresses are forbidden ones. Nothing leaves this machine.

#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod connecting;
mod edges;
mod http;
mod literals;
mod messages;
mod metadata;
mod names;
mod policy;
mod proxies;
mod rebinding;
mod redirects;
mod support;
mod tls;
