//! Why a request has not done its work.

use std::{sync::Arc, time::Duration};

use danube_wasm_egress_common::bisect;
use danube_wasm_model::door::EgressError;

/// Why a request has not done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It passes.
    Transient {
        message: String,
        retry_after: Option<Duration>,
    },
    /// The table, the database, the user or the address: somebody must act.
    Unfit(String),
    /// The table is not any more what was read of it.
    Layout(String),
    /// A row: the one at this place of the insert, if the server says which.
    Record { row: Option<usize>, message: String },
    /// The insert has rows of too many partitions.
    Partitions(String),
    /// The insert is too large for what is in front of the server.
    TooLarge(String),
}

impl Fault {
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::Transient {
            message: message.into(),
            retry_after: None,
        }
    }

    /// What happened, for people.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Transient { message, .. }
            | Self::Unfit(message)
            | Self::Layout(message)
            | Self::Record { message, .. }
            | Self::Partitions(message)
            | Self::TooLarge(message) => message,
        }
    }

    /// Whether smaller inserts may do.
    pub(crate) fn asks_for_less(&self) -> bool {
        matches!(self, Self::Partitions(_) | Self::TooLarge(_))
    }

    /// As the pipeline knows it, for a table.
    pub(crate) fn into_egress_error(self, table: &Arc<str>) -> EgressError {
        match self {
            Self::Transient { message, retry_after } => EgressError::Transient { message, retry_after },
            other => EgressError::Unfit {
                target: table.clone(),
                message: other.message().to_owned(),
            },
        }
    }
}

impl bisect::Fault for Fault {
    fn into_refusal(self) -> Result<String, Self> {
        match self {
            Self::Record { message, .. } | Self::Partitions(message) | Self::TooLarge(message) => Ok(message),
            fault => Err(fault),
        }
    }

    fn of_target(reason: &str, own: String) -> Self {
        Self::Unfit(format!(
            "the table takes no insert, not even an empty one ({own}); of a row it says: {reason}"
        ))
    }
}
