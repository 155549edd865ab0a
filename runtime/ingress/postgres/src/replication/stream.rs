//! The stream of a slot: one task reads, tells the server how far everything is durable, and keeps the session alive, whatever
//! the rest does.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_model::clock::now_ms;
use parking_lot::Mutex;
use pgwire_replication::{
    Lsn as WireLsn, PgWireError,
    protocol::{
        BackendMessage, ErrorFields, ReplicationCopyData, encode_standby_status_update,
        framing::{write_copy_data, write_copy_done},
        parse_copy_data, unix_to_pg_timestamp,
    },
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{session::Connection, status::Status};
use crate::{
    limits::{ANSWER_MAX, INBOX_BYTES_MAX, MESSAGE_COST_BYTES},
    lsn::Lsn,
    refusal::Said,
};

/// What a server sends.
#[derive(Debug, Clone)]
pub(crate) enum WalMessage {
    /// A message of `pgoutput`.
    Data {
        /// Where what it is about begins.
        start: Lsn,
        /// The message.
        data: Bytes,
    },
    /// The server has read its log so far.
    KeepAlive {
        /// Up to where.
        end: Lsn,
    },
}

/// Why nothing more comes.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The server ended it, and said why.
    Said(Said),
    /// Something else did.
    Broken(String),
}

/// A stream that is read. Its task ends when this is dropped.
pub(crate) struct WalStream {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    inbox: Mutex<Inbox>,
    /// Something is in the inbox.
    arrived: Notify,
    /// There is room in the inbox, a position to be told, or an end wanted.
    wanted: Notify,
    /// Everything up to here is durable.
    flushed: AtomicU64,
    /// Up to where the server has read its log.
    server: AtomicU64,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<WalMessage>,
    bytes: usize,
    is_closing: bool,
    end: Option<End>,
}

impl Drop for WalStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WalStream {
    pub(super) fn start(connection: Connection, interval: Duration, from: Lsn) -> Self {
        let shared = Arc::new(Shared {
            inbox: Mutex::default(),
            arrived: Notify::new(),
            wanted: Notify::new(),
            flushed: AtomicU64::new(from.0),
            server: AtomicU64::new(from.0),
        });
        let task = tokio::spawn(run(shared.clone(), connection, interval));
        Self { shared, task }
    }

    /// Waits for the next message; an end comes after all that came before it. May be cancelled.
    pub(crate) async fn next(&self) -> Result<WalMessage, End> {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            arrived.await;
        }
    }

    /// The next message, if one is there.
    pub(crate) fn try_next(&self) -> Option<Result<WalMessage, End>> {
        let mut inbox = self.shared.inbox.lock();
        let Some(message) = inbox.messages.pop_front() else {
            return inbox.end.clone().map(Err);
        };
        let was_full = inbox.is_full();
        inbox.bytes -= message.cost();
        if was_full && !inbox.is_full() {
            self.shared.wanted.notify_one();
        }
        Some(Ok(message))
    }

    /// Waits for an end, whatever has not been taken.
    pub(crate) async fn ended(&self) -> End {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(end) = self.shared.inbox.lock().end.clone() {
                return end;
            }
            arrived.await;
        }
    }

    /// Everything up to here is durable, and noted: the server need not keep it.
    pub(crate) fn flushed(&self, upto: Lsn) {
        if self.shared.flushed.fetch_max(upto.0, Ordering::AcqRel) < upto.0 {
            self.shared.wanted.notify_one();
        }
    }

    /// How many bytes of its log the server has sent that are not confirmed.
    pub(crate) fn lag_bytes(&self) -> u64 {
        let server = self.shared.server.load(Ordering::Acquire);
        server.saturating_sub(self.shared.flushed.load(Ordering::Acquire))
    }

    /// Tells the last position, and ends the stream.
    pub(crate) async fn close(mut self, deadline: std::time::Instant) {
        self.shared.inbox.lock().is_closing = true;
        self.shared.wanted.notify_one();
        let _ = timeout_at(deadline.into(), &mut self.task).await;
    }
}

impl WalMessage {
    fn cost(&self) -> usize {
        match self {
            Self::Data { data, .. } => data.len() + MESSAGE_COST_BYTES,
            Self::KeepAlive { .. } => MESSAGE_COST_BYTES,
        }
    }
}

impl Inbox {
    fn is_full(&self) -> bool {
        self.bytes >= INBOX_BYTES_MAX
    }
}

impl Shared {
    fn flushed(&self) -> Lsn {
        Lsn(self.flushed.load(Ordering::Acquire))
    }

