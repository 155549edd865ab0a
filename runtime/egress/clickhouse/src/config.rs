//! The table `[sinks.clickhouse]`.

mod login;
mod mapping;
mod settings;
mod sink;
mod table;
mod unknown_fields;

pub use login::Login;
pub use mapping::TopicMapping;
pub use sink::{ClickHouse, Compression};
pub use table::{ColumnSource, Dedup, TableOptions};
pub use unknown_fields::UnknownFields;
