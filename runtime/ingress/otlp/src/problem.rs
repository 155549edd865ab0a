//! Why an export failed: what both transports say of it.

use std::time::Duration;

use danube_wasm_ingress_listener::Refusal;
use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::limits::MESSAGE_BYTES_MAX;

/// A failed export. With a time to come again it may be sent again, without it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// Of HTTP.
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

/// When a sender whose body came too slowly may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Problem {
    fn new(code: Code, status: StatusCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        Self {
            code,
            status,
            message,
            retry_after: None,
        }
    }

    /// The same, with another sentence.
    pub(crate) fn because(self, why: &str) -> Self {
        Self {
            message: Self::new(self.code, self.status, why).message,
            ..self
        }
    }

    /// The request cannot be read, or all of it is refused.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, message)
    }

    /// The request is over a limit, at any time.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// It failed, and would again.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Not now. `RESOURCE_EXHAUSTED` would be for good: many senders drop what it answers.
    pub(crate) fn unavailable(message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }

    /// What its sender is told of a refused request.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        let message = refusal.message();
        let code = match refusal {
            Refusal::NoEndpoint | Refusal::Method(_) | Refusal::TransferCoding | Refusal::Encoding => {
                Code::Unimplemented
            }
            Refusal::Denied(denied) if denied.forbidden => Code::PermissionDenied,
            Refusal::Denied(_) => Code::Unauthenticated,
            Refusal::MediaType(_)
            | Refusal::Content(_)
            | Refusal::BadRequest(_)
            | Refusal::NotHttp(_)
            | Refusal::ClientGone => Code::InvalidArgument,
            Refusal::TooLarge(_)
            | Refusal::EventTooLarge(_)
            | Refusal::TooCompressed(_)
            | Refusal::TooDense(_)
            | Refusal::OverLimit(_) => Code::ResourceExhausted,
            // 408 is none of the statuses that are tried again.
            Refusal::TooSlow => return Self::unavailable(message, RETRY_AFTER),
            Refusal::Rate(_) | Refusal::Unavailable(_) | Refusal::Overloaded | Refusal::Draining => Code::Unavailable,
        };
        Self {
            retry_after: refusal.retry_after(),
            ..Self::new(code, refusal.status(), message)
        }
    }

    /// As a status of gRPC, with `RetryInfo` if it may be tried again.
    pub(crate) fn to_status(&self) -> Status {
        match self.retry_after {
            None => Status::new(self.code, self.message.clone()),
            Some(_) => self.with_details(),
        }
    }

    /// The same, always with a `google.rpc.Status` as its details.
    pub(crate) fn with_details(&self) -> Status {
        let mut details = ErrorDetails::new();
        if let Some(wait) = self.retry_after {
            details.set_retry_info(Some(wait));
        }
        Status::with_error_details(self.code, self.message.clone(), details)
    }
}
