//! What the writer is asked to do, in the order in which it was asked.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use danube_wasm_model::{SubscriptionType, TopicName};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{
    limits::{COMMIT_BYTES_MAX, COMMIT_CALLS_MAX},
    notes::NoteKind,
    topic::{Subscription, Topic},
};
use crate::{BrokerError, ErrorKind, RegisteredSchema, Result, SeekReport, SeekTo, StartAt, TopicSpec};

/// Where an answer goes. Nobody may be waiting for it any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// One call.
pub(super) enum Command {
    /// Answered with the groups that were refused because a topic of theirs is gone.
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
    /// What an operator moves.
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
    /// The last one.
    Close {
        reply: Option<Reply<()>>,
    },
}

/// What an operator or a server of the log changes.
pub(super) enum Alteration {
    /// At least so many partitions; the topic is made if it is not there.
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
    /// See [`super::notes`].
    Note {
        kind: NoteKind,
        name: String,
        text: String,
    },
}

/// An encoded record and the partition it goes to.
pub(super) struct Prepared {
    /// Place of its group in the call.
    pub(super) group: usize,
    pub(super) partition: u64,
    pub(super) encoded: Vec<u8>,
}

impl Command {
    /// Memory that it holds, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Publish { records, .. } => records.iter().map(|record| record.encoded.len()).sum(),
            _ => 0,
        }
    }

    /// Answers that it was not done.
    pub(super) fn fail(self, error: &BrokerError) {
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
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<Command>,
    bytes: usize,
    closed: Option<BrokerError>,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            bytes_max,
        }
    }

    /// Adds a call, or answers it at once when it cannot be taken.
    pub(super) fn push(&self, command: Command) {
        let bytes = command.bytes();
        let mut waiting = self.waiting.lock();
        let refusal = match &waiting.closed {
            Some(why) => Some(why.clone()),
            None if bytes > 0 && waiting.bytes > 0 && waiting.bytes + bytes > self.bytes_max => Some(BrokerError::new(
                ErrorKind::Unavailable,
                format!(
                    "the log has {} bytes waiting for the disk, its limit: back off and try again",
                    waiting.bytes
                ),
            )),
            None => None,
        };
        match refusal {
            Some(error) => {
                drop(waiting);
                command.fail(&error);
            }
            None => {
                waiting.bytes += bytes;
                waiting.commands.push_back(command);
                drop(waiting);
                self.arrived.notify_one();
            }
        }
    }

    /// Refuses all further calls, with `last` behind those that wait. Whether it was open.
    pub(super) fn close(&self, why: BrokerError, last: Option<Command>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.closed.is_some() {
            return false;
        }
        waiting.closed = Some(why);
        waiting.commands.extend(last);
        drop(waiting);
        self.arrived.notify_one();
        true
    }

    /// Why it is closed, if it is.
    pub(super) fn closed(&self) -> Option<BrokerError> {
        self.waiting.lock().closed.clone()
    }

    /// What waits, up to one commit's worth; empty at `until` when nothing came.
    pub(super) fn take(&self, until: Instant) -> Vec<Command> {
        let mut waiting = self.waiting.lock();
        while waiting.commands.is_empty() {
            if self.arrived.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        let (mut taken, mut taken_bytes) = (Vec::new(), 0);
        while let Some(command) = waiting.commands.front() {
            let bytes = command.bytes();
            let full = taken_bytes + bytes > COMMIT_BYTES_MAX || taken.len() == COMMIT_CALLS_MAX;
            if full && !taken.is_empty() {
                break;
            }
            taken_bytes += bytes;
            taken.extend(waiting.commands.pop_front());
        }
        waiting.bytes = waiting.bytes.saturating_sub(taken_bytes);
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
        let (third, mut waiting) = publish(100);
        queue.push(third);
        assert!(waiting.try_recv().is_err(), "not answered yet");
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
