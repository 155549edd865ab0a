//! In whose words a file is written.

use toml::de::DeTable;

/// In whose words a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// A pipeline file: sources and sinks in one.
    Pipeline,
    /// A file of Danube Connect: one connector, in the words of any of its versions.
    DanubeConnect,
}

/// Tables and keys that stand at the top of a Danube Connect file and never of a pipeline file.
const CONNECT: [&str; 12] = [
    "connector_name",
    "server",
    "webhook",
    "endpoints",
    "routes",
    "auth",
    "retry",
    "processing",
    "surrealdb",
    "mqtt",
    "qdrant",
    "deltalake",
];

impl FileFormat {
    /// Of the file with these keys at its top. Sources and sinks decide: a pipeline file with a key of the other kind
    /// is told where that key belongs.
    pub(crate) fn of(table: &DeTable<'_>) -> Self {
        let pipeline = table.contains_key("sources") || table.contains_key("sinks");
        if !pipeline && CONNECT.iter().any(|key| table.contains_key(*key)) {
            Self::DanubeConnect
        } else {
            Self::Pipeline
        }
    }
}
