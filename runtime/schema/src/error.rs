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
    /// The schema cannot be looked at now, for a reason of this machine's.
    #[error("schema subject `{subject}` cannot be looked at now: {reason}")]
    Busy {
        /// The subject.
        subject: String,
        /// What is missing.
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
        match self {
            Self::Registry { source, .. } => source.is_transient(),
            Self::Busy { .. } => true,
            Self::Refused { .. } | Self::Declaration { .. } | Self::Unknown { .. } => false,
        }
    }

    /// Whether it says something about the schema that a message names. Else nobody knows yet whether the message can be
    /// decoded, and it has to be kept: a registry that does not let this connector ask (a missing permission, a token that
    /// has expired, a file that cannot be read) says nothing about the message, and answers when an operator has mended it.
    pub fn is_about_the_schema(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::Refused { .. } | Self::Declaration { .. } => true,
            Self::Registry { .. } | Self::Busy { .. } => false,
        }
    }
}
