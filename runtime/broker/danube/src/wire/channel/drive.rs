//! The life of a connection: its task reads and writes, asks whether the other end is there, and ends with the
//! connection or when no one uses it any more.

use std::{
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{Ping, PingPong, client::Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout_at},
};
use tonic::Status;

/// After how long a silence the other end is asked whether it is there, and how long it may go on after that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// What is known of one connection; its address tells it from others.
pub(super) struct Life {
    began: Instant,
    /// When the other end was heard last, in milliseconds since then.
    heard_ms: AtomicU64,
    /// Why it was given up, where that was this end's decision.
    why: OnceLock<String>,
}

impl Life {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            heard_ms: AtomicU64::new(0),
            why: OnceLock::new(),
        }
    }

    /// Something came from the other end.
    pub(super) fn heard(&self) {
        let ms = self.began.elapsed().as_millis();
        self.heard_ms.store(u64::try_from(ms).unwrap_or(u64::MAX), Relaxed);
    }

    fn heard_at(&self) -> Instant {
        self.began + Duration::from_millis(self.heard_ms.load(Relaxed))
    }

    /// What a call is told whose connection, or whose stream on it, broke.
    pub(super) fn broken(&self, error: h2::Error) -> Status {
        if let Some(why) = self.why.get() {
            return Status::unavailable(why.clone());
        }
        let said = error.to_string();
        Status::unavailable(match () {
            () if error.is_reset() => format!("the call was cut off: {said}"),
            // A server that refuses a client's certificate says so only after its own handshake.
            () if said.contains("received fatal alert") => {
                format!("TLS failed ({said}): the broker may want a client certificate, or another one")
            }
            () => format!("the connection broke: {said}"),
        })
    }
}

/// Ends with the connection.
pub(super) async fn drive<S>(mut connection: Connection<S, Bytes>, keepalive: Keepalive, life: &Life)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ping = connection.ping_pong();
    tokio::select! {
        biased;
        // Those whose calls are on it are told by it.
        ended = &mut connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection to a Danube broker ended");
        },
        () = silence(ping, keepalive, life) => {
            let waited = keepalive.timeout.as_millis();
            // Said before the connection is dropped, which fails the calls on it.
            let _ = life.why.set(format!("the connection was given up: a ping had no answer within {waited} ms"));
        }
    }
}

/// Waits until the other end does not answer. Whatever it says is an answer: on a slow line, a ping waits behind
/// messages.
async fn silence(ping: Option<PingPong>, keepalive: Keepalive, life: &Life) {
    let Some(mut ping) = ping else {
        return std::future::pending().await;
    };
    loop {
        let due = life.heard_at() + keepalive.interval;
        if Instant::now() < due {
            sleep_until(due).await;
            continue;
        }
        let asked = Instant::now();
        let mut pong = pin!(ping.ping(Ping::opaque()));
        loop {
            let until = asked.max(life.heard_at()) + keepalive.timeout;
            match timeout_at(until, &mut pong).await {
                Ok(Ok(_)) => break,
                // The connection is over, and says so itself.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) if life.heard_at() + keepalive.timeout > until => {}
                Err(_) => return,
            }
        }
    }
}
