//! How senders make sure that an endpoint is meant to hear them. The host answers; no event comes of it.
//!
//! Sources: the senders' public documentation, and the CloudEvents project's "HTTP 1.1 Web Hooks for Event Delivery", section 4.

mod body;
mod cloud_events;
mod meta;
mod sns;

use danube_wasm_ingress_listener::{Answer, Auth, Refusal};
use http::{HeaderValue, Method, request::Parts};

pub use self::meta::VerifyTokens;
use crate::limits::HANDSHAKE_BODY_BYTES_MAX;

/// A sender's handshake.
#[derive(Debug, Clone)]
pub enum Handshake {
    /// Slack posts `url_verification` and wants its challenge back.
    Slack,
    /// Meta asks with `GET` and a token that both know.
    Meta(VerifyTokens),
    /// A sender of CloudEvents asks with `OPTIONS` for one of these origins; all without any.
    CloudEvents {
        /// Names of senders.
        origins: Vec<String>,
    },
    /// Azure Event Grid posts a code and wants it back; of CloudEvents, it asks with `OPTIONS`.
    EventGrid,
    /// Amazon SNS posts a URL that is to be asked.
    Sns,
    /// Zoom posts a token and wants it back, signed.
    Zoom,
    /// Discord posts a ping.
    Discord,
    /// GitHub posts a ping when the webhook is made.
    Github,
}

impl Handshake {
    /// The method that it needs beside those of events.
    pub(super) fn method(&self) -> Option<Method> {
        match self {
            Self::Meta(_) => Some(Method::GET),
            Self::CloudEvents { .. } | Self::EventGrid => Some(Method::OPTIONS),
            _ => None,
        }
    }

    /// The answer to one that needs no body and no credentials but its own.
    pub(super) fn answer_to_head(&self, head: &Parts, allow: &HeaderValue) -> Result<Option<Answer>, Refusal> {
        match self {
            Self::Meta(tokens) => tokens.answer(head),
            Self::CloudEvents { origins } => cloud_events::answer(origins, head, allow),
            // Whoever knows the URL may be told so: its secret is in the query.
            Self::EventGrid => cloud_events::answer(&[], head, allow),
            _ => Ok(None),
        }
    }

    /// The answer to one whose sender is known.
    pub(super) async fn answer_to_body(
        &self,
        auth: &Auth,
        head: &Parts,
        body: &[u8],
    ) -> Result<Option<Answer>, Refusal> {
        if let (Self::Sns, Auth::Sns(of)) = (self, auth) {
            return sns::answer(of, body).await;
        }
        if body.len() > HANDSHAKE_BODY_BYTES_MAX {
            return Ok(None);
        }
        Ok(match self {
            Self::Slack => body::slack(body),
            Self::Zoom => body::zoom(auth, body),
            Self::Discord => body::discord(body),
            Self::Github => body::github(head),
            Self::EventGrid => body::event_grid(head, body),
            Self::Meta(_) | Self::CloudEvents { .. } | Self::Sns => None,
        })
    }
}
