//! A connection that can be cut, and one that swallows what is sent.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// Bytes that are passed on at once.
const CHUNK_BYTES: usize = 16 << 10;

/// What goes through. Of all else nobody is told: it looks as if it was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// All.
    Everything,
    /// All of the server's; of a client's, what it sends first.
    FirstWrite,
    /// Nothing.
    Nothing,
}

/// Passes connections on to a port of loopback until it is cut.
pub struct Cable {
    /// Where it listens.
    pub port: u16,
    passes: watch::Sender<Passes>,
    connections: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    _accepting: JoinSet<()>,
}

impl Cable {
    /// A cable to this port.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("its address").port();
        let connections = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let (passes, passing) = watch::channel(Passes::Everything);
        let mut accepting = JoinSet::new();
        let all = connections.clone();
        accepting.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let passing = passing.clone();
                all.lock().await.spawn(async move {
                    // However it ends.
                    let _ = connect(near, far, passing).await;
                });
            }
        });
        Self {
            port: own,
            passes,
            connections,
            _accepting: accepting,
        }
    }

    /// Cuts the connections there are. What is on its way is lost.
    pub async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
    }

    /// From now on lets this through, of connections that there are and of new ones.
    pub fn let_through(&self, passes: Passes) {
        self.passes.send_replace(passes);
    }
}

async fn connect(near: TcpStream, far: TcpStream, passes: watch::Receiver<Passes>) -> io::Result<()> {
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let up = pass(from_near, to_far, passes.clone(), true);
    let down = pass(from_far, to_near, passes, false);
    tokio::try_join!(up, down).map(drop)
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    passes: watch::Receiver<Passes>,
    is_up: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut is_first = true;
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let goes = match *passes.borrow() {
            Passes::Everything => true,
            Passes::FirstWrite => is_first || !is_up,
            Passes::Nothing => false,
        };
        is_first = false;
        if goes {
            to.write_all(&buffer[..length]).await?;
        }
    }
}
