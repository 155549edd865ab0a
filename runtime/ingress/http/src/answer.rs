//! HTTP answers: the outcome of an event, or why a request was refused.
//!
//! All bodies are JSON, except a component's own. An answer says what the sender can act on; internal causes go to the
//! operator's log.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use danube_wasm_model::door::{Outcome, Reply, Violation};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use serde::Serialize;

use crate::{
    auth::Denied,
    limits::{RETRY_AFTER_DRAIN_SECS, RETRY_AFTER_SECS},
};

/// An answer to a caller.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Why a request was not offered to the pipeline, or why its outcome is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// No endpoint has this path.
    NoEndpoint,
    /// The endpoint does not allow this method; the value lists those it allows.
    Method(HeaderValue),
    /// The caller is not authenticated, or not authorised.
    Denied(Denied),
    /// The endpoint is over its rate limit; the value is how long until it takes the next request.
    Rate(Duration),
    /// The media type is not JSON.
    NotJsonType,
    /// The body's content encoding is not supported.
    Encoding,
    /// The body is over the endpoint's limit, in bytes.
    TooLarge(usize),
    /// The decompressed body is over the limit.
    TooCompressed,
    /// The body did not arrive in time.
    TooSlow,
    /// The request is malformed; one sentence says how.
    BadRequest(String),
    /// Other servers may parse the request differently; one sentence says how.
    NotHttp(&'static str),
    /// The body's transfer coding is not supported.
    TransferCoding,
    /// The host has reached a limit of its own.
    Overloaded,
    /// The listener is stopping.
    Draining,
    /// An earlier event with this id had another body.
    IdReused(String),
    /// The outcome of this event was not known in time.
    OutcomeUnknown(String),
    /// The caller disconnected before its body was complete.
    ClientGone,
}

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u32>,
    durable: bool,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a [Violation]>,
}

/// Returns the answer for an event with a known outcome. `id` is the id that the event was offered with.
pub(crate) fn outcome(outcome: Outcome, id: &str) -> Answer {
    match outcome {
        Outcome::Accepted {
            answer: Some(reply), ..
        } => component_reply(reply),
        Outcome::Accepted {
            id, records, durable, ..
        } => json(
            StatusCode::OK,
            &Accepted {
                status: "accepted",
                id: &id,
                records: Some(records),
                durable,
            },
        ),
        Outcome::DeadLettered { id, durable } => json(
            StatusCode::OK,
            &Accepted {
                status: "dead-lettered",
                id: &id,
                records: None,
                durable,
            },
        ),
        Outcome::Invalid { error, violations } => json(
            StatusCode::UNPROCESSABLE_ENTITY,
            &Refused {
                error: &error,
                id: None,
                violations: Some(&violations),
            },
        ),
        Outcome::Failed { message, kept } => {
            tracing::debug!(event = id, message, kept, "answered 500");
            let sentence = match kept {
                true => {
                    "the event could not be processed; the operator has it as a dead letter, and the log says why under this id"
                }
                false => "the event could not be processed; the operator's log says why under this id",
            };
            error(StatusCode::INTERNAL_SERVER_ERROR, sentence, Some(id))
        }
        Outcome::Unavailable { message, retry_after } => {
            tracing::debug!(event = id, message, "answered 503");
            with_retry_after(
                error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the event cannot be taken now: send it again later",
                    Some(id),
                ),
                whole_secs(retry_after),
            )
        }
    }
}

impl Refusal {
    pub(crate) fn into_answer(self) -> Answer {
        let answer = error(self.status(), &self.message(), self.event_id());
        match self {
            Self::Method(allow) => with(answer, ALLOW, allow),
            Self::Denied(denied) if !denied.forbidden => {
                with(answer, WWW_AUTHENTICATE, HeaderValue::from_static(denied.challenge))
            }
            Self::Encoding => with(answer, ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity")),
            Self::Rate(wait) => with_retry_after(answer, whole_secs(wait)),
            Self::Overloaded | Self::OutcomeUnknown(_) => with_retry_after(answer, RETRY_AFTER_SECS),
            Self::Draining => with_retry_after(answer, RETRY_AFTER_DRAIN_SECS),
            _ => answer,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoEndpoint => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Denied(denied) if denied.forbidden => StatusCode::FORBIDDEN,
            Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::Rate(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotJsonType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) | Self::TooCompressed => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BadRequest(_) | Self::NotHttp(_) | Self::ClientGone => StatusCode::BAD_REQUEST,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Overloaded | Self::Draining | Self::OutcomeUnknown(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::IdReused(_) => StatusCode::CONFLICT,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::NoEndpoint => "there is no endpoint at this path".into(),
            Self::Method(_) => "this endpoint does not take this method".into(),
            Self::Denied(denied) => denied.message.clone(),
            Self::Rate(_) => "this endpoint gets more requests than it takes: send this one again later".into(),
            Self::NotJsonType => "this endpoint takes JSON: send `content-type: application/json`".into(),
            Self::Encoding => {
                "this content-encoding is not read here: send the body as it is, or with gzip alone".into()
            }
            Self::TooLarge(max) => format!("the body is over this endpoint's limit of {max} bytes").into(),
            Self::TooCompressed => "the body decompresses to more than this endpoint takes".into(),
            Self::TooSlow => "the body was not received in time".into(),
            Self::BadRequest(message) => message.clone().into(),
            Self::NotHttp(message) => (*message).into(),
            Self::TransferCoding => {
                "this transfer-encoding is not read here: send the body in chunks, or with its length".into()
            }
            Self::ClientGone => "the body is not complete".into(),
            Self::Overloaded => "there is no room for this request now: send it again later".into(),
            Self::Draining => "this server is stopping: send the request again".into(),
            Self::IdReused(_) => {
                "an event with this id and another body was taken before: give each event an id of its own, \
                                  and send the same body again with the same id"
                    .into()
            }
            Self::OutcomeUnknown(_) => {
                "it is not known yet what becomes of the event: send it again with the same id".into()
            }
        }
    }

    fn event_id(&self) -> Option<&str> {
        match self {
            Self::IdReused(id) | Self::OutcomeUnknown(id) => Some(id),
            _ => None,
        }
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

/// The component's own answer. `nosniff` keeps browsers from guessing its media type.
fn component_reply(reply: Reply) -> Answer {
    let mut answer = Response::new(Full::new(reply.body));
    // The host checked both when the component returned them.
    *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    if let Ok(kind) = HeaderValue::try_from(reply.content_type)
        && !kind.is_empty()
    {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    with(answer, X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}

fn error(status: StatusCode, error: &str, id: Option<&str>) -> Answer {
    let violations = None;
    json(status, &Refused { error, id, violations })
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut text = Vec::with_capacity(128);
    // Serialising strings and numbers into a vector cannot fail.
    let _ = serde_json::to_writer(&mut text, body);
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}

fn with_retry_after(answer: Answer, secs: u64) -> Answer {
    with(answer, RETRY_AFTER, HeaderValue::from(secs))
}

/// Rounds up, and never returns 0: a sender that obeys the header must not retry at once.
fn whole_secs(wait: Duration) -> u64 {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    secs.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        for (ms, secs) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (5000, 5)] {
            assert_eq!(whole_secs(Duration::from_millis(ms)), secs);
        }
    }

    #[test]
    fn the_prepared_answer_has_its_announced_length() {
        let text = std::str::from_utf8(HEADERS_TOO_SLOW).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
