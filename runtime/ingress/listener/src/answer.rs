//! Answers, and what they are made of.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use http_body::{Body, Frame, SizeHint};

/// An answer to a caller.
pub type Answer = Response<AnswerBody>;

/// The status that is reported of an answer, where it is another than that of HTTP: a gRPC error is a 200. An extension of the
/// answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedStatus(pub StatusCode);

/// A body that is complete before it is sent, and the trailers after it.
#[derive(Debug, Clone, Default)]
pub struct AnswerBody {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl AnswerBody {
    /// A body of these bytes.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self {
            data: data.into(),
            trailers: None,
        }
    }

    /// Adds trailers, which HTTP/2 sends after the body.
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = std::mem::take(&mut self.data);
        if !data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}

/// Tells the caller when to come again. Rounds up, and never says 0: a sender that obeys the header must not retry at once.
pub fn with_retry_after(mut answer: Answer, wait: Duration) -> Answer {
    let secs = HeaderValue::from(whole_secs(wait));
    answer.headers_mut().insert(RETRY_AFTER, secs);
    answer
}

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

    #[tokio::test]
    async fn the_trailers_are_after_the_data() {
        use http_body_util::BodyExt as _;
        let trailers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("x"))]);
        let mut body = AnswerBody::new("data").with_trailers(trailers.clone());
        assert!(!body.is_end_stream());
        let data = body.frame().await.unwrap().unwrap();
        assert_eq!(data.into_data().unwrap(), "data");
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }
}
