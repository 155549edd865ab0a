//! The door through which components' HTTP requests leave: somebody else has the sockets, the grants and the secrets.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Makes requests on behalf of one connector's component, as far as it is granted. Redirects are answers like others: where
/// they lead to is a request of its own, and is checked as one.
#[async_trait]
pub trait OutgoingHttp: Send + Sync + 'static {
    /// Makes a request and returns its whole answer. Called on the components' threads, which do no I/O.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError>;
}

/// What a connector's requests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Requests of one call into the component. Default 32: the pages and their details of one fetch.
    pub requests_max: usize,
    /// Requests of one instance that run at the same time. Default 4.
    pub concurrent_max: usize,
    /// Bytes of a request's body. Default 1 MiB.
    pub request_bytes_max: usize,
    /// Bytes of an answer's body. Default 8 MiB: it fits into the component's memory, with what it is parsed to.
    pub response_bytes_max: usize,
    /// Time that a request may take, with its answer, in milliseconds; a call into the component may wait as long as one.
    /// Default 30,000.
    pub request_ms_max: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            requests_max: 32,
            concurrent_max: 4,
            request_bytes_max: 1 << 20,
            response_bytes_max: 8 << 20,
            request_ms_max: 30_000,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// What kind of reason.
    pub kind: RequestErrorKind,
    /// For the operator: what was asked for, why it was not done, what to change. Never a secret.
    pub message: String,
}

/// See [`RequestError`]; each is the value of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestErrorKind {
    /// The host, its address or the credential is not granted.
    Denied,
    /// A limit of [`HttpLimits`].
    Limit,
    /// It took too long.
    Timeout,
    /// There is no connection, or it broke.
    Unreachable,
    /// It is not in the recording that is replayed.
    NotRecorded,
}

impl RequestErrorKind {
    /// Value of the label `outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::NotRecorded => "not_recorded",
        }
    }
}

impl RequestError {
    /// An error of this kind.
    pub fn new(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RequestError {}
