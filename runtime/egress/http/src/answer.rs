//! Sends a request and reads its answer, both bounded.

use std::{error::Error as _, time::Duration};

use bytes::{Bytes, BytesMut};
use danube_wasm_egress_dial::DialError;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;

use crate::{
    client::Client,
    verdict::{Failure, FailureKind},
};

/// What an endpoint has answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As much of it as is read.
    pub(crate) body: Bytes,
    /// Whether the body is all there.
    pub(crate) is_whole: bool,
}

/// How an answer is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// From the request's first byte to the answer's last.
    pub(crate) timeout: Duration,
    /// Most bytes of the body. What is longer is cut, and its connection closed.
    pub(crate) bytes_max: usize,
}

/// Sends it. `who` is for messages.
pub(crate) async fn send(
    client: &Client,
    request: Request<Full<Bytes>>,
    reading: Reading,
    who: &str,
) -> Result<Answer, Failure> {
    let late = || {
        let message = format!("{who} has not answered in {} ms", reading.timeout.as_millis());
        Failure::new(FailureKind::Overloaded, message)
    };
    let until = tokio::time::Instant::now() + reading.timeout;
    let sent = tokio::time::timeout_at(until, client.send(request)).await;
    let (head, body) = sent
        .map_err(|_| late())?
        .map_err(|error| failure(&error, who))?
        .into_parts();
    // With the head, everything is said that decides; a body that does not end is cut.
    let mut read = BytesMut::new();
    let all = tokio::time::timeout_at(until, collect(body, reading.bytes_max, &mut read)).await;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: read.freeze(),
        is_whole: all.unwrap_or(false),
    })
}

/// Reads into `read`; whether that is all of it.
async fn collect(mut body: Incoming, bytes_max: usize, read: &mut BytesMut) -> bool {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let Some(data) = frame.data_ref() else { continue };
        let room = bytes_max - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return false;
        }
    }
    true
}

fn failure(error: &legacy::Error, who: &str) -> Failure {
    if let Some(dial) = DialError::within(error) {
        let kind = match dial {
            // The name or the chain: no later attempt mends it.
            DialError::Certificate { .. } => FailureKind::Unfit,
            dial if dial.is_transient() => FailureKind::Unreachable,
            _ => FailureKind::Unfit,
        };
        return Failure::new(kind, format!("{who}: {dial}"));
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = error.to_string();
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            words = of_hyper(error);
            break;
        }
        cause = error.source();
    }
    Failure::new(FailureKind::Passes, format!("{who}: {words}"))
}

fn of_hyper(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        "the connection was closed before there was an answer; whether the request was taken is not known".to_owned()
    } else if error.is_parse() {
        format!("the answer is not HTTP ({error}): check scheme and port")
    } else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("the connection failed ({error}{cause}); whether the request was taken is not known")
    }
}
