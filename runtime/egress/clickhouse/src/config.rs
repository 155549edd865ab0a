//! The table `[sinks.clickhouse]`.

mod guard;
mod login;
mod mapping;
mod settings;
mod sink;
mod table;
mod tls;
mod unknown_fields;

pub use guard::Guard;
pub use login::Login;
pub use mapping::TopicMapping;
pub use sink::{ClickHouse, Compression};
pub use table::{ColumnSource, Dedup, TableOptions};
pub use tls::TlsFiles;
pub use unknown_fields::UnknownFields;
