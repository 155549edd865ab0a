//! Why an upstream did not do something, sorted by what the driver does next.

use std::time::Duration;

use super::NotebookError;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Out of reach or busy; the session itself is still good. It is tried again after a wait.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// The upstream's own wish.
        retry_after: Option<Duration>,
    },
    /// The session is over, and with it all its streams, as if they were [`Lost`](super::Delivery::Lost). A new one is made
    /// after a wait.
    #[error("{message}")]
    Disconnected {
        /// What happened.
        message: String,
    },
    /// Trying again cannot help until somebody changes something: credentials, a missing topic, a refused subscription. The
    /// connector stops.
    #[error("{message}")]
    Configuration {
        /// What happened and what to do.
        message: String,
    },
    /// The upstream no longer has what was not read yet: a slot that is gone, an offset out of range, a session that was
    /// discarded. The connector stops until an operator has accepted that.
    #[error("{message}")]
    Gap {
        /// What is lost, from where to where, and how to accept it.
        message: String,
    },
}

impl UpstreamError {
    /// Closed metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Disconnected { .. } => "disconnected",
            Self::Configuration { .. } => "configuration",
            Self::Gap { .. } => "gap",
        }
    }
}

/// The session is good, and the disk may be well again later.
impl From<NotebookError> for UpstreamError {
    fn from(NotebookError { message }: NotebookError) -> Self {
        Self::Transient {
            message,
            retry_after: None,
        }
    }
}
