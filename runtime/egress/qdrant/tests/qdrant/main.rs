//! The sink at its door: against Qdrant's engine behind its gRPC, or, with QDRANT_URL, a real server; and against a server that fails
//! as it is told to.

mod support;

mod answers;
mod config;
mod danube_connect;
mod documents;
mod embedding;
mod engine;
mod faults;
mod guard;
mod order;
mod probe;
mod reader;
mod reports;
mod shapes;
mod versions;
