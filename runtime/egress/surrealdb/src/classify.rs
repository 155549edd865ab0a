//! What an error of SurrealDB means for the writes that met it.
//!
//! SurrealDB types some of its errors and reports the rest as "internal" with a sentence: a failed `ASSERT`, a unique
//! index and a full disk all arrive that way. What the type does not say is decided in three steps: the sentences of
//! its storage layer are known and mean [`Fault::Storage`]; the rest means [`Fault::Record`]; and nobody's record is
//! refused on that alone: right before it is, the database must take a write of ours ([`bisect`]).

use danube_wasm_egress_common::bisect;
use danube_wasm_model::door::EgressError;
use surrealdb::types::{
    AlreadyExistsError, AuthError, Error, ErrorDetails, NotAllowedError, NotFoundError, QueryError, SerializationError,
    ValidationError,
};

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A document of one of the ids is there already.
    Exists,
    /// Another transaction got in the way. Again, soon.
    Conflict(String),
    /// The database is there but cannot do it now.
    Busy(String),
    /// The connection or its session is gone: make a new one.
    Lost(String),
    /// The embedded store failed to read or write its files: open it anew.
    Storage(String),
    /// Somebody has to change something.
    Configuration(String),
    /// The database refuses one of the records.
    Record(String),
}

impl bisect::Fault for Fault {
    fn into_refusal(self) -> Result<String, Self> {
        match self {
            Self::Record(reason) => Ok(reason),
            fault => Err(fault),
        }
    }

    fn of_target(reason: &str, own: String) -> Self {
        Self::Storage(format!("{reason} (and a write of the runtime's own: {own})"))
    }
}

impl Fault {
    /// Of an error that SurrealDB returned.
    pub(crate) fn of(error: &Error) -> Self {
        let message = sentence(error);
        match error.details() {
            ErrorDetails::AlreadyExists(Some(AlreadyExistsError::Record { .. }) | None) => Self::Exists,
            ErrorDetails::AlreadyExists(_) => Self::Conflict(message),
            ErrorDetails::Connection(_) => lost(message),
            ErrorDetails::Query(Some(QueryError::TransactionConflict)) => Self::Conflict(message),
            // A commit that fails is reported as a statement that was not executed, whatever it failed of.
            ErrorDetails::Query(_) if is_storage(&message) => Self::Storage(message),
            ErrorDetails::Query(_) => Self::Busy(message),
            ErrorDetails::NotAllowed(reason) => not_allowed(reason.as_ref(), message),
            ErrorDetails::Configuration(_) => Self::Configuration(message),
            ErrorDetails::NotFound(Some(NotFoundError::Record { .. })) => Self::Record(message),
            ErrorDetails::NotFound(Some(NotFoundError::Session { .. } | NotFoundError::Transaction)) => lost(message),
            ErrorDetails::NotFound(_) => Self::Configuration(message),
            ErrorDetails::Validation(Some(ValidationError::NamespaceEmpty | ValidationError::DatabaseEmpty)) => {
                lost(message)
            }
            ErrorDetails::Validation(Some(ValidationError::Parse)) => Self::Configuration(message),
            ErrorDetails::Serialization(Some(SerializationError::Deserialization)) => lost(message),
            ErrorDetails::Context => error.cause().map_or(Self::Record(message), Self::of),
            _ => untyped(message),
        }
    }

    /// As the pipeline wants it, for faults that concern the whole batch.
    pub(crate) fn into_egress_error(self, target: &str) -> EgressError {
        match self {
            Self::Configuration(message) => EgressError::Configuration {
                message: format!("SurrealDB at {target} refuses the connection or the writes: {message}"),
            },
            Self::Exists => transient(target, "documents appear and disappear while they are written"),
            Self::Conflict(message)
            | Self::Busy(message)
            | Self::Lost(message)
            | Self::Storage(message)
            | Self::Record(message) => transient(target, &message),
        }
    }

    /// Whether the connection must not be used again.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Storage(_))
    }
}

fn transient(target: &str, message: &str) -> EgressError {
    EgressError::Transient {
        message: format!("SurrealDB at {target} cannot take writes now: {message}"),
        retry_after: None,
    }
}

fn lost(message: String) -> Fault {
    let wrong_server = ["does not match the range supported", "SubProtocol"];
    if speaks_another_format(&message) || wrong_server.iter().any(|part| message.contains(part)) {
        return Fault::Configuration(format!("{message}; this client speaks to SurrealDB 3.x servers only"));
    }
    Fault::Lost(message)
}

/// By HTTP: a server of release 2 has no word for the format of release 3, in which its version would be asked for.
fn speaks_another_format(message: &str) -> bool {
    message.starts_with("HTTP status client error (415 ")
}

