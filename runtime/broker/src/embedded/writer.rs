//! The thread that changes the log.
//!
//! It takes the queued calls, applies them in one transaction, syncs, changes memory, and answers; while it syncs, the
//! next calls queue. It never waits for more calls. When the engine or the disk fails, or this thread panics, the calls
//! of that transaction get the error, the engine is closed and opened again, at once and then with growing pauses, and
//! until it is open every call is answered with the reason. A call that meets a stored value that makes no sense fails
//! alone: the others are applied without it.
//!
//! When the disk is full, messages that are kept only to be read again are dropped first: after the engine is opened
//! again, a quarter of each topic is dropped, as far as every subscription has acknowledged it, before any call is
//! taken.

use std::{
    any::Any,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    catalog::{self, Partitions},
    fault::Fault,
    limits::{REOPEN_BACKOFF_MAX, REOPEN_BACKOFF_MIN, RETENTION_CHECK_MAX, RETENTION_CHECK_MIN},
    memory::{Memory, notify_readers},
    outcome::Outcome,
    queue::Command,
    retention::{self, TrimTarget},
    shared::{Shared, writer_ended},
    transaction::{Batch, StagedChanges},
};
use crate::{BrokerError, ErrorKind};

/// See the module.
pub(super) struct Writer {
    shared: Arc<Shared>,
    memory: Memory,
    /// When the next round over all topics starts, or continues.
    trim_at: Instant,
    /// Topics that the current round has still to trim.
    targets: Vec<TrimTarget>,
    /// Set while the log is down.
    outage: Option<Outage>,
    /// When the last outage ended, and its last pause: a disk that opens and fails in turn must not be opened in a busy
    /// loop.
    last_outage: Option<(Instant, Duration)>,
}

struct Outage {
    why: BrokerError,
    since: Instant,
    retry_at: Instant,
    pause: Duration,
    /// Whether the disk was full.
    is_full: bool,
}

