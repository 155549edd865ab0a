//! The table `[sinks.surrealdb]`.

mod database;
mod mapping;
mod table_name;

pub use database::SurrealDb;
pub use mapping::{StorageMode, TopicMapping};
