//! The table `[sinks.delta]`.

mod columns;
mod guard;
mod mapping;
mod names;
mod sink;
mod storage;
mod table;

pub use columns::{FieldMapping, PartitionBy, UnknownFields};
pub use guard::Guard;
pub use mapping::TopicMapping;
pub use sink::Delta;
pub use table::Table;