    fn push(&self, message: WalMessage) {
        let mut inbox = self.inbox.lock();
        inbox.bytes += message.cost();
        inbox.messages.push_back(message);
        drop(inbox);
        self.arrived.notify_waiters();
    }

    fn end(&self, end: End) {
        self.inbox.lock().end = Some(end);
        self.arrived.notify_waiters();
    }
}

/// What the task does next.
enum Step {
    Message(Result<BackendMessage, PgWireError>),
    Tell,
    /// Something has changed: look again.
    Again,
}

async fn run(shared: Arc<Shared>, mut connection: Connection, interval: Duration) {
    let mut status = Status::new(interval, Instant::now());
    loop {
        let (is_full, is_closing) = {
            let inbox = shared.inbox.lock();
            (inbox.is_full(), inbox.is_closing)
        };
        if is_closing {
            let told = tell(&shared, &mut connection, &mut status).await;
            if told.is_ok() {
                let _ = timeout(ANSWER_MAX, hang_up(&mut connection)).await;
            }
            return shared.end(End::Broken("the source was closed".to_owned()));
        }
        if is_full {
            // Nothing is listened to.
            status.heard(Instant::now());
        }
        let step = tokio::select! {
            message = connection.reader.read(&mut connection.socket), if !is_full => Step::Message(message),
            () = shared.wanted.notified() => Step::Again,
            () = sleep_until(status.due(shared.flushed())) => Step::Tell,
        };
        let done = match step {
            Step::Again => Ok(()),
            Step::Tell if status.is_silent(Instant::now()) => {
                Err(End::Broken("the server has not answered for too long".to_owned()))
            }
            Step::Tell => tell(&shared, &mut connection, &mut status).await,
            Step::Message(Err(error)) => Err(End::Broken(format!("the connection broke: {error}"))),
            Step::Message(Ok(message)) => {
                status.heard(Instant::now());
                take(&shared, &mut connection, &mut status, message).await
            }
        };
        if let Err(end) = done {
            return shared.end(end);
        }
    }
}

async fn take(
    shared: &Shared,
    connection: &mut Connection,
    status: &mut Status,
    message: BackendMessage,
) -> Result<(), End> {
    match message.tag {
        b'd' => {}
        b'E' => return Err(End::Said(Said::from(ErrorFields::parse(&message.payload)))),
        b'c' => return Err(End::Broken("the server ended the stream".to_owned())),
        _ => return Ok(()),
    }
    let copied = parse_copy_data(message.payload).map_err(|error| End::Broken(error.to_string()))?;
    match copied {
        ReplicationCopyData::XLogData {
            wal_start,
            wal_end,
            data,
            ..
        } => {
            shared.server.fetch_max(wal_end.0, Ordering::AcqRel);
            shared.push(WalMessage::Data {
                start: Lsn(wal_start.0),
                data,
            });
        }
        ReplicationCopyData::KeepAlive {
            wal_end,
            reply_requested,
            ..
        } => {
            shared.server.fetch_max(wal_end.0, Ordering::AcqRel);
            shared.push(WalMessage::KeepAlive { end: Lsn(wal_end.0) });
            if reply_requested {
                tell(shared, connection, status).await?;
            }
        }
    }
    Ok(())
}

/// Tells the server how far everything is durable, and asks it for a sign.
async fn tell(shared: &Shared, connection: &mut Connection, status: &mut Status) -> Result<(), End> {
    let flushed = shared.flushed();
    let now = unix_to_pg_timestamp(i64::try_from(now_ms() * 1000).unwrap_or(i64::MAX));
    let is_idle = status.is_idle(Instant::now());
    let update = encode_standby_status_update(WireLsn(flushed.0), now, is_idle);
    let written = timeout(ANSWER_MAX, write_copy_data(&mut connection.socket, &update)).await;
    match written {
        Ok(Ok(())) => {
            status.told(flushed, Instant::now());
            Ok(())
        }
        Ok(Err(error)) => Err(End::Broken(format!("the connection broke: {error}"))),
        Err(_) => Err(End::Broken("the server takes nothing any more".to_owned())),
    }
}

/// Says that nothing more is wanted, and waits until the server has taken what was told.
async fn hang_up(connection: &mut Connection) -> Result<(), PgWireError> {
    write_copy_done(&mut connection.socket).await?;
    loop {
        let message = connection.reader.read(&mut connection.socket).await?;
        if matches!(message.tag, b'c' | b'Z' | b'E') {
            return Ok(());
        }
    }
}
