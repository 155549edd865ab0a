//! The table `[sources.postgres]`.

mod database;
mod names;
mod route;

pub(crate) use database::claim;
pub use database::{Envelope, OnSlotLost, Origin, Postgres, SnapshotMode, SslMode};
pub use names::{InvalidName, Name, TableName};
pub use route::{MessageRoute, TableRoute};
