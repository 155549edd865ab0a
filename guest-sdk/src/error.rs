//! Danube Connect's four kinds of connector error.

use std::{fmt, time::Duration};

use crate::bindings::types::{Failure, FailureKind};

/// What a connector's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a connector could not do something, sorted by what the host does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Not now: the host backs off, logs it, and calls again with the same batch. A sink is believed ten times or ten minutes.
    /// A source's senders wait meanwhile, so it is believed for five seconds; then they are told to come back (503), after
    /// `retry_after` where that is given.
    Retryable {
        /// What happened, for the operator.
        message: String,
        /// The connector's own number for it; 0 if it has none.
        code: u32,
        /// Wait at least this long.
        retry_after: Option<Duration>,
    },
    /// Never again: the host stops this connector and says so.
    Fatal {
        /// What happened and what to do, for the operator.
        message: String,
        /// The connector's own number for it; 0 if it has none.
        code: u32,
    },
    /// This input is no good. From [`SourceConnector::event`](crate::SourceConnector::event) and
    /// [`SinkConnector::process`](crate::SinkConnector::process) it refuses that one input and the rest of the batch
    /// goes on. From a batch method it fails the call, and the host looks for the culprit by halving the batch.
    InvalidData {
        /// What is wrong with the data and where, for whoever sent it.
        message: String,
        /// The connector's own number for it; 0 if it has none.
        code: u32,
    },
    /// The configuration is wrong: the host refuses to start.
    Configuration {
        /// Which setting, what is wrong with it and what to write instead.
        message: String,
        /// The connector's own number for it; 0 if it has none.
        code: u32,
    },
}

impl Error {
    /// Not now.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::Retryable {
            message: message.into(),
            code: 0,
            retry_after: None,
        }
    }

    /// Never again.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::Fatal {
            message: message.into(),
            code: 0,
        }
    }

    /// This input is no good.
    pub fn invalid_data(message: impl Into<String>) -> Self {
        Self::InvalidData {
            message: message.into(),
            code: 0,
        }
    }

    /// The configuration is wrong.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration {
            message: message.into(),
            code: 0,
        }
    }

    /// With the connector's own number for it, shown in logs and metrics.
    pub fn with_code(mut self, number: u32) -> Self {
        match &mut self {
            Self::Retryable { code, .. }
            | Self::Fatal { code, .. }
            | Self::InvalidData { code, .. }
            | Self::Configuration { code, .. } => *code = number,
        }
        self
    }

    /// With the shortest wait before the next try. Only a retryable error has one; others stay as they are.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        if let Self::Retryable { retry_after, .. } = &mut self {
            *retry_after = Some(wait);
        }
        self
    }

    /// What happened.
    pub fn message(&self) -> &str {
        match self {
            Self::Retryable { message, .. }
            | Self::Fatal { message, .. }
            | Self::InvalidData { message, .. }
            | Self::Configuration { message, .. } => message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

/// JSON that does not parse, or does not fit its type, is invalid data.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid_data(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, message, code, retry_after) = match error {
            Error::Retryable {
                message,
                code,
                retry_after,
            } => (FailureKind::Retryable, message, code, retry_after),
            Error::Fatal { message, code } => (FailureKind::Fatal, message, code, None),
            Error::InvalidData { message, code } => (FailureKind::InvalidData, message, code, None),
            Error::Configuration { message, code } => (FailureKind::Configuration, message, code, None),
        };
        Self {
            kind,
            code,
            message,
            retry_after_ms: retry_after.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_crosses_as_itself() {
        let error = Error::retryable("busy")
            .with_code(7)
            .with_retry_after(Duration::from_secs(2));
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Retryable);
        assert_eq!((failure.code, failure.retry_after_ms), (7, Some(2000)));
        assert_eq!(Failure::from(Error::fatal("x")).kind, FailureKind::Fatal);
        assert_eq!(Failure::from(Error::invalid_data("x")).kind, FailureKind::InvalidData);
        assert_eq!(
            Failure::from(Error::configuration("x")).kind,
            FailureKind::Configuration
        );
    }

    #[test]
    fn only_a_retryable_error_waits() {
        let error = Error::fatal("x").with_retry_after(Duration::from_secs(1));
        assert_eq!(Failure::from(error).retry_after_ms, None);
        let long = Error::retryable("x").with_retry_after(Duration::from_secs(u64::MAX));
        assert_eq!(Failure::from(long).retry_after_ms, Some(u32::MAX));
    }

    #[test]
    fn json_that_does_not_parse_is_invalid_data() {
        let error = serde_json::from_str::<u32>("{").map_err(Error::from);
        assert!(matches!(error, Err(Error::InvalidData { .. })));
    }
}
