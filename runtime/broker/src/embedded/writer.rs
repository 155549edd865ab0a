//! The one thread that changes the log.
//!
//! It takes what is queued, applies it in one transaction, syncs, changes memory, and answers; while it syncs, the next
//! calls queue. Nothing waits for company. When the engine or the disk fails, or this thread panics, the calls of that
//! transaction get the error, the engine is closed and opened again, at once and then with a growing pause, and until it
//! is open every call is answered with the reason. A call that meets something stored that makes no sense fails alone: the
//! others are applied without it.
//!
//! A disk that is full first loses what is kept for reading again: after the engine is opened again, a quarter of each
//! topic goes, as far as every subscription has it, before any call is taken.

use std::{
    any::Any,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    batch::{Batch, Outcome, Staged},
    catalog::{self, Places},
    fault::Fault,
    limits::{REOPEN_BACKOFF_MAX, REOPEN_BACKOFF_MIN, RETENTION_CHECK_MAX, RETENTION_CHECK_MIN},
    memory::tell,
    queue::Command,
    retention::{self, Due},
    shared::{Shared, writer_gone},
};
use crate::{BrokerError, ErrorKind};

/// See the module.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) places: Places,
    /// Partitions of deleted topics that still have messages.
    pub(super) doomed: BTreeSet<u64>,
    /// When the next round over all topics begins, or goes on, for something to trim.
    trim_at: Instant,
    /// Topics that the round under way has not looked at.
    round: Vec<Due>,
    /// Set while the log is down.
    outage: Option<Outage>,
    /// When the last outage ended, and the pause it had come to: a disk that opens and fails in turn must not be opened
    /// in a loop.
    last: Option<(Instant, Duration)>,
}

struct Outage {
    why: BrokerError,
    since: Instant,
    retry_at: Instant,
    pause: Duration,
    /// For want of room on the disk.
    is_full: bool,
}

