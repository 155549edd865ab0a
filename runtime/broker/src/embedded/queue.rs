//! The writer's calls, in order.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use danube_wasm_model::{SubscriptionType, TopicName};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{
    cursor::Cursor,
    limits::{COMMIT_BYTES_MAX, COMMIT_CALLS_MAX},
    notebook,
    notes::NoteKind,
    topic::{Subscription, Topic},
};
use crate::{BrokerError, ErrorKind, RegisteredSchema, Result, SeekReport, SeekTo, StartAt, TopicSpec};

/// Where the answer is sent. The caller may have stopped waiting.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// One call.
pub(super) enum Command {
    /// Answered with the groups that were refused because their topic was deleted.
    Publish {
        records: Vec<Prepared>,
        reply: Reply<Vec<usize>>,
    },
    Ack {
        topic: Arc<Topic>,
        subscription: Arc<Subscription>,
        offsets: Vec<(usize, Vec<u64>)>,
        reply: Reply<()>,
    },
    CreateTopic {
        topic: TopicName,
        spec: TopicSpec,
        reply: Reply<()>,
    },
    Subscribe {
        topic: Arc<Topic>,
        name: String,
        kind: SubscriptionType,
        start: StartAt,
        reply: Reply<Arc<Subscription>>,
    },
    Register {
        subject: String,
        schema_type: String,
        definition: String,
        reply: Reply<RegisteredSchema>,
    },
    Alter {
        alteration: Alteration,
        reply: Reply<()>,
    },
    /// Moves a subscription's position.
    Seek {
        topic: Arc<Topic>,
        subscription: Arc<Subscription>,
        to: SeekTo,
        reply: Reply<SeekReport>,
    },
    /// Reading failed on this opening of the database.
    Reopen {
        generation: u64,
    },
    /// The last call.
    Close {
        reply: Option<Reply<()>>,
    },
}

/// Changes made by an operator, a server of the log, or a connector that notes something.
pub(super) enum Alteration {
    /// At least this many partitions; the topic is created if it does not exist.
    Grow {
        topic: TopicName,
        partitions: u32,
    },
    DeleteTopic {
        topic: Arc<Topic>,
    },
    DeleteSubscription {
        topic: Arc<Topic>,
        subscription: Arc<Subscription>,
    },
    /// Sets the position of a subscription, by partition.
    Place {
        topic: Arc<Topic>,
        subscription: Arc<Subscription>,
        cursors: Vec<Cursor>,
    },
    /// See [`super::notebook`].
    Notebook {
        owner: Arc<str>,
        entries: Vec<(String, Option<Bytes>)>,
    },
    /// See [`super::notes`].
    Note {
        kind: NoteKind,
        name: String,
        text: String,
    },
}

/// An encoded record and the partition it goes to.
pub(super) struct Prepared {
    /// Index of its group in the call.
    pub(super) group: usize,
    pub(super) partition: u64,
    pub(super) encoded: Vec<u8>,
    /// When it was published, if that was before, in another log.
    pub(super) time_ms: Option<u64>,
}

impl Command {
    /// Memory that it holds, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Publish { records, .. } => records.iter().map(|record| record.encoded.len()).sum(),
            Self::Alter {
                alteration: Alteration::Notebook { entries, .. },
                ..
            } => notebook::size(entries),
            _ => 0,
        }
    }

    /// Answers the call with an error.
    pub(super) fn reject(self, error: &BrokerError) {
        fn send<T>(reply: Reply<T>, error: &BrokerError) {
            let _ = reply.send(Err(error.clone()));
        }
        match self {
            Self::Publish { reply, .. } => send(reply, error),
            Self::Ack { reply, .. } | Self::CreateTopic { reply, .. } | Self::Alter { reply, .. } => send(reply, error),
            Self::Subscribe { reply, .. } => send(reply, error),
            Self::Register { reply, .. } => send(reply, error),
            Self::Seek { reply, .. } => send(reply, error),
            Self::Close { reply } => {
                if let Some(reply) = reply {
                    send(reply, error);
                }
            }
            Self::Reopen { .. } => {}
        }
    }
}

