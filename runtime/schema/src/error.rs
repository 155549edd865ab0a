//! Why there is no validator.

use danube_wasm_broker::BrokerError;

/// Why there is no validator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SchemaError {
    /// The registry did not do what it was asked.
    #[error("schema subject `{subject}`: the registry says: {source}")]
    Registry {
        /// The subject, or the number of one.
        subject: String,
        /// Its answer.
        source: BrokerError,
    },
    /// The schema itself is refused.
    #[error("schema subject `{subject}`: {reason}")]
    Refused {
        /// The subject.
        subject: String,
        /// What is wrong with it and where.
        reason: String,
    },
    /// What is declared and what is registered do not fit.
    #[error("schema subject `{subject}` of topic {topic}: {reason}")]
    Declaration {
        /// The subject.
        subject: String,
        /// The topic it was declared for.
        topic: String,
        /// What differs and what to do.
        reason: String,
    },
    /// A message names a schema that is not registered.
    #[error("schema number {id}, version {version}, is not in the registry")]
    Unknown {
        /// Number of the subject.
        id: u64,
        /// Version.
        version: u32,
    },
}

impl SchemaError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Registry { source, .. } if source.is_transient())
    }
}
