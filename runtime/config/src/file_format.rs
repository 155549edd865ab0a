//! The format of a configuration file.

use toml::de::DeTable;

/// The format of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// A pipeline file: sources and sinks together.
    Pipeline,
    /// A file of Danube Connect: one connector, in the format of any of its versions.
    DanubeConnect,
}

/// Keys at the top of Danube Connect's files that a pipeline file never has there.
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
    /// Determines the format from the keys at the top. Sources and sinks decide: in a pipeline file, a key of the
    /// other format is an error that says where the key belongs.
    pub(crate) fn detect(table: &DeTable<'_>) -> Self {
        let pipeline = table.contains_key("sources") || table.contains_key("sinks");
        if !pipeline && CONNECT.iter().any(|key| table.contains_key(*key)) {
            Self::DanubeConnect
        } else {
            Self::Pipeline
        }
    }
}
