//! Gives hyper's automatic answers the JSON body that all other refusals have.
//!
//! Hyper answers a request that it cannot parse by itself, with a status and no body, and has no hook for it. So those bytes
//! are recognised when they are written, and replaced. No other answer looks like them: they have only the headers of the
//! connection, and nothing is written after them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::refusal;

/// An answer that replaces one of hyper's.
pub(crate) struct Replacement {
    /// The part that is not written yet.
    rest: Bytes,
    /// Length of hyper's answer.
    replaced_len: usize,
}

impl Replacement {
    /// Returns the replacement if `written` is exactly one automatic answer.
    pub(crate) fn of(written: &[u8]) -> Option<Self> {
        Some(Self {
            rest: refusal::not_http(automatic_status(written)?)?,
            replaced_len: written.len(),
        })
    }

    /// Writes all of it; then returns the length of hyper's answer, which hyper takes as written.
    pub(crate) fn poll_write(
        &mut self,
        mut io: Pin<&mut (impl AsyncWrite + ?Sized)>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        while self.rest.has_remaining() {
            match ready!(io.as_mut().poll_write(cx, &self.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.rest.advance(n),
            }
        }
        Poll::Ready(Ok(self.replaced_len))
    }
}

/// Returns the status of an answer without a body and with no headers but those of the connection.
fn automatic_status(written: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let (first, headers) = head.strip_prefix("HTTP/1.")?.split_once("\r\n")?;
    let is_connection_header = |line: &str| {
        let name = line.split_once(": ").map(|(name, _)| name);
        matches!(name, Some("connection" | "date")) || line == "content-length: 0"
    };
    let is_automatic = headers.split("\r\n").all(is_connection_header);
    is_automatic.then(|| first.get(2..5)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_automatic_answer_is_replaced() {
        let bare = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert_eq!(automatic_status(bare.as_bytes()), Some(400));
        let replacement = Replacement::of(bare.as_bytes()).expect("a refusal");
        assert_eq!(replacement.replaced_len, bare.len());
        let text = std::str::from_utf8(&replacement.rest).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{text}");
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
        for other in [
            bare.replace("date: now", "content-type: text/plain"),
            bare.replace("date: now", "x-content-type-options: nosniff"),
            bare.replace("length: 0", "length: 2") + "{}",
            bare.replace("400 Bad Request", "200 OK"),
            bare.repeat(2),
            bare[..40].to_owned(),
            String::new(),
        ] {
            assert!(Replacement::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
