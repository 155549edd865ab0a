//! Errors of an operator's request.

use std::fmt;

use danube_wasm_broker::BrokerError;
use danube_wasm_codes::Code;
use danube_wasm_sandbox::LoadError;

/// Why an operator's request failed, and who can correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who can correct it.
    pub kind: FailureKind,
    /// Which kind of error it is, if it has a page.
    pub code: Option<Code>,
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
        Self {
            kind,
            code: None,
            message: message.to_string(),
        }
    }

    /// The same, of this kind of error.
    pub fn coded(self, code: impl Into<Option<Code>>) -> Self {
        let code = code.into();
        Self { code, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "error[{code}]: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::configuration(&error).coded(error.code())
    }
}

/// An operator's request that a broker did not fulfil.
impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        let failure = match error.is_transient() {
            true => Self::internal(&error),
            false => Self::usage(&error),
        };
        failure.coded(error.kind.code())
    }
}
