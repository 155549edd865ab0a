//! Servers in which events are committed before a process reads them.

pub mod client;
mod kafka;
mod mosquitto;
mod postgres;
mod produce;

use std::net::SocketAddr;

use self::client::Client;
pub use self::{kafka::Kafka, mosquitto::Mosquitto, postgres::Postgres};

/// What an event is called there: a topic or a table.
const NAME: &str = "payments";

/// A server with a topic or a table of payments.
pub trait Upstream {
    /// Longest that it waits for a process that is silent, in seconds.
    const SILENCE_SECS: u64;
    /// Whether the events of one sender are of one key, and in order.
    const KEEPS_ORDER: bool;
    /// What the process logs once it misses nothing that is committed from then on.
    const READS: &'static str;

    /// Where it listens for the process under test, which reaches it through a proxy.
    fn address(&self) -> SocketAddr;

    /// The `[[sources]]` that reads it at this address into this topic.
    fn source(&self, address: SocketAddr, topic: &str) -> String;

    /// An independent client that commits events, past the proxy.
    fn client(&self) -> Client;

    /// Ends it under those who use it, and starts it on what it has on disk.
    fn restart(&mut self);
}
