//! Errors of an operator's request.

use std::fmt;

/// Why an operator's request failed, and who can correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who can correct it.
    pub kind: FailureKind,
    /// What happened and what to do.
    pub message: String,
}

/// Who can correct a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The caller: the request is invalid.
    Usage,
    /// The author of the pipeline file: nothing was started.
    Configuration,
    /// Nobody who uses the program: an internal error.
    Internal,
}

impl Failure {
    /// An invalid request.
    pub fn usage(message: impl ToString) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// An invalid configuration.
    pub fn configuration(message: impl ToString) -> Self {
        Self::new(FailureKind::Configuration, message)
    }

    /// An error that the user could not have prevented.
    pub fn internal(message: impl ToString) -> Self {
        Self::new(FailureKind::Internal, message)
    }

    fn new(kind: FailureKind, message: impl ToString) -> Self {
        let message = message.to_string();
        Self { kind, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
