//! HTTP/2, frame by frame (RFC 9113), and headers as HPACK literals (RFC 7541).

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::host::Host;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GO_AWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// The payload of `RST_STREAM`: CANCEL.
pub(crate) const CANCEL: [u8; 4] = [0, 0, 0, 8];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The preface and these settings.
pub(crate) fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let pairs = settings.iter().flat_map(|(id, value)| {
        let (id, value) = (id.to_be_bytes(), value.to_be_bytes());
        [&id[..], &value].concat()
    });
    let settings = frame(SETTINGS, 0, 0, &pairs.collect::<Vec<_>>());
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat()
}

/// A header that is not indexed.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// A header that is added to the dynamic table.
pub(crate) fn indexed_literal(name: &str, value: &str) -> Vec<u8> {
    [&[0x40][..], &text(name), &text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match text.len() {
        n @ ..127 => bytes.push(u8::try_from(n).expect("below 127")),
        n => {
            bytes.push(127);
            let mut rest = n - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).expect("7 bits") | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).expect("7 bits"));
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The headers of a valid `POST`.
pub(crate) fn post() -> Vec<u8> {
    let pairs = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/hook"),
        (":authority", "test"),
    ];
    pairs.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

/// A whole request with this body.
pub(crate) fn request(stream: u32, body: &[u8]) -> Vec<u8> {
    [
        frame(HEADERS, END_HEADERS, stream, &post()),
        frame(DATA, END_STREAM, stream, body),
    ]
    .concat()
}

/// A connection that writes, and a task that hears what comes.
pub(crate) struct Line {
    write: OwnedWriteHalf,
    heard: Arc<Heard>,
    /// Not heard, but open.
    _deaf: Option<OwnedReadHalf>,
}

/// What a connection was told.
#[derive(Default)]
pub(crate) struct Heard {
    /// Streams that were reset.
    pub(crate) resets: AtomicUsize,
    /// Why the connection ends, as often as it was told.
    pub(crate) go_away: Mutex<Vec<u32>>,
}

impl Line {
    /// `deaf` does not read a byte.
    pub(crate) async fn connect(host: &Host, deaf: bool) -> Self {
        let tcp = TcpStream::connect(host.server.listener.local_addr()).await;
        let (mut read, write) = tcp.expect("the listener accepts").into_split();
        let heard = Arc::new(Heard::default());
        let _deaf = if deaf {
            Some(read)
        } else {
            let heard = heard.clone();
            tokio::spawn(async move { while hear(&mut read, &heard).await.is_ok() {} });
            None
        };
        Self { write, heard, _deaf }
    }

    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Whether the other side took it, in a moment: it may stop reading, or be gone.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let write = timeout(Duration::from_millis(200), self.write.write_all(bytes));
        matches!(write.await, Ok(Ok(())))
    }
}

/// One frame.
async fn hear(read: &mut OwnedReadHalf, heard: &Heard) -> io::Result<()> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await?;
    let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
    read.read_exact(&mut payload).await?;
    if head[3] == RST_STREAM {
        heard.resets.fetch_add(1, SeqCst);
    }
    if head[3] == GO_AWAY {
        let code = payload[4..8].try_into().expect("four bytes");
        heard.go_away.lock().push(u32::from_be_bytes(code));
    }
    Ok(())
}
