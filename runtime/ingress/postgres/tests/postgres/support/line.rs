//! A line to a server that can go dead without an end: no connection of before is closed, and nothing passes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

/// How long the server waits for a sign of its reader, as a session asks for it, and what is asked for instead: tests do not wait
/// so long. Both have the same length, so that the message around them stays whole.
const ASKED: &[u8] = b"wal_sender_timeout=60000ms";
const INSTEAD: &[u8] = b"wal_sender_timeout=3.0000s";

/// See the module.
pub(crate) struct Line {
    /// Where it listens.
    pub(crate) port: u16,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

/// Tells a connection to go dead, and where to say that it has.
type GoesDead = oneshot::Sender<oneshot::Sender<()>>;

#[derive(Default)]
struct Shared {
    /// Of each connection, also of those that have ended.
    connections: parking_lot::Mutex<Vec<GoesDead>>,
    /// Sessions that have asked for a time-out.
    asked: AtomicUsize,
}

impl Line {
    /// To this port of loopback.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        let mut accepting = JoinSet::new();
        let of_all = shared.clone();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (goes_dead, dead) = oneshot::channel();
                of_all.connections.lock().push(goes_dead);
                let shared = of_all.clone();
                connections.spawn(async move {
                    if let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await {
                        // However it ends.
                        let _ = carry(near, far, dead, &shared.asked).await;
                    }
                });
            }
        });
        Self {
            port: own,
            shared,
            _accepting: accepting,
        }
    }

    /// From now on nothing passes on the connections that there are, in either direction, and nobody hears that they have ended.
    pub(crate) async fn goes_dead(&self) {
        let connections = std::mem::take(&mut *self.shared.connections.lock());
        for goes_dead in connections {
            let (is_dead, dead) = oneshot::channel();
            if goes_dead.send(is_dead).is_ok() {
                // One that ends instead says nothing.
                let _ = dead.await;
            }
        }
    }

    /// So many sessions have asked the server for a time-out.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Acquire)
    }
}

async fn carry(
    mut near: TcpStream,
    mut far: TcpStream,
    dead: oneshot::Receiver<oneshot::Sender<()>>,
    asked: &AtomicUsize,
) -> io::Result<()> {
    // Whoever asks for a time-out does so in its first message.
    let mut first = vec![0; 4 << 10];
    let length = near.read(&mut first).await?;
    first.truncate(length);
    if let Some(at) = first.windows(ASKED.len()).position(|bytes| bytes == ASKED) {
        first[at..at + ASKED.len()].copy_from_slice(INSTEAD);
        asked.fetch_add(1, Ordering::AcqRel);
    }
    far.write_all(&first).await?;
    tokio::select! {
        ended = tokio::io::copy_bidirectional(&mut near, &mut far) => ended.map(drop),
        Ok(is_dead) = dead => {
            // Both ends stay open.
            let _ = is_dead.send(());
            std::future::pending().await
        }
    }
}
