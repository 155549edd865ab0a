//! What a receiver does about a request.

use std::{convert::Infallible, io};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Response;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::sync::watch;

/// What a receiver does about a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answers with a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Answers when it is told to.
    After(watch::Receiver<bool>, Box<Self>),
    /// Closes the connection instead of answering.
    Cut,
    /// Closes the connection in the middle of the body of a 200.
    CutWithinBody,
    /// A 200 with a body that does not end.
    Endless,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }
}

impl From<(u16, &str)> for Reply {
    fn from((status, body): (u16, &str)) -> Self {
        Self::Answer(status, Vec::new(), body.to_owned())
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

impl Reply {
    /// Does it.
    pub(super) async fn send(self) -> io::Result<Response<Body>> {
        let mut reply = self;
        while let Self::After(mut told, then) = reply {
            // A test that has ended tells nobody any more.
            let _ = told.wait_for(|told| *told).await;
            reply = *then;
        }
        let cut = || io::Error::other("as the test wants");
        let chunk = || Ok::<_, io::Error>(Frame::data(Bytes::from_static(&[b'x'; 4096])));
        let response = match reply {
            Self::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(
                    Full::new(Bytes::from(body))
                        .map_err(|never: Infallible| match never {})
                        .boxed_unsync(),
                )
            }
            Self::CutWithinBody => {
                // What is there is sent when there is nothing more for now.
                let end = async move {
                    tokio::task::yield_now().await;
                    Err(cut())
                };
                let frames = stream::iter([chunk()]).chain(stream::once(end));
                Response::builder()
                    .header("content-length", 1 << 20)
                    .body(StreamBody::new(frames).boxed_unsync())
            }
            Self::Endless => {
                let frames = stream::repeat_with(chunk);
                Response::builder().body(StreamBody::new(frames).boxed_unsync())
            }
            Self::Cut | Self::After(..) => return Err(cut()),
        };
        response.map_err(io::Error::other)
    }
}
