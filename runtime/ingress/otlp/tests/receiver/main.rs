//! The source through real sockets: by hand, by OpenTelemetry's exporters, and by its collector.

mod answers;
mod auth;
mod bodies;
mod collector;
mod configuration;
mod events;
mod exporters;
mod json;
mod limits;
mod reports;
mod support;

/// How messages are encoded over HTTP.
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
