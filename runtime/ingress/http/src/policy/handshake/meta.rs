//! Meta asks `GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…` and wants the challenge back.

use danube_wasm_ingress_listener::{Answer, AnswerBody, Refusal, Secrets, auth::Denied};
use http::{
    HeaderValue, Method, Response,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};
use url::form_urlencoded;

use crate::limits::CHALLENGE_BYTES_MAX;

/// Tokens that the operator and the sender have agreed on.
#[derive(Debug, Clone)]
pub struct VerifyTokens(Secrets);

impl VerifyTokens {
    /// Any of these.
    pub fn new(tokens: Secrets) -> Self {
        Self(tokens)
    }

    pub(super) fn answer(&self, head: &Parts) -> Result<Option<Answer>, Refusal> {
        let query = head.uri.query().unwrap_or_default();
        let value = |wanted: &str| {
            let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Some(value.into_owned()),
                _ => None,
            }
        };
        if head.method != Method::GET || value("hub.mode").as_deref() != Some("subscribe") {
            return Ok(None);
        }
        let token = value("hub.verify_token").unwrap_or_default();
        if !self.0.have(token.as_bytes()) {
            return Err(Denied::verify_token().into());
        }
        let challenge = value("hub.challenge").filter(|challenge| challenge.len() <= CHALLENGE_BYTES_MAX);
        let challenge = challenge.ok_or_else(|| {
            Refusal::BadRequest(format!(
                "parameter hub.challenge is there once, of at most {CHALLENGE_BYTES_MAX} bytes"
            ))
        })?;
        let mut answer = Response::new(AnswerBody::new(challenge));
        // What somebody else wrote is shown to nobody as a page.
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(Some(answer))
    }
}
