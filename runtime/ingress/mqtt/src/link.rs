//! A session and its socket: one task reads, writes and keeps the connection alive, whatever the rest does.

use std::{io, sync::Arc};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    limits::{ANSWER_MAX, READ_BYTES},
    session::{End, Session},
    websocket::FrameTooLarge,
};

/// What a connection runs over.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A session that others use beside the task of its socket.
#[derive(Debug)]
pub(crate) struct Link {
    session: Mutex<Session>,
    /// There is something to send, or more may be read.
    to_socket: Notify,
    /// Something has come, or it is over.
    from_socket: Notify,
}

/// Ends the task of a socket when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketTask(JoinHandle<()>);

impl Drop for SocketTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SocketTask {
    /// When it has ended.
    pub(crate) async fn ended(&mut self) {
        let _ = (&mut self.0).await;
    }
}

impl Link {
    /// Starts the task.
    pub(crate) fn start(session: Session, socket: Box<dyn Socket>) -> (Arc<Self>, SocketTask) {
        let link = Arc::new(Self {
            session: Mutex::new(session),
            to_socket: Notify::new(),
            from_socket: Notify::new(),
        });
        let task = tokio::spawn(run(link.clone(), socket));
        (link, SocketTask(task))
    }

    /// Changes the session, and lets the socket's task see what is to be done.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Session) -> T) -> T {
        let result = change(&mut self.session.lock());
        self.to_socket.notify_one();
        result
    }

    /// Waits until the session gives something.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&mut Session) -> Option<T>) -> T {
        loop {
            let more = self.from_socket.notified();
            let found = look(&mut self.session.lock());
            if let Some(found) = found {
                // There may be room for more now.
                self.to_socket.notify_one();
                return found;
            }
            more.await;
        }
    }

    fn tick(&self) {
        let mut session = self.session.lock();
        session.tick(Instant::now());
        if session.end().is_some() {
            self.from_socket.notify_waiters();
        }
    }

    fn on_socket(&self, change: impl FnOnce(&mut Session)) {
        change(&mut self.session.lock());
        self.from_socket.notify_waiters();
    }
}

/// What the task does next.
struct Plan {
    output: Option<Bytes>,
    reads: bool,
    tick: Instant,
    is_closing: bool,
    is_over: bool,
}

impl Plan {
    fn of(session: &mut Session) -> Self {
        Self {
            output: session.take_output(),
            reads: session.wants_bytes(),
            tick: session.next_tick(),
            is_closing: session.is_closing(),
            is_over: session.end().is_some(),
        }
    }
}

async fn run(link: Arc<Link>, socket: Box<dyn Socket>) {
    let (mut reader, mut writer) = tokio::io::split(socket);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let plan = Plan::of(&mut link.session.lock());
        if plan.is_over {
            break;
        }
        if let Some(output) = plan.output {
            if let Err(error) = write(&link, &mut reader, &mut writer, output, &mut buffer).await {
                link.on_socket(|session| broke(session, &error));
            }
            continue;
        }
        if plan.is_closing {
            link.on_socket(Session::closed);
            break;
        }
        // What has come first: after a standstill of our own the broker's answers may be there, and late only for us.
        tokio::select! {
            biased;
            read = reader.read(&mut buffer), if plan.reads => took(&link, &buffer, read),
            () = link.to_socket.notified() => {}
            () = sleep_until(plan.tick) => {}
        }
        link.tick();
    }
    // One that is over otherwise is dropped: a broker that takes nothing would have to be waited for.
    if link.session.lock().end() == Some(&End::Closed) {
        let _ = timeout(ANSWER_MAX, writer.shutdown()).await;
    }
}

fn took(link: &Link, buffer: &[u8], read: io::Result<usize>) {
    link.on_socket(|session| match read {
        Ok(0) => session.hung_up(),
        Ok(length) => session.feed(&buffer[..length], Instant::now()),
        Err(error) => broke(session, &error),
    });
}

fn broke(session: &mut Session, error: &io::Error) {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<FrameTooLarge>()) {
        Some(error) => session.unacceptable(error.to_string()),
        None => session.broken(format!("the connection broke: {error}")),
    }
}

/// Writes all of it, and reads meanwhile: two sides that both only write would wait for each other for ever.
async fn write(
    link: &Link,
    reader: &mut ReadHalf<Box<dyn Socket>>,
    writer: &mut WriteHalf<Box<dyn Socket>>,
    mut output: Bytes,
    buffer: &mut [u8],
) -> io::Result<()> {
    let within = link.session.lock().answer_within();
    let mut deadline = Instant::now() + within;
    let is_over = || io::Error::new(io::ErrorKind::TimedOut, "the broker takes nothing any more");
    loop {
        let reads = {
            let session = link.session.lock();
            if session.end().is_some_and(|end| *end != End::Closed) {
                return Ok(());
            }
            session.wants_bytes()
        };
        tokio::select! {
            done = write_some(writer, &output) => match done? {
                None => return Ok(()),
                Some(written) => {
                    output.advance(written);
                    deadline = Instant::now() + within;
                }
            },
            read = reader.read(buffer), if reads => took(link, buffer, read),
            () = sleep_until(deadline) => return Err(is_over()),
        }
    }
}

/// Writes as much as goes; none when all of it is written and flushed. May be cancelled.
async fn write_some(writer: &mut WriteHalf<Box<dyn Socket>>, output: &[u8]) -> io::Result<Option<usize>> {
    if output.is_empty() {
        return writer.flush().await.map(|()| None);
    }
    match writer.write(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(Some(written)),
    }
}
