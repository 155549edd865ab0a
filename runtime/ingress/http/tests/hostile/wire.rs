//! A connection that says anything, and hears what is answered.

use std::net::SocketAddr;

use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::DEADLINE;

pub(crate) struct Wire {
    pub(crate) tcp: TcpStream,
    heard: Vec<u8>,
}

/// An answer, as far as it is judged.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.body.escape_ascii())
    }
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the listener accepts");
        tcp.set_nodelay(true).expect("an open socket");
        let heard = Vec::new();
        Self { tcp, heard }
    }

    /// As far as the other side takes it.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(DEADLINE, self.tcp.write_all(bytes)).await, Ok(Ok(())))
    }

    pub(crate) async fn end(&mut self) {
        // It may be gone already.
        let _ = self.tcp.shutdown().await;
    }

    /// Whether something came that is not heard yet, or the end.
    pub(crate) fn is_answered(&self) -> bool {
        let mut byte = [0];
        let peeked = self.tcp.peek(&mut byte).now_or_never();
        !self.heard.is_empty() || peeked.is_some()
    }

    /// The next final answer; `None` if the connection ends first.
    pub(crate) async fn answer(&mut self, to_head: bool) -> Result<Option<Answer>, String> {
        loop {
            match parse(&self.heard, to_head)? {
                Some((answer, read)) => {
                    self.heard.drain(..read);
                    if answer.status >= 200 {
                        return Ok(Some(answer));
                    }
                }
                None => {
                    if !self.more().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether more was heard before the end.
    async fn more(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 16 << 10];
        let read = timeout(DEADLINE, self.tcp.read(&mut buffer)).await;
        let n = read.map_err(|_| "neither answered nor closed".to_owned())?.unwrap_or(0);
        self.heard.extend_from_slice(&buffer[..n]);
        Ok(n > 0)
    }
}

/// One answer and its length in bytes, if it is all there.
fn parse(heard: &[u8], to_head: bool) -> Result<Option<(Answer, usize)>, String> {
    let Some(at) = heard.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let odd = || format!("not an answer: {}", heard.escape_ascii());
    let head = std::str::from_utf8(&heard[..at]).map_err(|_| odd())?;
    let version = head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 ");
    let status = head.get(9..12).filter(|_| version).and_then(|text| text.parse().ok());
    let status: u16 = status.ok_or_else(odd)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = match length {
        Some(text) if !to_head => text.parse().map_err(|_| odd())?,
        _ => 0,
    };
    let body = at + 4..at + 4 + length;
    let read = body.end;
    let body = heard.get(body).map(<[u8]>::to_vec);
    Ok(body.map(|body| (Answer { status, body }, read)))
}
