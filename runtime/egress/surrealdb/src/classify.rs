//! Classifies the errors of SurrealDB by what they mean for the writes of a batch.
//!
//! SurrealDB types some of its errors and reports the rest as "internal" with a message: a failed `ASSERT`, a unique
//! index and a full disk all arrive that way. Errors without a type are classified in three steps: known messages of
//! the storage layer mean [`Fault::Storage`]; all others mean [`Fault::Record`]; and no record is refused on that
//! alone: right before it is, the database must accept a write of ours ([`bisect`]).

use danube_wasm_egress_common::bisect;
use danube_wasm_model::door::EgressError;
use surrealdb::types::{
    AlreadyExistsError, AuthError, Error, ErrorDetails, NotAllowedError, NotFoundError, QueryError, SerializationError,
    ValidationError,
};

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A document with one of the ids exists already.
    Exists,
    /// Another transaction interfered: retry soon.
    Conflict(String),
    /// The database is reachable but cannot do it now.
    Busy(String),
    /// The connection or its session is lost: open a new one.
    Lost(String),
    /// The embedded store failed to read or write its files: reopen it.
    Storage(String),
    /// The configuration, or something in the database, has to be changed.
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
    /// Classifies an error that SurrealDB returned.
    pub(crate) fn from_error(error: &Error) -> Self {
        let message = messages(error);
        match error.details() {
            ErrorDetails::AlreadyExists(Some(AlreadyExistsError::Record { .. }) | None) => Self::Exists,
            ErrorDetails::AlreadyExists(_) => Self::Conflict(message),
            ErrorDetails::Connection(_) => connection_lost(message),
            ErrorDetails::Query(Some(QueryError::TransactionConflict)) => Self::Conflict(message),
            // A commit that fails is reported as a statement that was not executed, whatever the cause.
            ErrorDetails::Query(_) if is_storage_error(&message) => Self::Storage(message),
            ErrorDetails::Query(_) => Self::Busy(message),
            ErrorDetails::NotAllowed(reason) => not_allowed(reason.as_ref(), message),
            ErrorDetails::Configuration(_) => Self::Configuration(message),
            ErrorDetails::NotFound(Some(NotFoundError::Record { .. })) => Self::Record(message),
            ErrorDetails::NotFound(Some(NotFoundError::Session { .. } | NotFoundError::Transaction)) => {
                connection_lost(message)
            }
            ErrorDetails::NotFound(_) => Self::Configuration(message),
            ErrorDetails::Validation(Some(ValidationError::NamespaceEmpty | ValidationError::DatabaseEmpty)) => {
                connection_lost(message)
            }
            ErrorDetails::Validation(Some(ValidationError::Parse)) => Self::Configuration(message),
            ErrorDetails::Serialization(Some(SerializationError::Deserialization)) => connection_lost(message),
            ErrorDetails::Context => error.cause().map_or(Self::Record(message), Self::from_error),
            _ => classify_untyped(message),
        }
    }

    /// Converts a fault that concerns the whole batch to the pipeline's error.
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

    /// Whether the connection must be closed.
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

fn connection_lost(message: String) -> Fault {
    let wrong_server = ["does not match the range supported", "SubProtocol"];
    if is_unsupported_format(&message) || wrong_server.iter().any(|part| message.contains(part)) {
        return Fault::Configuration(format!("{message}; this client speaks to SurrealDB 3.x servers only"));
    }
    Fault::Lost(message)
}

/// Whether the error is that of a server of release 2 over HTTP, which does not know release 3's format for the
/// version request.
fn is_unsupported_format(message: &str) -> bool {
    message.starts_with("HTTP status client error (415 ")
}

fn not_allowed(reason: Option<&NotAllowedError>, message: String) -> Fault {
    match reason {
        Some(NotAllowedError::Auth(AuthError::TokenExpired | AuthError::SessionExpired)) => Fault::Lost(message),
        // A server that is out of disk space reports it as a refusal.
        None if message.contains("disk space") => Fault::Busy(message),
        _ => Fault::Configuration(message),
    }
}

fn classify_untyped(message: String) -> Fault {
    if is_unsupported_format(&message) || message.contains("does not match the range supported") {
        return connection_lost(message);
    }
    // Servers of older 3.x releases do not type this error.
    if message.starts_with("Database record `") && message.ends_with("` already exists") {
        return Fault::Exists;
    }
    if is_storage_error(&message) {
        return Fault::Storage(message);
    }
    if BUSY_MESSAGES.iter().any(|part| message.contains(part)) {
        return Fault::Busy(message);
    }
    Fault::Record(message)
}

fn is_storage_error(message: &str) -> bool {
    STORAGE_MESSAGES.iter().any(|part| message.contains(part))
}

/// Messages of the storage layer (`surrealdb-kvs`, `surrealdb-common` 3.3.5).
const STORAGE_MESSAGES: [&str; 8] = [
    "There was a problem with the datastore",
    "There was a problem with a transaction",
    "There was an internal error",
    "Connection to storage backend failed",
    "The datastore is shutting down",
    "commit outcome is unknown",
    "Internal database error",
    "encountered unreachable logic",
];

/// Messages of conditions that pass by themselves (`surrealdb-datastore` 3.3.5).
const BUSY_MESSAGES: [&str; 4] = [
    "memory threshold being reached",
    "exceeded the timeout",
    "is currently building",
    "Index building has been cancelled",
];

/// Returns the messages of an error and its causes in one line.
fn messages(error: &Error) -> String {
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
        Fault::from_error(&Error::internal(message.to_owned()))
    }

    #[test]
    fn typed_errors_are_classified_by_type() {
        let conflict = Error::query("x".to_owned(), QueryError::TransactionConflict);
        assert_eq!(Fault::from_error(&conflict), Fault::Conflict("x".to_owned()));
        let exists = Error::already_exists("x".to_owned(), AlreadyExistsError::Record { id: "t:1".to_owned() });
        assert_eq!(Fault::from_error(&exists), Fault::Exists);
        let gone = Error::connection("x".to_owned(), ConnectionError::ConnectionFailed);
        assert!(Fault::from_error(&gone).ends_connection());
        let expired = Error::not_allowed("x".to_owned(), AuthError::TokenExpired);
        assert!(Fault::from_error(&expired).ends_connection());
        let password = Error::not_allowed("x".to_owned(), AuthError::InvalidPass);
        assert!(matches!(Fault::from_error(&password), Fault::Configuration(_)));
        let table = Error::not_found("x".to_owned(), NotFoundError::Table { name: "t".to_owned() });
        assert!(matches!(Fault::from_error(&table), Fault::Configuration(_)));
    }

    #[test]
    fn a_failed_commit_is_a_storage_fault_though_reported_as_a_query_error() {
        let message = "There was a problem with a transaction: WAL error: IO error: Input/output error (os error 5)";
        let failed = Error::query(message.to_owned(), QueryError::NotExecuted);
        assert_eq!(Fault::from_error(&failed), Fault::Storage(message.to_owned()));
        let other = Error::query("x".to_owned(), QueryError::NotExecuted);
        assert_eq!(Fault::from_error(&other), Fault::Busy("x".to_owned()));
    }

    #[test]
    fn untyped_errors_are_classified_by_message() {
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
    fn a_server_without_disk_space_is_not_a_configuration_fault() {
        let full = Error::not_allowed(
            "read-and-deletion-only mode due to disk space limitations".to_owned(),
            None,
        );
        assert!(matches!(Fault::from_error(&full), Fault::Busy(_)));
    }
}
