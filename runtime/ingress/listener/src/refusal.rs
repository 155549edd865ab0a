//! Why a request was refused, with the status and the sentence that every form of answer has.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, WWW_AUTHENTICATE},
};

use crate::{
    auth::Denied,
    body::ENCODINGS,
    limits::{RETRY_AFTER_DRAIN_SECS, RETRY_AFTER_SECS},
};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No endpoint has this path.
    NoEndpoint,
    /// The endpoint does not allow this method; the value lists those it allows.
    Method(HeaderValue),
    /// The caller is not authenticated, or not authorised.
    Denied(Denied),
    /// The endpoint is over its rate limit; the value is how long until it takes the next request.
    Rate(Duration),
    /// The media type is not read here; one sentence says which ones are.
    MediaType(&'static str),
    /// The same, in a sentence of the endpoint's own.
    Content(Arc<str>),
    /// The body's content encoding is not supported.
    Encoding,
    /// The body is over the endpoint's limit, in bytes.
    TooLarge(usize),
    /// The body's event is over a limit of its own; one sentence names it.
    EventTooLarge(String),
    /// The decompressed body is over the endpoint's limit, in bytes.
    TooCompressed(usize),
    /// The body decompresses to more than so many times its size.
    TooDense(usize),
    /// The request is over another limit; one sentence names it.
    OverLimit(String),
    /// The body did not arrive in time.
    TooSlow,
    /// The request is malformed; one sentence says how.
    BadRequest(String),
    /// Other servers may parse the request differently; one sentence says how.
    NotHttp(&'static str),
    /// The body's transfer coding is not supported.
    TransferCoding,
    /// Another server is needed for it and does not answer; one sentence says which.
    Unavailable(&'static str),
    /// The host has reached a limit of its own.
    Overloaded,
    /// The listener is stopping.
    Draining,
    /// The caller disconnected before its body was complete.
    ClientGone,
}

impl Refusal {
    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Denied(denied) if denied.forbidden => StatusCode::FORBIDDEN,
            Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::Rate(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::MediaType(_) | Self::Content(_) | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_)
            | Self::EventTooLarge(_)
            | Self::TooCompressed(_)
            | Self::TooDense(_)
            | Self::OverLimit(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BadRequest(_) | Self::NotHttp(_) | Self::ClientGone => StatusCode::BAD_REQUEST,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable(_) | Self::Overloaded | Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// One sentence for the caller: what is wrong, and what to do.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::NoEndpoint => "there is no endpoint at this path".into(),
            Self::Method(_) => "this endpoint does not take this method".into(),
            Self::Denied(denied) => denied.message.clone(),
            Self::Rate(_) => "this endpoint gets more requests than it takes: send this one again later".into(),
            Self::Encoding => {
                "this content-encoding is not read here: send the body as it is, or with one of gzip, deflate, zstd and br".into()
            }
            Self::TooLarge(max) => format!("the body is over this endpoint's limit of {max} bytes").into(),
            Self::TooCompressed(max) => {
                format!("the body decompresses to more than this endpoint's limit of {max} bytes").into()
            }
            Self::TooDense(ratio) => format!(
                "the body decompresses to more than {ratio} times its size as sent, which is the most that is read: send it \
                 uncompressed, or less of it"
            )
            .into(),
            Self::TooSlow => "the body was not received in time".into(),
            Self::BadRequest(message) | Self::OverLimit(message) | Self::EventTooLarge(message) => message.clone().into(),
            Self::Content(message) => message.to_string().into(),
            Self::NotHttp(message) | Self::MediaType(message) | Self::Unavailable(message) => (*message).into(),
            Self::TransferCoding => {
                "this transfer-encoding is not read here: send the body in chunks, or with its length".into()
            }
            Self::ClientGone => "the body is not complete".into(),
            Self::Overloaded => "there is no room for this request now: send it again later".into(),
            Self::Draining => "this server is stopping: send the request again".into(),
        }
    }

    /// When the caller may come again, if it may.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate(wait) => Some(*wait),
            Self::Overloaded | Self::Unavailable(_) => Some(Duration::from_secs(RETRY_AFTER_SECS)),
            Self::Draining => Some(Duration::from_secs(RETRY_AFTER_DRAIN_SECS)),
            _ => None,
        }
    }

    /// Adds the headers that belong to the status, but for `Retry-After`.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::Method(allow) => headers.insert(ALLOW, allow.clone()),
            Self::Denied(denied) if !denied.forbidden => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(denied.challenge))
            }
            Self::Encoding => headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ENCODINGS)),
            _ => None,
        };
    }

    /// Whether the connection must be closed: the rest of the body is unread, or the listener drains.
    pub(crate) fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::TooLarge(_)
                | Self::EventTooLarge(_)
                | Self::TooSlow
                | Self::NotHttp(_)
                | Self::TransferCoding
                | Self::Draining
                | Self::ClientGone
        )
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// Answer on a connection whose request headers did not end in time.
pub(crate) const HEADERS_TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    content-type: application/json\r\n\
    content-length: 49\r\n\
    connection: close\r\n\
    \r\n\
    {\"error\":\"the headers were not received in time\"}";

/// Returns the answer that replaces hyper's automatic one, which has this status and no body.
pub(crate) fn not_http(status: u16) -> Option<Bytes> {
    let (reason, error) = match status {
        400 => ("Bad Request", "this is not an HTTP/1.1 request"),
        414 => ("URI Too Long", "the target of the request is too long"),
        431 => (
            "Request Header Fields Too Large",
            "the headers are too many or too long",
        ),
        _ => return None,
    };
    let body = format!("{{\"error\":\"{error}\"}}");
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prepared_answer_has_its_announced_length() {
        let text = std::str::from_utf8(HEADERS_TOO_SLOW).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
