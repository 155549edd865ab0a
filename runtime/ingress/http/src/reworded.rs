//! Refusals that the protocol library writes by itself, in the form of all others.
//!
//! What is not HTTP never becomes a request, so the library answers it: with a status, and without a word. Those bytes
//! are recognised on their way out and said again with a JSON body. They can be told from every other answer because
//! they have no header but those of the connection; and they are the last that is written on it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::answer;

/// A refusal that is written in place of the library's.
pub(crate) struct Reworded {
    /// What is left of it.
    rest: Bytes,
    /// Bytes of the library that it stands for.
    stands_for: usize,
}

impl Reworded {
    /// If `written` is a refusal of the library and nothing else.
    pub(crate) fn of(written: &[u8]) -> Option<Self> {
        Some(Self {
            rest: answer::not_http(status_alone(written)?)?,
            stands_for: written.len(),
        })
    }

    /// Writes all of it; then gives the number of bytes that the library may think it wrote.
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
        Poll::Ready(Ok(self.stands_for))
    }
}

/// The status of an answer that has a head, no body, and no header that says anything about either.
fn status_alone(written: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let (first, headers) = head.strip_prefix("HTTP/1.")?.split_once("\r\n")?;
    let of_the_connection = |line: &str| {
        let name = line.split_once(": ").map(|(name, _)| name);
        matches!(name, Some("connection" | "date")) || line == "content-length: 0"
    };
    let alone = headers.split("\r\n").all(of_the_connection);
    alone.then(|| first.get(2..5)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_a_word_is_reworded() {
        let bare = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert_eq!(status_alone(bare.as_bytes()), Some(400));
        let reworded = Reworded::of(bare.as_bytes()).expect("a refusal");
        assert_eq!(reworded.stands_for, bare.len());
        let text = std::str::from_utf8(&reworded.rest).unwrap();
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
            assert!(Reworded::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
