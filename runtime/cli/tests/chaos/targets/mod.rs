//! Servers that sinks write to, beside SurrealDB, each with a reader that knows nothing of the sink.

mod clickhouse;
mod delta;
mod http;
mod qdrant;

use std::net::SocketAddr;

use serde_json::Value;

pub use self::{clickhouse::ClickHouse, delta::Delta, http::Receiver, qdrant::Qdrant};

/// What it calls what it keeps of the events: a table, a collection, an endpoint.
const NAME: &str = "payments";

/// A server, with what it needs before anything is written.
pub trait Target {
    /// Where it listens for the processes under test, which reach it through a proxy.
    fn address(&self) -> SocketAddr;

    /// The `[[sinks]]` that writes this topic there, at this address.
    fn sink(&self, address: SocketAddr, topic: &str) -> String;

    /// What it has, each as the event was sent, read past the proxy.
    fn rows(&self) -> Vec<Value>;

    /// What it has in the order in which it came, where that is promised to be the order of each key.
    fn arrivals(&self) -> Option<Vec<Value>> {
        None
    }

    /// Kills it, and starts it on what it has on disk. False if this one keeps nothing there.
    fn restart(&mut self) -> bool;
}

/// The top of a sink's table for `builtin:document-sink`.
fn document_sink(kind: &str) -> String {
    format!("[[sinks]]\nname = \"{kind}\"\ncomponent = \"builtin:document-sink\"\n")
}

/// The mapping of the topic, with these lines.
fn mapping(kind: &str, topic: &str, lines: &str) -> String {
    format!(
        "[[sinks.{kind}.topic_mappings]]\ntopic = \"{topic}\"\nsubscription = \"rows\"\nsubscription_type = \"KeyShared\"\n{lines}\n"
    )
}

/// Puts the vector of an event back where it was.
fn with_vector(mut row: Value, vector: Value) -> Value {
    row["metadata"]["vector"] = vector;
    row
}