/// Calls waiting for the writer.
pub(super) struct Queue {
    pending: Mutex<PendingCommands>,
    arrived: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct PendingCommands {
    commands: VecDeque<Command>,
    bytes: usize,
    closed: Option<BrokerError>,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            pending: Mutex::default(),
            arrived: Condvar::new(),
            bytes_max,
        }
    }

    /// Adds a call, or answers it at once when it cannot be taken.
    pub(super) fn push(&self, command: Command) {
        let bytes = command.bytes();
        let mut pending = self.pending.lock();
        let refusal = match &pending.closed {
            Some(why) => Some(why.clone()),
            None if bytes > 0 && pending.bytes > 0 && pending.bytes + bytes > self.bytes_max => Some(BrokerError::new(
                ErrorKind::Unavailable,
                format!(
                    "the log has {} bytes waiting for the disk, its limit: back off and try again",
                    pending.bytes
                ),
            )),
            None => None,
        };
        match refusal {
            Some(error) => {
                drop(pending);
                command.reject(&error);
            }
            None => {
                pending.bytes += bytes;
                pending.commands.push_back(command);
                drop(pending);
                self.arrived.notify_one();
            }
        }
    }

    /// Refuses all further calls, and queues `last` behind those that wait. Returns whether it was open.
    pub(super) fn close(&self, why: BrokerError, last: Option<Command>) -> bool {
        let mut pending = self.pending.lock();
        if pending.closed.is_some() {
            return false;
        }
        pending.closed = Some(why);
        pending.commands.extend(last);
        drop(pending);
        self.arrived.notify_one();
        true
    }

    /// The reason, if it is closed.
    pub(super) fn close_reason(&self) -> Option<BrokerError> {
        self.pending.lock().closed.clone()
    }

    /// Takes the queued calls, up to one commit's worth; waits until `until` for the first one.
    pub(super) fn take(&self, until: Instant) -> Vec<Command> {
        let mut pending = self.pending.lock();
        while pending.commands.is_empty() {
            if self.arrived.wait_until(&mut pending, until).timed_out() {
                break;
            }
        }
        let (mut taken, mut taken_bytes) = (Vec::new(), 0);
        while let Some(command) = pending.commands.front() {
            let bytes = command.bytes();
            let full = taken_bytes + bytes > COMMIT_BYTES_MAX || taken.len() == COMMIT_CALLS_MAX;
            if full && !taken.is_empty() {
                break;
            }
            taken_bytes += bytes;
            taken.extend(pending.commands.pop_front());
        }
        pending.bytes = pending.bytes.saturating_sub(taken_bytes);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(bytes: usize) -> (Command, oneshot::Receiver<Result<Vec<usize>>>) {
        let (reply, answer) = oneshot::channel();
        let records = vec![Prepared {
            group: 0,
            partition: 1,
            encoded: vec![0; bytes],
            time_ms: None,
        }];
        (Command::Publish { records, reply }, answer)
    }

    #[test]
    fn more_bytes_than_may_wait_are_refused_until_some_are_taken() {
        let queue = Queue::new(100);
        // However large: nothing else waits.
        let (first, _first) = publish(150);
        queue.push(first);
        let (second, mut refused) = publish(1);
        queue.push(second);
        assert_eq!(
            refused.try_recv().expect("answered").expect_err("refused").kind,
            ErrorKind::Unavailable
        );
        assert_eq!(queue.take(Instant::now()).len(), 1);
        let (third, mut pending) = publish(100);
        queue.push(third);
        assert!(pending.try_recv().is_err(), "not answered yet");
    }

    #[test]
    fn one_take_is_one_commit_at_most() {
        let queue = Queue::new(usize::MAX);
        for _ in 0..3 {
            queue.push(publish(COMMIT_BYTES_MAX / 2).0);
        }
        assert_eq!(queue.take(Instant::now()).len(), 2);
        assert_eq!(queue.take(Instant::now()).len(), 1);
        assert_eq!(queue.take(Instant::now()).len(), 0);
    }

    #[test]
    fn a_closed_queue_gives_what_waits_and_refuses_the_rest() {
        let queue = Queue::new(100);
        queue.push(publish(1).0);
        let why = BrokerError::new(ErrorKind::Closed, "closed");
        assert!(queue.close(why.clone(), Some(Command::Close { reply: None })));
        assert!(!queue.close(why, None), "once");
        let (late, mut refused) = publish(1);
        queue.push(late);
        assert_eq!(
            refused.try_recv().expect("answered").expect_err("refused").kind,
            ErrorKind::Closed
        );
        assert!(matches!(
            queue.take(Instant::now())[..],
            [Command::Publish { .. }, Command::Close { .. }]
        ));
    }
}
