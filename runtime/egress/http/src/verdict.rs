//! What became of a request, and of each write.

use std::time::Duration;

use danube_wasm_egress_common::bisect;

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The endpoint has taken it.
    Done,
    /// The endpoint will never take it, for this reason.
    Refused(String),
    /// Not now.
    Failed(Failure),
}

/// Why an endpoint has not taken anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What happened, for the operator.
    pub(crate) message: String,
    /// The endpoint's own wish.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) kind: FailureKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Perhaps only this request fails.
    Passes,
    /// The endpoint asks for less, or has not answered in time.
    Overloaded,
    /// Nobody is there.
    Unreachable,
    /// Somebody must act.
    Unfit,
    /// It was not tried: one before it has failed, or the endpoint is held.
    NotTried,
}

/// Why a request has not done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One of its records, for this reason.
    Refused(String),
    /// It is too large, in so many bytes.
    TooLarge(String, usize),
    Failed(Failure),
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retry_after: None,
            kind,
        }
    }

    /// For what was to be sent after it.
    pub(crate) fn of_those_behind(&self) -> Self {
        match self.kind {
            FailureKind::Unfit => self.clone(),
            _ => Self {
                kind: FailureKind::NotTried,
                ..self.clone()
            },
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl bisect::Fault for Fault {
    fn into_refusal(self) -> Result<String, Self> {
        match self {
            Self::Refused(reason) | Self::TooLarge(reason, _) => Ok(reason),
            fault @ Self::Failed(_) => Err(fault),
        }
    }

    /// An endpoint takes no write of the runtime's own to try it.
    fn of_target(reason: &str, _: String) -> Self {
        Failure::new(FailureKind::Unfit, reason).into()
    }
}
