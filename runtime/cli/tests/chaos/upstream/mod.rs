//! Servers in which events are committed before a process reads them.

pub mod client;
mod kafka;
mod mosquitto;
mod otlp;
mod postgres;
mod produce;

use std::net::SocketAddr;

use serde_json::Value;

use self::client::Client;
pub use self::{kafka::Kafka, mosquitto::Mosquitto, otlp::Exporter, postgres::Postgres};

/// What an event is called there: a topic or a table.
const NAME: &str = "payments";

/// A server with a topic or a table of payments.
pub trait Upstream {
    /// Longest that it waits for a process that is silent, in seconds.
    const SILENCE_SECS: u64;
    /// Whether the events of one sender are of one key, and in order.
    const KEEPS_ORDER: bool;
    /// Whether a record's payload is the event, and fits its schema.
    const HAS_SCHEMA: bool = true;
    /// Whether it is told what is durable, and when; else each client has its answer.
    const IS_CONFIRMED: bool = true;
    /// What the process logs once it misses nothing that is committed from then on.
    const READS: &'static str;

    /// Where it listens for the process under test, which reaches it through a proxy.
    fn address(&self) -> SocketAddr;

    /// The `[[sources]]` that reads it at this address into this topic.
    fn source(&self, address: SocketAddr, topic: &str) -> String;

    /// An independent client that commits events, past the proxy.
    fn client(&self) -> Client;

    /// The event of a row.
    fn event(&self, row: Value) -> Value {
        row
    }

    /// Ends it under those who use it, and starts it on what it has on disk. False if there is no such server.
    fn restart(&mut self) -> bool;
}
