//! What went wrong, and what to do about it.

use std::{sync::Arc, time::Duration};

use danube_wasm_egress_common::bisect;
use danube_wasm_egress_dial::DialError;
use danube_wasm_model::door::EgressError;
use tonic::{Code, Status};

use crate::{limits::RETRY_AFTER_MAX, link::Ended, shown::shown};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One of its points, for this reason.
    Refused(String),
    /// It passes.
    Transient {
        message: String,
        retry_after: Option<Duration>,
        why: Why,
    },
    /// The collection cannot be written to until somebody acts.
    Unfit(String),
    /// Nothing can be written until somebody changes the configuration.
    Configuration(String),
    /// The collection is not there.
    NoCollection(String),
}

/// Why something passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The server asks for less, or is slow.
    Overload,
    /// The connection had ended before the request was sent.
    Unsent,
    Other,
}

impl Fault {
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::Transient {
            message: message.into(),
            retry_after: None,
            why: Why::Other,
        }
    }

    pub(crate) fn overload(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self::Transient {
            message: message.into(),
            retry_after,
            why: Why::Overload,
        }
    }

    /// What a server's answer means. `who` is the server, `what` the request.
    pub(crate) fn of_status(who: &str, what: &str, status: &Status) -> Self {
        let said = shown(status.message());
        let message = format!("{who} answers {what} with {:?}: {said}", status.code());
        match status.code() {
            Code::InvalidArgument if is_about_collection(&said) => {
                Self::Unfit(format!("{message}. Its records wait until the collection allows it"))
            }
            // Of a request that is too large.
            Code::InvalidArgument | Code::OutOfRange => Self::Refused(message),
            Code::NotFound => Self::NoCollection(message),
            Code::Unauthenticated => Self::Configuration(format!("{message}. Check `api_key`")),
            Code::PermissionDenied => Self::Unfit(format!(
                "{message}. Give the `api_key` access to write; its records wait"
            )),
            Code::Unimplemented => Self::Configuration(format!(
                "{message}. Check that `url` is the gRPC port of a Qdrant server (6334, not 6333)"
            )),
            Code::ResourceExhausted => Self::overload(message, retry_after(status)),
            Code::DeadlineExceeded => Self::overload(message, None),
            _ if was_unsent(status) => Self::Transient {
                message,
                retry_after: None,
                why: Why::Unsent,
            },
            _ => Self::transient(message),
        }
    }

    pub(crate) fn of_dial(who: &str, error: &DialError) -> Self {
        let message = format!("{who}: {error}");
        match error.is_transient() {
            true => Self::transient(message),
            false => Self::Configuration(message),
        }
    }

    /// Whether the connection may be to blame.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Transient { retry_after: None, .. })
    }

    /// Whether the server has certainly not seen it.
    pub(crate) fn was_unsent(&self) -> bool {
        matches!(self, Self::Transient { why: Why::Unsent, .. })
    }

    pub(crate) fn into_egress_error(self, target: &Arc<str>) -> EgressError {
        match self {
            Self::Transient {
                message, retry_after, ..
            } => EgressError::Transient { message, retry_after },
            Self::Configuration(message) => EgressError::Configuration { message },
            // `bisect` deals with refusals of points; what is left is about more than one.
            Self::Unfit(message) | Self::NoCollection(message) | Self::Refused(message) => EgressError::Unfit {
                target: target.clone(),
                message,
            },
        }
    }
}

/// Whether the words of a refusal are about what the collection allows, not about a point.
fn is_about_collection(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    let words = ["index required", "strict mode", "shard key"];
    words.iter().any(|words| said.contains(words))
}

/// Whether this end has found the connection over before it sent something.
fn was_unsent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let is_canceled = error.downcast_ref().is_some_and(hyper::Error::is_canceled);
        if is_canceled || error.is::<Ended>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Qdrant puts seconds there.
fn retry_after(status: &Status) -> Option<Duration> {
    let secs: u64 = status
        .metadata()
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX))
}

impl bisect::Fault for Fault {
    fn into_refusal(self) -> Result<String, Self> {
        match self {
            Self::Refused(reason) => Ok(reason),
            fault => Err(fault),
        }
    }

    fn of_target(reason: &str, own: String) -> Self {
        Self::Unfit(format!(
            "{reason}. A write of this sink's own is refused, too ({own}), so it is not about a record: all wait until the collection \
             takes writes"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code, message: &str) -> Fault {
        Fault::of_status("q", "an update", &Status::new(code, message))
    }

    #[test]
    fn the_table_of_the_manual() {
        use Code::*;
        for code in [InvalidArgument, OutOfRange] {
            assert!(matches!(of(code, "no"), Fault::Refused(_)), "{code:?}");
        }
        for code in [Unauthenticated, Unimplemented] {
            assert!(matches!(of(code, "no"), Fault::Configuration(_)), "{code:?}");
        }
        for code in [
            Unavailable,
            Internal,
            Unknown,
            Cancelled,
            Aborted,
            DeadlineExceeded,
            ResourceExhausted,
            DataLoss,
            AlreadyExists,
            FailedPrecondition,
        ] {
            assert!(matches!(of(code, "no"), Fault::Transient { .. }), "{code:?}");
        }
        assert!(matches!(of(PermissionDenied, "no"), Fault::Unfit(_)));
        assert!(matches!(of(NotFound, "no"), Fault::NoCollection(_)));
        assert!(matches!(
            of(InvalidArgument, "Index required but not found for \"_order_hi\""),
            Fault::Unfit(_)
        ));
    }

    #[test]
    fn a_server_says_when_to_come_again() {
        let mut status = Status::new(Code::ResourceExhausted, "rate limit");
        status.metadata_mut().insert("retry-after", "7".parse().expect("ascii"));
        let Fault::Transient { retry_after, why, .. } = Fault::of_status("q", "an update", &status) else {
            panic!("transient")
        };
        assert_eq!((retry_after, why), (Some(Duration::from_secs(7)), Why::Overload));
    }
}
