//! What a broker sends on one call: of a subscription, all its messages.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::RecvStream;
use http_body::Frame;
use tonic::Status;

use super::drive::Life;

/// See the module. What is not read here is not sent there: room in the stream's window is made by reading.
pub(crate) struct Answer {
    stream: RecvStream,
    life: Arc<Life>,
    data_read: bool,
}

impl Answer {
    pub(super) fn new(stream: RecvStream, life: Arc<Life>) -> Self {
        Self {
            stream,
            life,
            data_read: false,
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.data_read {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Fails for a stream that is over: it needs no room any more.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.life.broken(error)))),
                None => self.data_read = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(|error| self.life.broken(error))?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
