//! Standard output and error, as lines of the connector's log.
//!
//! A write is accepted at once and never fails: output over the log's quota is dropped there. At most one unfinished
//! line is kept.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use crate::{capability::log::ConnectorLog, host::LogLevel, text::truncate};

/// Bytes of a call's output that are kept for its error message.
const CAPTURED_BYTES_MAX: usize = 512;
/// Bytes that a component may write at once. Each of them can be a line, and nothing interrupts the host while it
/// counts those.
const PERMIT_BYTES: usize = 4 << 10;

/// What Rust's standard library writes after a panic. A component has no environment, and its trap has a backtrace.
const BACKTRACE_NOTE: &str = "note: run with `RUST_BACKTRACE=1`";

/// A stream that is cut into lines.
#[derive(Clone)]
pub(super) struct LineStream {
    log: Arc<ConnectorLog>,
    level: LogLevel,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    line: Vec<u8>,
    captured: String,
}

impl LineStream {
    pub(super) fn new(log: &Arc<ConnectorLog>, level: LogLevel) -> Self {
        Self {
            log: Arc::clone(log),
            level,
            state: Arc::default(),
        }
    }

    fn accept(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        for (i, part) in bytes.split(|b| *b == b'\n').enumerate() {
            if i > 0 {
                self.end_line(&mut state);
            }
            let room = self.log.line_bytes_max().saturating_sub(state.line.len());
            state.line.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    fn end_line(&self, state: &mut State) {
        let line = std::mem::take(&mut state.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with(BACKTRACE_NOTE) {
            return;
        }
        if !state.captured.is_empty() {
            state.captured.push_str("; ");
        }
        state.captured.push_str(&self.log.redacted(text, CAPTURED_BYTES_MAX));
        let kept = truncate(&state.captured, CAPTURED_BYTES_MAX).len();
        state.captured.truncate(kept);
        self.log.line(self.level, text);
    }

    /// Ends the unfinished line.
    pub(super) fn finish(&self) {
        self.end_line(&mut self.state.lock());
    }

    /// Clears the captured output.
    pub(super) fn clear(&self) {
        self.state.lock().captured.clear();
    }

    /// The beginning of what was written since the last [`clear`](Self::clear).
    pub(super) fn captured(&self) -> String {
        self.state.lock().captured.clone()
    }
}

impl IsTerminal for LineStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        if bytes.len() > PERMIT_BYTES {
            return Err(StreamError::trap(&format!(
                "it wrote {} bytes at once, {PERMIT_BYTES} are permitted",
                bytes.len()
            )));
        }
        self.accept(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

#[async_trait::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LineStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.accept(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
