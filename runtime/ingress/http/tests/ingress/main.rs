//! The HTTP ingress through real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod answers;
mod auth;
mod bodies;
mod drain;
mod events;
mod framing;
mod http2;
mod limits;
mod replays;
mod routes;
mod tls;

#[path = "../support/mod.rs"]
mod support;
