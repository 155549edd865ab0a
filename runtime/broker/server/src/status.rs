//! Errors for clients. Danube's clients retry after `Unavailable`, `DeadlineExceeded` and `ResourceExhausted`, and give
//! up after others.

use danube_wasm_broker::{BrokerError, ErrorKind};
use tonic::Status;

/// The status of an error of the log.
pub(crate) fn from_error(error: BrokerError) -> Status {
    let message = error.message;
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::Closed => Status::unavailable(message),
        ErrorKind::Storage => Status::resource_exhausted(message),
        ErrorKind::TooLarge => Status::invalid_argument(format!("{message}: it exceeds maximum allowed size")),
        ErrorKind::NotFound => Status::not_found(message),
        ErrorKind::Conflict => Status::failed_precondition(message),
        ErrorKind::Denied => Status::permission_denied(message),
        ErrorKind::Incompatible => Status::data_loss(message),
    }
}

/// The error for a missing field.
pub(crate) fn missing(field: &str) -> Status {
    Status::invalid_argument(format!("the request has no {field}"))
}

/// Checks a name of a producer, a consumer, a subscription or a subject.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Status> {
    const MAX: usize = crate::limits::NAME_BYTES_MAX;
    if !name.is_empty() && name.len() <= MAX && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(Status::invalid_argument(format!(
        "a {what} name has 1 to {MAX} bytes and no control characters: `{}`",
        shown.escape_debug()
    )))
}
