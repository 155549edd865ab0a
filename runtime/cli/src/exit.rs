//! How a verb ends, as the shell sees it (codes of `sysexits.h`).

use std::{fmt, process::ExitCode};

/// `replay`: the component still fails on the letter. `dlq replay`: a letter is a dead letter still, or again.
pub(crate) const STILL_FAILS: u8 = 1;
/// `health`: the pipeline is not ready. Health checks of containers know 0 and this.
pub(crate) const NOT_READY: u8 = 1;
/// The command line was wrong. Also what clap exits with.
pub(crate) const USAGE: u8 = 2;
/// Something broke that the user could not have prevented.
pub(crate) const INTERNAL: u8 = 70;
/// The configuration is wrong: nothing was started.
pub(crate) const CONFIGURATION: u8 = 78;

/// Why a verb failed: what to print, and the code.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    pub(crate) fn still_fails(message: impl ToString) -> Self {
        Self {
            code: STILL_FAILS,
            message: message.to_string(),
        }
    }

    pub(crate) fn not_ready(message: impl ToString) -> Self {
        Self {
            code: NOT_READY,
            message: message.to_string(),
        }
    }

    pub(crate) fn usage(message: impl ToString) -> Self {
        Self {
            code: USAGE,
            message: message.to_string(),
        }
    }

    pub(crate) fn configuration(message: impl ToString) -> Self {
        Self {
            code: CONFIGURATION,
            message: message.to_string(),
        }
    }

    pub(crate) fn internal(message: impl ToString) -> Self {
        Self {
            code: INTERNAL,
            message: message.to_string(),
        }
    }

    /// Prints and turns into the exit code.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("danube-wasm: {}", self.message);
        ExitCode::from(self.code)
    }
}
