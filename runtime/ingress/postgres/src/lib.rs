//! The source `postgres`: changes of PostgreSQL's tables to events, confirmed to the replication slot when their records are durable.
//!
//! ```text
//! walsender ── Socket ──► WalStream ── Decoder ──► PostgresUpstream ──► pull driver → component → records
//!               ◄── status: flushed up to ──────── Confirmed ◄── durable, and noted
//! ```
//!
//! * [`position`] decides, without I/O, what is done with a slot: read on, take a snapshot, or stop because changes are lost.
//! * [`replication`] is one session in replication mode: commands, then the stream, which stays alive whatever the rest does.
//! * [`sql`] is an ordinary session: what the server, the publication and the tables are like, and the rows of a snapshot.
//! * [`decoder`] makes events of the stream's messages, [`values`] JSON of what PostgreSQL writes as text.
//! * [`streaming`] gathers events while there is room; [`upstream`] is what the pull driver of the pipeline reads and confirms.

mod catalog;
mod client;
mod config;
mod confirmed;
mod connector;
mod counters;
mod decoder;
mod dial;
mod envelope;
mod event;
mod limits;
mod lsn;
mod monitor;
mod notes;
mod position;
mod probe;
mod refusal;
mod relation;
mod replication;
mod routes;
mod snapshot;
mod sql;
mod streaming;
mod upstream;
mod url;
mod values;

pub use config::{
    Envelope, InvalidName, MessageRoute, Name, OnSlotLost, Origin, Postgres, SnapshotMode, SslMode, TableName,
    TableRoute,
};
pub use connector::PostgresSource;
pub use url::{InvalidUrl, PostgresUrl};
