//! One call on a connection.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use h2::{Reason, SendStream, client::SendRequest};
use http_body_util::BodyExt as _;
use tonic::{Status, body::Body};

use super::{Answer, drive::Life};

/// A connection that is there, or was.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) life: Arc<Life>,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The broker has not looked at the request, and will not: the connection is of no use any more.
    Gone(Status),
    /// The broker has not looked at the request, because it has others.
    Refused(Status),
    /// The broker may have seen it.
    Cut(Status),
}

impl Unanswered {
    pub(super) fn into_status(self) -> Status {
        match self {
            Self::Gone(status) | Self::Refused(status) | Self::Cut(status) => status,
        }
    }
}

/// The one message of a request, encoded when it can be sent.
pub(super) enum Message {
    Waiting(Body),
    Encoded(Bytes),
}

impl Message {
    pub(super) fn new(body: Body) -> Self {
        Self::Waiting(body)
    }

    async fn encoded(&mut self) -> Result<Bytes, Status> {
        let encoded = match self {
            Self::Encoded(bytes) => return Ok(bytes.clone()),
            Self::Waiting(body) => body.collect().await?.to_bytes(),
        };
        *self = Self::Encoded(encoded.clone());
        Ok(encoded)
    }
}

impl Link {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        mut self,
        head: http::Request<()>,
        message: &mut Message,
    ) -> Result<http::Response<Answer>, Unanswered> {
        // Fails if the connection is over, or has no more numbers for calls: nothing was sent.
        let begun = self.sender.send_request(head, false);
        let (mut answer, mut stream) = begun.map_err(|error| Unanswered::Gone(self.life.broken(error)))?;
        let answered = tokio::select! {
            biased;
            room = has_room(&mut stream) => {
                if room {
                    let message = message.encoded().await.map_err(Unanswered::Cut)?;
                    // If the stream has ended by now, the answer says why.
                    let _ = stream.send_data(message, true);
                }
                answer.await
            }
            // A refusal needs no message.
            early = &mut answer => early,
        };
        match answered {
            Ok(answer) => Ok(answer.map(|stream| Answer::new(stream, self.life))),
            Err(error) => Err(self.unanswered(error)),
        }
    }

    /// A broker that leaves, or has too much to do, says which calls it has not looked at (RFC 9113, 6.8 and 8.7).
    fn unanswered(&self, error: h2::Error) -> Unanswered {
        let (gone, refused) = (error.is_go_away(), error.reason() == Some(Reason::REFUSED_STREAM));
        let said = error.is_remote();
        let status = self.life.broken(error);
        match () {
            () if said && gone => Unanswered::Gone(status),
            () if said && refused => Unanswered::Refused(status),
            () => Unanswered::Cut(status),
        }
    }
}

/// Waits until the broker takes some of the message; false if the stream ends before.
async fn has_room(stream: &mut SendStream<Bytes>) -> bool {
    stream.reserve_capacity(1);
    while stream.capacity() == 0 {
        match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return false,
        }
    }
    true
}
