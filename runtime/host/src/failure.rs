//! Why something that an operator asked for was not done.

use std::fmt;

/// Why something that an operator asked for was not done: a sentence, and whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who can do something about it.
    pub kind: FailureKind,
    /// What happened and what to do.
    pub message: String,
}

/// Who can do something about a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Whoever asked: the question is wrong.
    Usage,
    /// The author of the pipeline file: nothing was started.
    Configuration,
    /// Nobody who asks: something broke.
    Internal,
}

impl Failure {
    /// The question is wrong.
    pub fn usage(message: impl ToString) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// The configuration is wrong.
    pub fn configuration(message: impl ToString) -> Self {
        Self::new(FailureKind::Configuration, message)
    }

    /// Something broke that the user could not have prevented.
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