/// What a transaction that failed met.
struct Failure {
    fault: Fault,
    /// The call that met it, if one did.
    call: Option<usize>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, places: Places, doomed: BTreeSet<u64>) -> Self {
        Self {
            shared,
            places,
            doomed,
            trim_at: Instant::now(),
            round: Vec::new(),
            outage: None,
            last: None,
        }
    }

    /// Runs until it is told to close.
    pub(super) fn run(mut self) {
        // Should this thread end all the same, nobody may wait for it for ever.
        let _last_words = LastWords(self.shared.clone());
        loop {
            let until = self.outage.as_ref().map_or(self.trim_at, |outage| outage.retry_at);
            let mut commands = self.shared.queue.take(until);
            let close = commands.pop_if(|command| matches!(command, Command::Close { .. }));
            // What was under way is dropped with the panic, and its callers are told.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.turn(commands))) {
                self.panicked(&*panic);
            }
            if let Some(Command::Close { reply }) = close {
                return self.close(reply);
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.recover())) {
                self.panicked(&*panic);
            }
        }
    }

    fn turn(&mut self, commands: Vec<Command>) {
        self.reopen_if_asked(&commands);
        match &self.outage {
            Some(outage) => commands.into_iter().for_each(|command| command.fail(&outage.why)),
            None => self.commit(commands),
        }
    }

    fn commit(&mut self, mut commands: Vec<Command>) {
        let now = Instant::now();
        let is_due = now >= self.trim_at;
        if commands.is_empty() && !is_due {
            return;
        }
        if is_due && self.round.is_empty() {
            let keep_bytes = self.shared.options.retention.keep_bytes;
            self.round = retention::round(self.places.values(), |_| keep_bytes);
        }
        loop {
            let Failure { fault, call } = match self.attempt(&mut commands) {
                Ok((outcomes, staged)) => return self.done(commands, outcomes, staged, now),
                Err(failure) => failure,
            };
            let down = fault.ends_the_engine();
            let is_full = fault.is_full_disk();
            let why = fault.at(self.shared.store.directory());
            match call.filter(|_| !down).map(|call| commands.remove(call)) {
                Some(met) => {
                    tracing::error!(error = %why, "the log could not apply a call");
                    met.fail(&why);
                }
                None => {
                    commands.into_iter().for_each(|command| command.fail(&why));
                    if down {
                        self.go_down(why, is_full);
                    } else {
                        // Something stored makes no sense; retention would meet it again at once.
                        tracing::error!(error = %why, "the log could not apply a group of calls");
                        self.round.clear();
                        self.trim_at = now + REOPEN_BACKOFF_MAX;
                    }
                    return;
                }
            }
        }
    }

    /// One transaction.
    fn attempt(&mut self, commands: &mut [Command]) -> Result<(Vec<Outcome>, Staged), Failure> {
        let (places, doomed, options) = (&self.places, &self.doomed, &self.shared.options);
        let round = &mut self.round;
        let mut call = None;
        let result = self.shared.store.write(|transaction| {
            let mut batch = Batch::new(transaction, places, doomed, options, commands.is_empty())?;
            let mut outcomes = Vec::with_capacity(commands.len());
            for (place, command) in commands.iter_mut().enumerate() {
                call = Some(place);
                outcomes.push(batch.apply(command)?);
            }
            call = None;
            batch.trim(round)?;
            let (changed, staged) = batch.finish()?;
            Ok((changed, (outcomes, staged)))
        });
        result.map_err(|fault| Failure { fault, call })
    }

    /// It is durable.
    fn done(&mut self, commands: Vec<Command>, outcomes: Vec<Outcome>, staged: Staged, now: Instant) {
        let interval = self.shared.options.retention.check_interval;
        if staged.more_to_trim || !self.round.is_empty() {
            self.trim_at = now;
        } else if now >= self.trim_at {
            self.trim_at = now + interval.clamp(RETENTION_CHECK_MIN, RETENTION_CHECK_MAX);
        }
        self.remember(staged);
        for (command, outcome) in commands.into_iter().zip(outcomes) {
            self.answer(command, outcome);
        }
    }

    fn panicked(&mut self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let directory = self.shared.store.directory().display();
        let message = format!(
            "the log in {directory} met a defect of this program or a damaged page ({}): what was under way may be done \
             or not; it is opened again",
            text.unwrap_or_else(|| "a panic without words".to_owned())
        );
        self.go_down(BrokerError::new(ErrorKind::Storage, message), false);
    }

    /// A reader met a failure of this opening.
    fn reopen_if_asked(&mut self, commands: &[Command]) {
        let current = self.shared.store.generation();
        let asked = commands
            .iter()
            .any(|c| matches!(c, Command::Reopen { generation } if *generation == current));
        if asked && self.outage.is_none() {
            let directory = self.shared.store.directory().display();
            let why = format!("the log in {directory} could not be read and is being opened again: try again");
            self.go_down(BrokerError::new(ErrorKind::Storage, why), false);
        }
    }

    fn go_down(&mut self, why: BrokerError, is_full: bool) {
        tracing::error!(error = %why, "the log is down; it is opened again until that works");
        self.shared.store.take_down(why.clone());
        self.round.clear();
        let now = Instant::now();
        let recent = self.last.filter(|(ended, _)| now < *ended + REOPEN_BACKOFF_MAX * 2);
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
            Ok((places, doomed)) => {
                tracing::info!(seconds = outage.since.elapsed().as_secs_f64(), "the log is up again");
                (self.places, self.doomed) = (places, doomed);
                self.last = Some((Instant::now(), outage.pause));
                let is_full = outage.is_full;
                self.outage = None;
                self.trim_at = Instant::now();
                // A failed commit may be there after all.
                self.places.values().for_each(tell);
                if is_full {
                    self.make_room();
                }
                self.shared.wake_all();
            }
            Err(fault) => {
                outage.why = fault.at(self.shared.store.directory());
                tracing::debug!(error = %outage.why, "the log is still down");
                self.shared.store.take_down(outage.why.clone());
                outage.retry_at = Instant::now() + outage.pause;
                outage.pause = next_pause(outage.pause);
            }
        }
    }

    /// Drops a quarter of each topic, as far as it is consumed.
    fn make_room(&mut self) {
        let had = self.bytes();
        self.round = retention::round(self.places.values(), |bytes| bytes / 4 * 3);
        while self.outage.is_none() && !self.round.is_empty() {
            self.commit(Vec::new());
        }
        let dropped_bytes = had - self.bytes();
        if dropped_bytes > 0 {
            tracing::warn!(
                dropped_bytes,
                "the disk is full: messages that every subscription has, and that were kept to be read again, were dropped before their time"
            );
        }
    }

    /// Of all messages.
    fn bytes(&self) -> u64 {
        self.places.values().map(|place| place.head.bytes).sum()
    }

    fn close(self, reply: Option<super::queue::Reply<()>>) {
        let directory = self.shared.store.directory();
        let why = self.shared.queue.closed().unwrap_or_else(writer_gone);
        let result = self.shared.store.close(why).map_err(|fault| fault.at(directory));
        self.shared.wake_all();
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }
}

/// Longer, up to the longest, unless opening alone takes longer than that.
fn next_pause(pause: Duration) -> Duration {
    (pause * 2).min(pause.max(REOPEN_BACKOFF_MAX))
}

fn reopen(shared: &Shared) -> Result<(Places, BTreeSet<u64>), Fault> {
    shared.store.reopen()?;
    let known = shared.topics.read().clone();
    let known = shared.store.read(|transaction| catalog::load(transaction, &known))?;
    *shared.topics.write() = known.topics;
    Ok((known.places, known.doomed))
}

/// Answers everybody when the writer ends without having closed.
struct LastWords(Arc<Shared>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.queue.close(writer_gone(), None);
        loop {
            let commands = self.0.queue.take(Instant::now());
            if commands.is_empty() {
                break;
            }
            commands.into_iter().for_each(|command| command.fail(&writer_gone()));
        }
        self.0.wake_all();
    }
}