fn not_allowed(reason: Option<&NotAllowedError>, message: String) -> Fault {
    match reason {
        Some(NotAllowedError::Auth(AuthError::TokenExpired | AuthError::SessionExpired)) => Fault::Lost(message),
        // A server that is out of disk says so as a refusal.
        None if message.contains("disk space") => Fault::Busy(message),
        _ => Fault::Configuration(message),
    }
}

fn untyped(message: String) -> Fault {
    if speaks_another_format(&message) || message.contains("does not match the range supported") {
        return lost(message);
    }
    // Servers of older 3.x releases do not type this one.
    if message.starts_with("Database record `") && message.ends_with("` already exists") {
        return Fault::Exists;
    }
    if is_storage(&message) {
        return Fault::Storage(message);
    }
    if BUSY.iter().any(|part| message.contains(part)) {
        return Fault::Busy(message);
    }
    Fault::Record(message)
}

fn is_storage(message: &str) -> bool {
    STORAGE.iter().any(|part| message.contains(part))
}

/// What the storage layer says (`surrealdb-kvs`, `surrealdb-common` 3.3.5).
const STORAGE: [&str; 8] = [
    "There was a problem with the datastore",
    "There was a problem with a transaction",
    "There was an internal error",
    "Connection to storage backend failed",
    "The datastore is shutting down",
    "commit outcome is unknown",
    "Internal database error",
    "encountered unreachable logic",
];

/// What passes by itself (`surrealdb-datastore` 3.3.5).
const BUSY: [&str; 4] = [
    "memory threshold being reached",
    "exceeded the timeout",
    "is currently building",
    "Index building has been cancelled",
];

/// The error and its causes in one line.
fn sentence(error: &Error) -> String {
    let mut text = error.message().to_owned();
    let mut cause = error.cause();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(error.message());
        cause = error.cause();
    }
    text
}

#[cfg(test)]
mod tests {
    use surrealdb::types::ConnectionError;

    use super::*;

    fn internal(message: &str) -> Fault {
        Fault::of(&Error::internal(message.to_owned()))
    }

    #[test]
    fn typed_errors_keep_their_meaning() {
        let conflict = Error::query("x".to_owned(), QueryError::TransactionConflict);
        assert_eq!(Fault::of(&conflict), Fault::Conflict("x".to_owned()));
        let exists = Error::already_exists("x".to_owned(), AlreadyExistsError::Record { id: "t:1".to_owned() });
        assert_eq!(Fault::of(&exists), Fault::Exists);
        let gone = Error::connection("x".to_owned(), ConnectionError::ConnectionFailed);
        assert!(Fault::of(&gone).ends_connection());
        let expired = Error::not_allowed("x".to_owned(), AuthError::TokenExpired);
        assert!(Fault::of(&expired).ends_connection());
        let password = Error::not_allowed("x".to_owned(), AuthError::InvalidPass);
        assert!(matches!(Fault::of(&password), Fault::Configuration(_)));
        let table = Error::not_found("x".to_owned(), NotFoundError::Table { name: "t".to_owned() });
        assert!(matches!(Fault::of(&table), Fault::Configuration(_)));
    }

    #[test]
    fn a_commit_that_fails_is_the_storage_though_it_is_said_of_the_query() {
        let message = "There was a problem with a transaction: WAL error: IO error: Input/output error (os error 5)";
        let failed = Error::query(message.to_owned(), QueryError::NotExecuted);
        assert_eq!(Fault::of(&failed), Fault::Storage(message.to_owned()));
        let other = Error::query("x".to_owned(), QueryError::NotExecuted);
        assert_eq!(Fault::of(&other), Fault::Busy("x".to_owned()));
    }

    #[test]
    fn untyped_errors_are_told_apart_by_their_sentence() {
        let disk = "There was a problem with a transaction: IO error: No space left on device (os error 28)";
        assert!(matches!(internal(disk), Fault::Storage(_)));
        assert!(matches!(internal("Found -1 for field `amount`"), Fault::Record(_)));
        assert!(matches!(
            internal("Database index `u` already contains 1"),
            Fault::Record(_)
        ));
        assert_eq!(internal("Database record `t:1` already exists"), Fault::Exists);
        let old = "server version `2.3.0` does not match the range supported by the client `>=3.0.0`";
        assert!(matches!(internal(old), Fault::Configuration(message) if message.contains("3.x")));
    }

    #[test]
    fn a_full_server_is_not_a_wrong_password() {
        let full = Error::not_allowed(
            "read-and-deletion-only mode due to disk space limitations".to_owned(),
            None,
        );
        assert!(matches!(Fault::of(&full), Fault::Busy(_)));
    }
}
