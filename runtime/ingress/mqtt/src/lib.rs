//! The source `mqtt`: messages of an MQTT broker to events, acknowledged when their records are durable.
//!
//! ```text
//! broker ── socket ──► Link ── Session ──► MqttUpstream ──► pull driver → component → records
//!               ◄── PUBACK, PUBREC ────────── MqttConfirmer ◄── durable
//! ```
//!
//! * [`session`] is the protocol without I/O: packets, acknowledgements in order, keep alive, and the ledger of packet ids that
//!   makes a message that comes again the same event.
//! * [`dial`] makes a socket: TCP, TLS, WebSocket ([`websocket`]).
//! * [`link`] is the task of one socket; [`client`] makes one connection after the other in one session of the broker's.
//! * [`upstream`] is what the pull driver of the pipeline reads and confirms.

mod client;
mod config;
mod connector;
mod counters;
mod dial;
mod event;
mod event_id;
mod filter;
mod handshake;
mod limits;
mod link;
mod notes;
mod packets;
mod probe;
mod refusal;
mod routes;
mod session;
mod upstream;
mod url;
mod websocket;

pub use config::{KeySource, Mqtt, ProtocolChoice, RouteConfig};
pub use connector::MqttSource;
pub use event_id::EventIdSource;
pub use filter::{InvalidFilter, TopicFilter};
pub use url::{InvalidUrl, MqttUrl};
