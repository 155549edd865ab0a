//! Handshakes in a body whose sender is known: its signature is right. What is no handshake is an event.

use danube_wasm_ingress_listener::{Answer, AnswerBody, Auth};
use http::{Response, StatusCode, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer;

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn ok(body: &Value) -> Option<Answer> {
    Some(answer::json(StatusCode::OK, body))
}

pub(super) fn slack(body: &[u8]) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Verification {
        #[serde(rename = "type")]
        kind: String,
        challenge: String,
    }
    let asked: Verification = read(body)?;
    match asked.kind == "url_verification" {
        true => ok(&json!({ "challenge": asked.challenge })),
        false => None,
    }
}

/// The token, and its signature with the endpoint's secret.
pub(super) fn zoom(auth: &Auth, body: &[u8]) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Validation {
        event: String,
        payload: Token,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Token {
        plain_token: String,
    }
    let asked: Validation = read(body)?;
    let (Auth::Signature(signature), "endpoint.url_validation") = (auth, &*asked.event) else {
        return None;
    };
    let token = asked.payload.plain_token;
    let signed = signature.prove(token.as_bytes())?;
    ok(&json!({ "plainToken": token, "encryptedToken": hex::encode(signed) }))
}

/// Interactions have the type 1 for a ping; events of webhooks have 0, and 1 with an `event`.
pub(super) fn discord(body: &[u8]) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Ping {
        #[serde(rename = "type")]
        kind: u64,
        #[serde(default)]
        event: Option<serde::de::IgnoredAny>,
    }
    let asked: Ping = read(body)?;
    match (asked.kind, asked.event) {
        (0, _) => {
            let mut answer = Response::new(AnswerBody::new(""));
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Some(answer)
        }
        (1, None) => ok(&json!({ "type": 1 })),
        _ => None,
    }
}

pub(super) fn github(head: &Parts) -> Option<Answer> {
    let event = head.headers.get("x-github-event")?;
    match event.as_bytes() == b"ping" {
        true => ok(&json!({ "status": "pong" })),
        false => None,
    }
}

pub(super) fn event_grid(head: &Parts, body: &[u8]) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Validation {
        data: Code,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Code {
        validation_code: String,
    }
    let kind = head.headers.get("aeg-event-type")?;
    if !kind.as_bytes().eq_ignore_ascii_case(b"SubscriptionValidation") {
        return None;
    }
    let [asked] = read::<[Validation; 1]>(body)?;
    ok(&json!({ "validationResponse": asked.data.validation_code }))
}
