//! Senders of CloudEvents ask `OPTIONS` with their name in `WebHook-Request-Origin`.

use danube_wasm_ingress_listener::{Answer, AnswerBody, Refusal, auth::Denied};
use http::{HeaderValue, Method, Response, header::ALLOW, request::Parts};

pub(super) fn answer(origins: &[String], head: &Parts, allow: &HeaderValue) -> Result<Option<Answer>, Refusal> {
    let Some(origin) = head.headers.get("webhook-request-origin") else {
        return Ok(None);
    };
    if head.method != Method::OPTIONS {
        return Ok(None);
    }
    let is_known = |known: &String| known.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    if !origins.is_empty() && !origins.iter().any(is_known) {
        return Err(Denied::origin().into());
    }
    let mut answer = Response::new(AnswerBody::new(""));
    let headers = answer.headers_mut();
    headers.insert(ALLOW, allow.clone());
    headers.insert("webhook-allowed-origin", origin.clone());
    // As fast as it likes: the endpoint's `rate_limit` is answered 429.
    if head.headers.contains_key("webhook-request-rate") {
        headers.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    }
    Ok(Some(answer))
}
