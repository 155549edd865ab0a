//! How a verb ends, as the shell sees it (codes of `sysexits.h`).

use std::{fmt, process::ExitCode};

use danube_wasm_codes::Code;
use danube_wasm_host::FailureKind;

/// `replay`: the component still fails on the letter. `dlq replay`: a letter is a dead letter still, or again. `test`: a
/// case or a point fails.
const STILL_FAILS: u8 = 1;
/// `health`: the pipeline is not ready. Health checks of containers know 0 and this.
const NOT_READY: u8 = 1;
/// `build`, `new`: what was built is no component that this host would run, or nothing was built.
const BUILD_FAILED: u8 = 1;
/// The command line was wrong. Also what clap exits with.
const USAGE: u8 = 2;
/// Something broke that the user could not have prevented.
const INTERNAL: u8 = 70;
/// The configuration is wrong: nothing was started.
const CONFIGURATION: u8 = 78;

/// Why a verb failed: what to print, and the code.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    exit: u8,
    /// Which kind of error it is, if it has a page.
    code: Option<Code>,
    pub(crate) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "error[{code}]: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl From<danube_wasm_host::Failure> for Failure {
    fn from(failure: danube_wasm_host::Failure) -> Self {
        let exit = match failure.kind {
            FailureKind::Usage => USAGE,
            FailureKind::Configuration => CONFIGURATION,
            FailureKind::Internal => INTERNAL,
        };
        Self {
            exit,
            code: failure.code,
            message: failure.message,
        }
    }
}

impl Failure {
    pub(crate) fn still_fails(message: impl ToString) -> Self {
        Self::new(STILL_FAILS, message)
    }

    pub(crate) fn not_ready(message: impl ToString) -> Self {
        Self::new(NOT_READY, message)
    }

    pub(crate) fn failed_build(message: impl ToString) -> Self {
        Self::new(BUILD_FAILED, message)
    }

    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(USAGE, message)
    }

    pub(crate) fn configuration(message: impl ToString) -> Self {
        Self::new(CONFIGURATION, message)
    }

    pub(crate) fn internal(message: impl ToString) -> Self {
        Self::new(INTERNAL, message)
    }

    fn new(exit: u8, message: impl ToString) -> Self {
        Self {
            exit,
            code: None,
            message: message.to_string(),
        }
    }

    /// The same, of this kind of error.
    pub(crate) fn coded(self, code: Code) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// Prints and turns into the exit code.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("danube-wasm: {self}");
        ExitCode::from(self.exit)
    }
}
