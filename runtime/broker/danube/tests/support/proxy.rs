//! A way to a broker that counts its connections, and loses what is on them when it is told to.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Type of a PING frame, and its flag for an answer to one.
const PING: u8 = 6;
const ACK: u8 = 1;

/// Forwards connections; those that are open when it is told to swallow stay open and carry nothing.
pub struct Proxy {
    pub address: SocketAddr,
    swallow: watch::Sender<u64>,
    notes: Arc<Notes>,
}

struct Notes {
    speaks: watch::Sender<bool>,
    opened: AtomicUsize,
    closed: AtomicUsize,
    hold_pongs: AtomicBool,
    pongs_held: AtomicUsize,
}

impl Proxy {
    pub async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let swallow = watch::Sender::new(0);
        let notes = Arc::new(Notes {
            speaks: watch::Sender::new(true),
            opened: AtomicUsize::default(),
            closed: AtomicUsize::default(),
            hold_pongs: AtomicBool::default(),
            pongs_held: AtomicUsize::default(),
        });
        let (told, noted) = (swallow.clone(), notes.clone());
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                near.set_nodelay(true).unwrap();
                noted.opened.fetch_add(1, SeqCst);
                let (mut told, noted) = (told.subscribe(), noted.clone());
                tokio::spawn(async move {
                    let far = TcpStream::connect(to).await.unwrap();
                    // One call waits for the other: a packet that is kept back for company would cost each 40 ms.
                    far.set_nodelay(true).unwrap();
                    let (mut from_near, mut to_near) = near.into_split();
                    let (mut from_far, mut to_far) = far.into_split();
                    let there = async {
                        let _ = tokio::io::copy(&mut from_near, &mut to_far).await;
                        to_far.shutdown().await
                    };
                    // Lent: a half that is dropped closes its end.
                    let back = answers(&mut from_far, &mut to_near, &noted);
                    let both = async { tokio::join!(there, back) };
                    tokio::select! {
                        _ = both => {}
                        _ = told.changed() => {
                            // Both ends stay open.
                            std::future::pending::<()>().await;
                        }
                    }
                    noted.closed.fetch_add(1, SeqCst);
                });
            }
        });
        Self {
            address,
            swallow,
            notes,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nothing comes through any more on what is open now.
    pub fn swallow(&self) {
        self.swallow.send_modify(|times| *times += 1);
    }

    /// Whether what the broker says comes through now, or later.
    pub fn let_speak(&self, speaks: bool) {
        self.notes.speaks.send_replace(speaks);
    }

    /// No answer to a ping comes through any more, and everything else does.
    pub fn hold_pongs(&self) {
        self.notes.hold_pongs.store(true, SeqCst);
    }

    /// Answers to pings that did not come through.
    pub fn pongs_held(&self) -> usize {
        self.notes.pongs_held.load(SeqCst)
    }

    /// Connections so far.
    pub fn opened(&self) -> usize {
        self.notes.opened.load(SeqCst)
    }

    /// Those of them that are over, on both sides.
    pub fn closed(&self) -> usize {
        self.notes.closed.load(SeqCst)
    }
}

/// Forwards what the broker says, frame by frame.
async fn answers(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, notes: &Notes) -> io::Result<()> {
    let forwarded = async {
        loop {
            let mut frame = vec![0; 9];
            from.read_exact(&mut frame).await?;
            let (length, kind, flags) = (
                u32::from_be_bytes([0, frame[0], frame[1], frame[2]]),
                frame[3],
                frame[4],
            );
            frame.resize(9 + length as usize, 0);
            from.read_exact(&mut frame[9..]).await?;
            let _ = notes.speaks.subscribe().wait_for(|speaks| *speaks).await;
            match kind == PING && flags & ACK != 0 && notes.hold_pongs.load(SeqCst) {
                true => drop(notes.pongs_held.fetch_add(1, SeqCst)),
                false => to.write_all(&frame).await?,
            }
        }
    };
    let ended: io::Result<()> = forwarded.await;
    to.shutdown().await.and(ended)
}
