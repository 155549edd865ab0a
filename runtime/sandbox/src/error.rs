//! Why the sandbox cannot start, and why a component cannot be loaded.

use std::path::PathBuf;

use danube_wasm_codes::Code;
use danube_wasm_model::{
    ConnectorId,
    door::{FailureKind, GuestError},
};

use crate::{admission::AdmissionError, compile::CompileError};

/// Why the sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine cannot be made.
    #[error(
        "the sandbox cannot reserve its address space or does not know this processor: {message}; \
         if the process runs under a limit on virtual memory, lift it or lower `instances_max`"
    )]
    Engine {
        /// What the engine said.
        message: String,
    },
    /// The directory of compiled components is unusable.
    #[error("the directory of compiled components, `{}`, cannot be used: {source}", dir.display())]
    Cache {
        /// The directory.
        dir: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// Threads cannot be started.
    #[error("the sandbox cannot start its threads: {0}")]
    Threads(std::io::Error),
}

/// Why a component cannot be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// It is refused.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// It cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The pool of this process cannot hold the connector's limits.
    #[error("connector `{connector}`: {message}")]
    Limits {
        /// Whose limits.
        connector: ConnectorId,
        /// Which, and what to write instead.
        message: String,
    },
    /// It does not fit its world, or needs more than the pool gives any component.
    #[error("`{file}` does not fit this host: {message}; build it against this host's `danube:connector`")]
    Contract {
        /// How the component was named.
        file: String,
        /// What does not fit.
        message: String,
    },
    /// It named a topic or subscription that is not granted or not valid.
    #[error("`{file}`, connector `{connector}`: {message}")]
    Topics {
        /// How the component was named.
        file: String,
        /// Whose component.
        connector: ConnectorId,
        /// What it named, and what to change.
        message: String,
    },
    /// It did not start.
    #[error("`{file}`, connector `{connector}`, {stage}: {error}")]
    Start {
        /// How the component was named.
        file: String,
        /// Whose component.
        connector: ConnectorId,
        /// The function that it failed in: `instantiation`, `initialize`, `producer-configs`, `consumer-configs`.
        stage: &'static str,
        /// What happened there.
        error: GuestError,
    },
}

impl LoadError {
    /// The code of its page.
    pub fn code(&self) -> Code {
        match self {
            Self::Admission(error) => error.code(),
            Self::Compile(error) => error.code(),
            Self::Limits { .. } => Code::LimitsTooHigh,
            Self::Contract { .. } => Code::AnotherContract,
            Self::Topics { .. } => Code::TopicsNotGranted,
            Self::Start { .. } => Code::StartFailed,
        }
    }

    /// Whether loading it again, unchanged, may succeed: the host was short of a resource, or the component asked for a
    /// retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Compile(CompileError::Unavailable { .. }) => true,
            Self::Start { error, .. } => match error {
                GuestError::Host { .. } => true,
                GuestError::Failure(failure) => failure.kind == FailureKind::Retryable,
                _ => false,
            },
            _ => false,
        }
    }
}
