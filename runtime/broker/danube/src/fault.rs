//! Classifies a failed call: is the session lost, so that a new one helps, or was the request refused?
//!
//! Danube's status codes do not say. An unknown namespace is `Unavailable`, everything that keeps a message from being
//! stored is `PermissionDenied`, an incompatible schema is `Internal`. Where the code is ambiguous, the text decides;
//! an unknown text counts as a loss, because rebuilding a session unnecessarily costs little.

use std::error::Error;

use danube_wasm_broker::{BrokerError, ErrorKind};
use tonic::{Code, Status};

/// Why a call failed.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The broker is unreachable, or does not know the session any more: look the topic up and open a new one.
    Lost(BrokerError),
    /// The requested item does not exist. For a session's own id: it is lost.
    Missing(BrokerError),
    /// A retry will not help.
    Refused(BrokerError),
}

impl Fault {
    /// For a caller of one operation.
    pub(crate) fn into_error(self) -> BrokerError {
        match self {
            Self::Lost(error) | Self::Missing(error) | Self::Refused(error) => error,
        }
    }

    pub(crate) fn error(&self) -> &BrokerError {
        match self {
            Self::Lost(error) | Self::Missing(error) | Self::Refused(error) => error,
        }
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::Lost(BrokerError::new(ErrorKind::Unavailable, message))
    }

    pub(crate) fn refused(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Refused(BrokerError::new(kind, message))
    }

    /// Classifies a status. `action` says what was attempted and where, as in `publishing to /default/x at
    /// http://host:6650`; `token` where the token came from.
    pub(crate) fn of(status: &Status, action: &str, token: &str) -> Self {
        if let Some(error) = own_error(status) {
            return Self::Lost(error);
        }
        let message = status.message();
        let description = format!("{action}: {}", text(status));
        match status.code() {
            Code::NotFound => Self::Missing(BrokerError::new(ErrorKind::NotFound, description)),
            Code::Unavailable if message.contains("find the namespace") => Self::refused(
                ErrorKind::NotFound,
                format!(
                    "{description}. Create it first: `danube-admin namespaces create <name>`; only `default` is always there"
                ),
            ),
            Code::Unauthenticated => Self::Lost(BrokerError::new(
                ErrorKind::Denied,
                format!(
                    "{action}: the broker does not accept who is asking ({message}; {token}): get a token that has not expired and is signed with the cluster's secret"
                ),
            )),
            Code::PermissionDenied => denied(message, description),
            Code::FailedPrecondition => precondition(message, description),
            Code::AlreadyExists => Self::refused(ErrorKind::Conflict, description),
            Code::InvalidArgument | Code::OutOfRange => match is_size(message) {
                true => Self::refused(ErrorKind::TooLarge, description),
                false => Self::refused(ErrorKind::Conflict, description),
            },
            Code::Unimplemented => Self::refused(
                ErrorKind::Incompatible,
                format!(
                    "{description}: what answers there does not speak Danube's client API; its port is 6650 by default"
                ),
            ),
            _ => Self::lost(description),
        }
    }
}

/// An error for callers that wait for a session or an answer: retryable, because a token that is refused now may be
/// renewed.
pub(crate) fn as_unavailable(error: &BrokerError) -> BrokerError {
    let kind = match error.is_transient() {
        true => error.kind,
        false => ErrorKind::Unavailable,
    };
    BrokerError::new(kind, error.message.clone())
}

fn denied(message: &str, description: String) -> Fault {
    if message.contains("subscription can't be shared") {
        return Fault::refused(
            ErrorKind::Conflict,
            format!("{description}. Use the other consumer's name to replace it, or another subscription type"),
        );
    }
    if [
        "draining",
        "not attached",
        "not found in registry",
        "authorization check failed",
    ]
    .iter()
    .any(|sign| message.contains(sign))
        && !message.contains("Schema")
    {
        return Fault::lost(description);
    }
    if let Some(why) = message.strip_prefix("Unable to publish the message: ") {
        return match () {
            () if is_size(why) => Fault::refused(ErrorKind::TooLarge, description),
            () if ["chema", "alidat"].iter().any(|sign| why.contains(sign)) => {
                Fault::refused(ErrorKind::Denied, description)
            }
            // Its log: a full disk, an object store out of reach.
            () => Fault::Lost(BrokerError::new(ErrorKind::Storage, description)),
        };
    }
    let cure = match () {
        () if message.contains("Consume on Cluster") => {
            ": reading and acknowledging need `Consume` on the whole cluster, a binding to the topic is not enough"
        }
        () if message.contains("ManageSchema on Cluster") => {
            ": reading a schema by its number needs `ManageSchema` on the whole cluster; bind a role with it to the token's \
             principal"
        }
        () if message.contains("no binding grants") => ": bind a role with this permission to the token's principal",
        () => "",
    };
    Fault::refused(ErrorKind::Denied, format!("{description}{cure}"))
}

