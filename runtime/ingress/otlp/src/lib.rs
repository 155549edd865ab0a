//! The source `otlp`: a receiver of OpenTelemetry's protocol.
//!
//! ```text
//! listener ─ sockets, TLS, limits, bodies: `danube_wasm_ingress_listener`
//!   receiver ─ one export: credentials → frame → decompress → decode → events → offer all → answer
//!     otlp_grpc, otlp_http ─ the two forms of requests and answers
//! ```
//!
//! Traces, metrics and logs, over gRPC and over HTTP as protobuf or JSON; a port takes all of them. An export is answered with
//! success only when every record that is made of it is durable. The events of one request are offered together
//! ([`Intake::offer_all`](danube_wasm_model::door::Intake::offer_all)): where one can only be taken later, the whole request is, and
//! its event ids make the retry meet its own records.
//!
//! gRPC's frame is five bytes before the one message of a request, so `otlp_grpc.rs` reads it itself, and only statuses are tonic's. A
//! service of tonic would decompress on the I/O threads, answer `OUT_OF_RANGE` where OTLP demands `RESOURCE_EXHAUSTED`, and
//! hand over messages instead of the bytes of which the ids are made. So one code reads the bodies of all forms, with one limit.

mod answer;
mod config;
mod connector;
mod decode;
mod event_id;
mod facts;
#[cfg(test)]
mod fuzz;
mod json;
pub mod limits;
mod otlp_grpc;
mod otlp_http;
mod outcomes;
mod problem;
mod receiver;
mod records;
mod request;
mod signal;

pub use config::{Otlp, SignalConfig, Split};
pub use connector::OtlpSource;
pub use receiver::Endpoint;
pub use signal::Signal;
