//! Appends documents to Delta Lake tables.
//!
//! ```text
//! writes → by table → rows, checked against the table's columns (`layout`, `value`) → committer of the table (`committer`)
//!        → those that the table does not have (`window`) → files by partition → commit (`writer`)
//! ```
//!
//! # What is promised
//!
//! * **Each message is a row, once.** A commit says which rows it has, by ids that stay the same; a message that comes again is known,
//!   after a lost answer, a crash, and in another process of the same connector (`writer`). The window of known rows is bounded: what
//!   comes again later than that is doubled.
//! * **As it was.** A value is stored as it is, or its message is refused with the value's pointer, the value, the column and its
//!   type. Nothing is inferred, widened or cut.
//! * **Beside others.** Other programs may append to the table and change it: each commit is made on the version that is the newest
//!   then. The store must refuse to replace an object where it is asked not to, which is tried at the start.
//! * **One record or table does not hold the others.** A document that does not fit is refused by itself, a table that cannot be
//!   written to holds its own messages.
//! * **Only where the file says.** The tables are the targets. Addresses are checked when they are dialed (`egress/dial`), and nothing
//!   is taken from the environment.

mod column_type;
mod columns;
mod committer;
pub mod config;
mod connector;
mod egress;
mod error;
mod ids_file;
mod layout;
pub mod limits;
mod log;
mod probe;
mod row;
mod storage;
mod table;
mod value;
mod window;
mod writer;

use std::time::Duration;

use danube_wasm_model::BatchWish;

pub use column_type::ColumnType;
pub use config::Delta;
pub use connector::DeltaSink;
pub use egress::DeltaEgress;
pub use storage::TableUrl;

/// The batches that suit it: each commit is a file at least, and small files slow every reader.
pub(crate) const BATCH_WISH: BatchWish = BatchWish {
    messages_max: 10_000,
    bytes_max: 64 << 20,
    linger: Duration::from_secs(10),
    idle: Duration::from_secs(10),
};
