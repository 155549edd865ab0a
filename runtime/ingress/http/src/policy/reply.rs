//! An answer of the operator's own to events that were taken.

use bytes::Bytes;
use danube_wasm_ingress_listener::{Answer, AnswerBody};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

/// The status and the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedReply {
    /// 200, 202 or 204.
    pub status: StatusCode,
    /// Nothing with 204.
    pub body: Bytes,
    /// The body's media type.
    pub content_type: Option<HeaderValue>,
}

impl FixedReply {
    /// As an answer.
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = Response::new(AnswerBody::new(self.body.clone()));
        *answer.status_mut() = self.status;
        if let Some(kind) = self.content_type.as_ref().filter(|_| !self.body.is_empty()) {
            answer.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        answer
    }
}
