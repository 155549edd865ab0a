//! Errors of starting a connector.

use std::fmt;

use danube_wasm_model::{door::EgressError, upstream::NotebookError};

/// Why a connector does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// Passes by itself: something that it needs is unavailable or does not exist yet. The start is retried.
    Transient(String),
    /// The user has to change something.
    Permanent(String),
}

impl StartError {
    /// An error that passes by itself.
    pub fn transient(why: impl fmt::Display) -> Self {
        Self::Transient(why.to_string())
    }

    /// An error that the user has to correct.
    pub fn permanent(why: impl fmt::Display) -> Self {
        Self::Permanent(why.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(why) | Self::Permanent(why) => f.write_str(why),
        }
    }
}

/// The disk may be well again later.
impl From<NotebookError> for StartError {
    fn from(error: NotebookError) -> Self {
        Self::transient(error)
    }
}

/// A target that is busy or out of reach passes by itself; what it refuses somebody has to change.
impl From<EgressError> for StartError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Transient { message, .. } => Self::Transient(message),
            EgressError::Configuration { message } | EgressError::Unfit { message, .. } => Self::Permanent(message),
        }
    }
}