fn precondition(message: &str, description: String) -> Fault {
    let (kind, cure) = match () {
        () if message.contains("dispatch strategy") => (
            ErrorKind::Conflict,
            ". The topic was made with the other one, which cannot be changed: set `reliable_dispatch` to what it has, \
             or use another topic",
        ),
        () if message.contains("uses schema subject") => (ErrorKind::Conflict, ". Use that subject, or another topic"),
        () if message.contains("schema is registered first") => (ErrorKind::NotFound, ""),
        () if message.contains("JWT") => (
            ErrorKind::Denied,
            ". Remove the token, or switch authentication on in the broker",
        ),
        () => (ErrorKind::Conflict, ""),
    };
    Fault::refused(kind, format!("{description}{cure}"))
}

fn is_size(message: &str) -> bool {
    message.contains("exceeds maximum allowed") || message.contains("message length too large")
}

/// The error of this client's own connector, at the root of the transport's error.
fn own_error(status: &Status) -> Option<BrokerError> {
    sources(status).find_map(|e| e.downcast_ref::<BrokerError>()).cloned()
}

/// The status in words. The transport's own errors say little above their roots.
fn text(status: &Status) -> String {
    let root = sources(status).last();
    match root {
        Some(root) if !status.message().contains(&root.to_string()) => format!("{} ({root})", status.message()),
        _ if status.message().is_empty() => format!("{:?}", status.code()),
        _ => status.message().to_owned(),
    }
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = status.source();
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: Status) -> (bool, ErrorKind) {
        let fault = Fault::of(&status, "x", "y");
        (matches!(fault, Fault::Lost(_)), fault.into_error().kind)
    }

    #[test]
    fn a_topic_that_moves_is_a_loss_and_a_missing_permission_is_not() {
        for text in [
            "Unable to publish the message: Topic /a/b is draining or closed; retry lookup/moved",
            "Unable to publish the message: the producer with id 7 is not attached to topic name: /a/b",
            "Unable to publish the message: Topic /a/b not found in registry",
        ] {
            assert_eq!(
                kind(Status::permission_denied(text)),
                (true, ErrorKind::Unavailable),
                "{text}"
            );
        }
        let missing = "no binding grants Produce on Topic(\"/a/b\") for service_account:x";
        assert_eq!(kind(Status::permission_denied(missing)), (false, ErrorKind::Denied));
    }

    #[test]
    fn what_the_text_decides() {
        let publish = |why| Status::permission_denied(format!("Unable to publish the message: {why}"));
        assert_eq!(
            kind(publish("Payload validation failed: x")),
            (false, ErrorKind::Denied)
        );
        assert_eq!(
            kind(publish("Schema ID 7 not found in registry")),
            (false, ErrorKind::Denied)
        );
        assert_eq!(kind(publish("No space left on device")), (true, ErrorKind::Storage));
        assert_eq!(
            kind(publish("Message size 9 exceeds maximum allowed 8 for topic /a/b")),
            (false, ErrorKind::TooLarge)
        );
        let namespace = Status::unavailable("Unable to find the namespace x, the topic can be created only for …");
        assert_eq!(kind(namespace), (false, ErrorKind::NotFound));
        let moved = Status::unavailable("The topic exists but is served by another broker, redo the Lookup request");
        assert_eq!(kind(moved), (true, ErrorKind::Unavailable));
        let too_long = Status::out_of_range("Error, decoded message length too large: found 9 bytes, the limit is: 8");
        assert_eq!(kind(too_long), (false, ErrorKind::TooLarge));
    }
}
