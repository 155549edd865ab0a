//! The HTTP ingress through real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod answers;
mod auth;
mod bodies;
mod contents;
mod drain;
mod events;
mod framing;
mod handshakes;
mod http2;
mod ids;
mod jwks;
mod limits;
mod paths;
mod pipeline;
mod replays;
mod routes;
mod sns;
mod tls;
mod tokens;
mod web;

#[path = "../support/mod.rs"]
mod support;
