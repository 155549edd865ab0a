//! Writes documents to tables of ClickHouse, over its HTTP interface.
//!
//! ```text
//! writes → by table → layout (what the table is) → rows (each value checked) → of one id, what counts
//!        → inserts (columns that are left out, partitions, size) → bisect → report
//! ```
//!
//! # What is promised
//!
//! * **As it was, or refused.** The server wraps numbers, cuts decimals and drops fields without a word. Every value is checked
//!   against its column before it is sent (`value.rs`); what does not fit is refused by JSON pointer, value and column.
//! * **Once, by id.** In a ReplacingMergeTree that is sorted by the id, each id is once in the table for who reads it with
//!   `FINAL`, and for all after merges; a late write loses by its order, and a delete is a row (`layout/`). Other engines hold
//!   a row twice that was sent twice, unless the server remembers the insert's token, or the table is asked first
//!   (`lookup.rs`). What a table can promise is said by `check --connect` (`promise.rs`).
//! * **Stored when it says so.** An insert is done when the server has it (`wait_end_of_query`, `wait_for_async_insert`), and
//!   only if it is ClickHouse that answers (`client.rs`).
//! * **No record pays for its table.** Only errors that are about a row refuse one (`exception/`); one bad row of an insert is
//!   found by what the server says, and verified alone (`insert/`).
//! * **No table pays for another.** Each has inserts and a verdict of its own (`egress.rs`).
//! * **No injection.** Names are parameters of the query or quoted, values are binary.
//! * **Bounded.** Requests have a time limit, answers a size limit.

mod client;
pub mod config;
mod connector;
mod egress;
mod exception;
mod insert;
mod layout;
pub mod limits;
mod lookup;
mod probe;
mod promise;
mod row;
mod server;
mod shown;
mod table;
mod types;
mod value;

use std::time::Duration;

use danube_wasm_model::BatchWish;

pub use config::ClickHouse;
pub use connector::ClickHouseSink;
pub use egress::ClickHouseEgress;
pub use value::{Conversion, Epoch};

/// The batches that suit it: each insert makes a part on the server's disk, and too many parts are its usual accident. So a
/// trickle of messages is collected for as long as messages may wait.
pub(crate) const BATCH_WISH: BatchWish = BatchWish {
    messages_max: 10_000,
    bytes_max: 8 << 20,
    linger: Duration::from_secs(1),
    idle: Duration::from_secs(1),
};
