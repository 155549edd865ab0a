//! The table `[sinks.delta]`.

mod columns;
mod mapping;
mod names;
mod sink;
mod storage;
mod table;

pub use columns::{FieldMapping, PartitionBy, UnknownFields};
pub use mapping::TopicMapping;
pub use sink::Delta;
pub use table::Table;
