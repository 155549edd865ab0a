//! What an endpoint does with requests beside making events of them: whom it hears, what it answers by itself, and how.
//!
//! ```text
//! networks → CORS, HEAD, OPTIONS → handshakes without a body → credentials, body, signature → handshakes with a body → event
//! ```

mod cors;
mod handshake;
mod reply;

use danube_wasm_ingress_listener::{Answer, AnswerBody, Auth, Exchange, Refusal, auth::Denied};
use danube_wasm_settings::values::Network;
use http::{HeaderValue, Method, Response, StatusCode, header::ALLOW, request::Parts};

pub use self::{
    cors::Cors,
    handshake::{Handshake, VerifyTokens},
    reply::FixedReply,
};

/// What an endpoint does beside making events of requests. Nothing by default.
#[derive(Debug, Clone, Default)]
pub struct RequestPolicy {
    /// Networks whose clients are heard; all without any.
    pub networks: Vec<Network>,
    /// How the sender makes sure of the endpoint.
    pub handshake: Option<Handshake>,
    /// Which pages of browsers may post.
    pub cors: Option<Cors>,
    /// Answers `HEAD` with 200.
    pub answers_head: bool,
    /// Answers `OPTIONS` with the methods that are taken.
    pub answers_options: bool,
    /// The answer to events that were taken, instead of the usual one.
    pub reply: Option<FixedReply>,
}

impl RequestPolicy {
    /// Methods that are answered here, for `Allow`.
    pub(crate) fn methods(&self) -> impl Iterator<Item = Method> {
        let handshake = self.handshake.as_ref().and_then(Handshake::method);
        let options = self.answers_options || self.cors.is_some();
        let own = [
            self.answers_head.then_some(Method::HEAD),
            options.then_some(Method::OPTIONS),
            handshake.filter(|method| *method != Method::OPTIONS || !options),
        ];
        own.into_iter().flatten()
    }

    /// Whether the client is heard.
    pub(crate) fn admit(&self, exchange: &Exchange<'_>) -> Result<(), Refusal> {
        if self.networks.is_empty() {
            return Ok(());
        }
        let client = exchange.client();
        match self.networks.iter().any(|network| network.contains(client)) {
            true => Ok(()),
            false => Err(Denied::network().into()),
        }
    }

    /// The answer to a request that needs no credentials, if this is one.
    pub(crate) fn answer_to_head(&self, head: &Parts, allow: &HeaderValue) -> Result<Option<Answer>, Refusal> {
        if let Some(answer) = self.cors.as_ref().and_then(|cors| cors.preflight(head, allow)) {
            return Ok(Some(answer));
        }
        let answered = match &self.handshake {
            Some(handshake) => handshake.answer_to_head(head, allow)?,
            None => None,
        };
        if answered.is_some() {
            return Ok(answered);
        }
        Ok(match head.method {
            Method::HEAD if self.answers_head => Some(Response::new(AnswerBody::new(""))),
            Method::OPTIONS if self.answers_options => Some(no_content(allow)),
            _ => None,
        })
    }

    /// The answer to a request whose sender is known, if it is no event.
    pub(crate) async fn answer_to_body(
        &self,
        auth: &Auth,
        head: &Parts,
        body: &[u8],
    ) -> Result<Option<Answer>, Refusal> {
        match &self.handshake {
            Some(handshake) => handshake.answer_to_body(auth, head, body).await,
            None => Ok(None),
        }
    }

    /// Lets the page of a browser read the answer.
    pub(crate) fn add_headers(&self, head: &Parts, answer: &mut Answer) {
        if let Some(cors) = &self.cors {
            cors.add_headers(head, answer);
        }
    }
}

fn no_content(allow: &HeaderValue) -> Answer {
    let mut answer = Response::new(AnswerBody::new(""));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(ALLOW, allow.clone());
    answer
}
