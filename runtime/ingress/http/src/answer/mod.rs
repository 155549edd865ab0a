//! HTTP answers: the outcome of an event, or why a request was refused.
//!
//! All bodies are JSON, except a component's own. An answer says what the sender can act on; internal causes go to the
//! operator's log.

pub(crate) mod list;

use std::time::Duration;

use danube_wasm_ingress_listener::{Answer, AnswerBody, Refusal, limits::RETRY_AFTER_SECS, with_retry_after};
use danube_wasm_model::door::{Outcome, Reply, Violation};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;

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
                retry_after,
            )
        }
    }
}

/// Returns the answer to a refused request.
pub(crate) fn refusal(refusal: &Refusal) -> Answer {
    let mut answer = error(refusal.status(), &refusal.message(), None);
    refusal.add_headers(answer.headers_mut());
    match refusal.retry_after() {
        Some(wait) => with_retry_after(answer, wait),
        None => answer,
    }
}

/// Returns the answer for an event whose id an earlier one had with another body.
pub(crate) fn id_reused(id: &str) -> Answer {
    let sentence = "an event with this id and another body was taken before: give each event an id of its own, and send the \
                    same body again with the same id";
    error(StatusCode::CONFLICT, sentence, Some(id))
}

/// Returns the answer for an event whose outcome is not known in time.
pub(crate) fn outcome_unknown(id: &str) -> Answer {
    let sentence = "it is not known yet what becomes of the event: send it again with the same id";
    let answer = error(StatusCode::SERVICE_UNAVAILABLE, sentence, Some(id));
    with_retry_after(answer, Duration::from_secs(RETRY_AFTER_SECS))
}

/// The component's own answer. `nosniff` keeps browsers from guessing its media type.
fn component_reply(reply: Reply) -> Answer {
    let mut answer = Response::new(AnswerBody::new(reply.body));
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

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut text = Vec::with_capacity(128);
    // Serialising strings and numbers into a vector cannot fail.
    let _ = serde_json::to_writer(&mut text, body);
    let mut answer = Response::new(AnswerBody::new(text));
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}