/// Why a transaction failed.
struct Failure {
    fault: Fault,
    /// The call that failed, if it was one.
    call: Option<usize>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, partitions: Partitions, pending_deletes: BTreeSet<u64>) -> Self {
        Self {
            memory: Memory {
                shared: shared.clone(),
                partitions,
                pending_deletes,
            },
            shared,
            trim_at: Instant::now(),
            targets: Vec::new(),
            outage: None,
            last_outage: None,
        }
    }

    /// Runs until it is told to close.
    pub(super) fn run(mut self) {
        // If this thread ends unexpectedly, no caller may wait for ever.
        let _last_words = CloseOnPanic(self.shared.clone());
        loop {
            let until = self.outage.as_ref().map_or(self.trim_at, |outage| outage.retry_at);
            let mut commands = self.shared.queue.take(until);
            let close = commands.pop_if(|command| matches!(command, Command::Close { .. }));
            // Calls in progress are dropped with the panic, and their callers get an error.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_commands(commands))) {
                self.handle_panic(&*panic);
            }
            if let Some(Command::Close { reply }) = close {
                return self.close(reply);
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.recover())) {
                self.handle_panic(&*panic);
            }
        }
    }

    fn run_commands(&mut self, commands: Vec<Command>) {
        self.reopen_if_requested(&commands);
        match &self.outage {
            Some(outage) => commands.into_iter().for_each(|command| command.reject(&outage.why)),
            None => self.commit(commands),
        }
    }

    fn commit(&mut self, mut commands: Vec<Command>) {
        let now = Instant::now();
        let is_due = now >= self.trim_at;
        if commands.is_empty() && !is_due {
            return;
        }
        if is_due && self.targets.is_empty() {
            let keep_bytes = self.shared.options.retention.keep_bytes;
            self.targets = retention::targets(self.memory.partitions.values(), |_| keep_bytes);
        }
        loop {
            let Failure { fault, call } = match self.try_commit(&mut commands) {
                Ok((outcomes, staged)) => return self.apply_committed(commands, outcomes, staged, now),
                Err(failure) => failure,
            };
            let down = fault.requires_reopen();
            let is_full = fault.is_full_disk();
            let why = fault.into_broker_error(self.shared.store.directory());
            match call.filter(|_| !down).map(|call| commands.remove(call)) {
                Some(met) => {
                    tracing::error!(error = %why, "the log could not apply a call");
                    met.reject(&why);
                }
                None => {
                    commands.into_iter().for_each(|command| command.reject(&why));
                    if down {
                        self.start_outage(why, is_full);
                    } else {
                        // A stored value makes no sense; retention would meet it again at once.
                        tracing::error!(error = %why, "the log could not apply a group of calls");
                        self.targets.clear();
                        self.trim_at = now + REOPEN_BACKOFF_MAX;
                    }
                    return;
                }
            }
        }
    }

    /// One transaction.
    fn try_commit(&mut self, commands: &mut [Command]) -> Result<(Vec<Outcome>, StagedChanges), Failure> {
        let (partitions, pending_deletes, options) = (
            &self.memory.partitions,
            &self.memory.pending_deletes,
            &self.shared.options,
        );
        let targets = &mut self.targets;
        let mut call = None;
        let result = self.shared.store.write(|transaction| {
            let mut batch = Batch::new(transaction, partitions, pending_deletes, options, commands.is_empty())?;
            let mut outcomes = Vec::with_capacity(commands.len());
            for (index, command) in commands.iter_mut().enumerate() {
                call = Some(index);
                outcomes.push(batch.apply(command)?);
            }
            call = None;
            batch.trim(targets)?;
            let (changed, staged) = batch.finish()?;
            Ok((changed, (outcomes, staged)))
        });
        result.map_err(|fault| Failure { fault, call })
    }

    /// Handles a durable transaction.
    fn apply_committed(&mut self, commands: Vec<Command>, outcomes: Vec<Outcome>, staged: StagedChanges, now: Instant) {
        let interval = self.shared.options.retention.check_interval;
        if staged.more_to_trim || !self.targets.is_empty() {
            self.trim_at = now;
        } else if now >= self.trim_at {
            self.trim_at = now + interval.clamp(RETENTION_CHECK_MIN, RETENTION_CHECK_MAX);
        }
        self.memory.apply(staged);
        for (command, outcome) in commands.into_iter().zip(outcomes) {
            self.memory.answer(command, outcome);
        }
    }

    fn handle_panic(&mut self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let directory = self.shared.store.directory().display();
        let message = format!(
            "the log in {directory} met a defect of this program or a damaged page ({}): what was under way may be done \
             or not; it is opened again",
            text.unwrap_or_else(|| "a panic without words".to_owned())
        );
        self.start_outage(BrokerError::new(ErrorKind::Storage, message), false);
    }

    /// A reader failed on the current opening of the log.
    fn reopen_if_requested(&mut self, commands: &[Command]) {
        let current = self.shared.store.generation();
        let asked = commands
            .iter()
            .any(|c| matches!(c, Command::Reopen { generation } if *generation == current));
        if asked && self.outage.is_none() {
            let directory = self.shared.store.directory().display();
            let why = format!("the log in {directory} could not be read and is being opened again: try again");
            self.start_outage(BrokerError::new(ErrorKind::Storage, why), false);
        }
    }

    fn start_outage(&mut self, why: BrokerError, is_full: bool) {
        tracing::error!(error = %why, "the log is down; it is opened again until that works");
        self.shared.store.set_down(why.clone());
        self.targets.clear();
        let now = Instant::now();
        let recent = self
            .last_outage
            .filter(|(ended, _)| now < *ended + REOPEN_BACKOFF_MAX * 2);
        let (retry_at, pause) = match recent {
            Some((_, pause)) => (now + pause, next_pause(pause)),
            None => (now, REOPEN_BACKOFF_MIN),
        };
        self.outage = Some(Outage {
            why,
            since: now,
            retry_at,
            pause,
            is_full,
        });
    }

    fn recover(&mut self) {
        let Some(outage) = &mut self.outage else { return };
        if Instant::now() < outage.retry_at {
            return;
        }
        let begun = Instant::now();
        let opened = reopen(&self.shared);
        // Opening reads the whole log: a large one on a disk that stays full must not be read without a pause.
        outage.pause = outage.pause.max(begun.elapsed());
        match opened {
            Ok((partitions, pending_deletes)) => {
                tracing::info!(seconds = outage.since.elapsed().as_secs_f64(), "the log is up again");
                (self.memory.partitions, self.memory.pending_deletes) = (partitions, pending_deletes);
                self.last_outage = Some((Instant::now(), outage.pause));
                let is_full = outage.is_full;
                self.outage = None;
                self.trim_at = Instant::now();
                // A failed commit may be there after all.
                self.memory.partitions.values().for_each(notify_readers);
                if is_full {
                    self.free_disk_space();
                }
                self.shared.wake_all();
            }
            Err(fault) => {
                outage.why = fault.into_broker_error(self.shared.store.directory());
                tracing::debug!(error = %outage.why, "the log is still down");
                self.shared.store.set_down(outage.why.clone());
                outage.retry_at = Instant::now() + outage.pause;
                outage.pause = next_pause(outage.pause);
            }
        }
    }

    /// Drops a quarter of each topic, as far as it is consumed.
    fn free_disk_space(&mut self) {
        let had = self.memory.bytes();
        self.targets = retention::targets(self.memory.partitions.values(), |bytes| bytes / 4 * 3);
        while self.outage.is_none() && !self.targets.is_empty() {
            self.commit(Vec::new());
        }
        let dropped_bytes = had - self.memory.bytes();
        if dropped_bytes > 0 {
            tracing::warn!(
                dropped_bytes,
                "the disk is full: messages that every subscription has, and that were kept to be read again, were dropped before their time"
            );
        }
    }

    fn close(self, reply: Option<super::queue::Reply<()>>) {
        let directory = self.shared.store.directory();
        let why = self.shared.queue.close_reason().unwrap_or_else(writer_ended);
        let result = self
            .shared
            .store
            .close(why)
            .map_err(|fault| fault.into_broker_error(directory));
        self.shared.wake_all();
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }
}

/// Doubles the pause up to the longest one, or to the time that opening takes if that is longer.
fn next_pause(pause: Duration) -> Duration {
    (pause * 2).min(pause.max(REOPEN_BACKOFF_MAX))
}

fn reopen(shared: &Shared) -> Result<(Partitions, BTreeSet<u64>), Fault> {
    shared.store.reopen()?;
    let known = shared.topics.read().clone();
    let known = shared.store.read(|transaction| catalog::load(transaction, &known))?;
    *shared.topics.write() = known.topics;
    Ok((known.partitions, known.pending_deletes))
}

/// Rejects all calls when the writer ends without having closed.
struct CloseOnPanic(Arc<Shared>);

impl Drop for CloseOnPanic {
    fn drop(&mut self) {
        self.0.queue.close(writer_ended(), None);
        loop {
            let commands = self.0.queue.take(Instant::now());
            if commands.is_empty() {
                break;
            }
            commands.into_iter().for_each(|command| command.reject(&writer_ended()));
        }
        self.0.wake_all();
    }
}
