//! The form of requests and answers over HTTP.

use danube_wasm_ingress_listener::{Answer, AnswerBody, Refusal, with_retry_after};
use http::{HeaderValue, header::CONTENT_TYPE, request::Parts};
use serde_json::json;

use crate::{
    decode::Format,
    json::{Message, Object},
    problem::Problem,
};

const FORMATS: &str = "exports are `application/x-protobuf` or `application/json`: send one of them as content-type";

/// How the body of a request is encoded.
pub(crate) fn format(head: &Parts) -> Result<Format, Refusal> {
    let value = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let essence = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    [Format::Protobuf, Format::Json]
        .into_iter()
        .find(|format| essence.eq_ignore_ascii_case(format.media_type().as_bytes()))
        .ok_or(Refusal::MediaType(FORMATS))
}

/// The answer to an export that succeeded, at least in part.
pub(crate) fn success(format: Format, message: &(impl prost::Message + Message)) -> Answer {
    let body = match format {
        Format::Protobuf => message.encode_to_vec(),
        Format::Json => {
            let mut text = Vec::new();
            Object::write(&mut text, message);
            text
        }
    };
    answer(format, body)
}

/// The answer to an export that failed: a `google.rpc.Status`.
pub(crate) fn failure(format: Format, problem: &Problem) -> Answer {
    let body = match format {
        Format::Protobuf => problem.with_details().details().to_vec(),
        Format::Json => status_json(problem).to_string().into_bytes(),
    };
    let mut answer = answer(format, body);
    *answer.status_mut() = problem.status;
    match problem.retry_after {
        Some(wait) => with_retry_after(answer, wait),
        None => answer,
    }
}

fn status_json(problem: &Problem) -> serde_json::Value {
    let mut status = json!({ "code": problem.code as i32, "message": problem.message });
    if let Some(wait) = problem.retry_after {
        status["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}.{:09}s", wait.as_secs(), wait.subsec_nanos()),
        }]);
    }
    status
}

fn answer(format: Format, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(AnswerBody::new(body));
    let media_type = HeaderValue::from_static(format.media_type());
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}
