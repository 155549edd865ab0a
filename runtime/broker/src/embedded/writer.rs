//! The one thread that changes the log.
//!
//! It takes what is queued, applies it in one transaction, syncs, changes memory, and answers; while it syncs, the next
//! calls queue. Nothing waits for company. When the engine or the disk fails, the calls of that transaction get the
//! error, the engine is closed and opened again, at once and then with a growing pause, and until it is open every call
//! is answered with the reason.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    batch::Batch,
    catalog::{self, Places},
    fault::Fault,
    limits::{REOPEN_BACKOFF_MAX, REOPEN_BACKOFF_MIN, RETENTION_CHECK_MAX, RETENTION_CHECK_MIN},
    memory::tell,
    queue::Command,
    shared::{Shared, writer_gone},
};
use crate::{BrokerError, ErrorKind};

/// See the module.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) places: Places,
    /// Partitions of deleted topics that still have messages.
    pub(super) doomed: BTreeSet<u64>,
    /// When every partition is looked at for something to trim.
    trim_at: Instant,
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
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, places: Places, doomed: BTreeSet<u64>) -> Self {
        Self {
            shared,
            places,
            doomed,
            trim_at: Instant::now(),
            outage: None,
            last: None,
        }
    }

    /// Runs until it is told to close.
    pub(super) fn run(mut self) {
        // Should this thread panic, nobody may wait for it for ever.
        let _last_words = LastWords(self.shared.clone());
        loop {
            let until = self.outage.as_ref().map_or(self.trim_at, |outage| outage.retry_at);
            let mut commands = self.shared.queue.take(until);
            let close = commands.pop_if(|command| matches!(command, Command::Close { .. }));
            self.reopen_if_asked(&commands);
            match &self.outage {
                Some(outage) => commands.into_iter().for_each(|command| command.fail(&outage.why)),
                None => self.commit(commands),
            }
            if let Some(Command::Close { reply }) = close {
                return self.close(reply);
            }
            self.recover();
        }
    }

    fn commit(&mut self, mut commands: Vec<Command>) {
        let now = Instant::now();
        let trim_all = now >= self.trim_at;
        if commands.is_empty() && !trim_all {
            return;
        }
        let (places, doomed, options) = (&self.places, &self.doomed, &self.shared.options);
        let result = self.shared.store.write(|transaction| {
            let mut batch = Batch::new(transaction, places, doomed, options)?;
            let outcomes = commands
                .iter_mut()
                .map(|c| batch.apply(c))
                .collect::<Result<Vec<_>, Fault>>()?;
            batch.trim(trim_all)?;
            let (changed, staged) = batch.finish()?;
            Ok((changed, (outcomes, staged)))
        });
        match result {
            Ok((outcomes, staged)) => {
                let interval = options
                    .retention
                    .check_interval
                    .clamp(RETENTION_CHECK_MIN, RETENTION_CHECK_MAX);
                let pause = if staged.more_to_trim { Duration::ZERO } else { interval };
                if trim_all || staged.more_to_trim {
                    self.trim_at = now + pause;
                }
                self.remember(staged);
                for (command, outcome) in commands.into_iter().zip(outcomes) {
                    self.answer(command, outcome);
                }
            }
            Err(fault) => {
                let down = fault.ends_the_engine();
                let why = fault.at(self.shared.store.directory());
                commands.into_iter().for_each(|command| command.fail(&why));
                if down {
                    self.go_down(why);
                } else {
                    // Something stored makes no sense; retention would meet it again at once.
                    tracing::error!(error = %why, "the log could not apply a group of calls");
                    self.trim_at = now + REOPEN_BACKOFF_MAX;
                }
            }
        }
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
            self.go_down(BrokerError::new(ErrorKind::Storage, why));
        }
    }

    fn go_down(&mut self, why: BrokerError) {
        tracing::error!(error = %why, "the log is down; it is opened again until that works");
        self.shared.store.take_down(why.clone());
        let now = Instant::now();
        let recent = self.last.filter(|(ended, _)| now < *ended + REOPEN_BACKOFF_MAX * 2);
        let (retry_at, pause) = match recent {
            Some((_, pause)) => (now + pause, (pause * 2).min(REOPEN_BACKOFF_MAX)),
            None => (now, REOPEN_BACKOFF_MIN),
        };
        self.outage = Some(Outage {
            why,
            since: now,
            retry_at,
            pause,
        });
    }

    fn recover(&mut self) {
        let Some(outage) = &mut self.outage else { return };
        if Instant::now() < outage.retry_at {
            return;
        }
        match reopen(&self.shared) {
            Ok((places, doomed)) => {
                tracing::info!(seconds = outage.since.elapsed().as_secs_f64(), "the log is up again");
                (self.places, self.doomed) = (places, doomed);
                self.last = Some((Instant::now(), outage.pause));
                self.outage = None;
                self.trim_at = Instant::now();
                // A failed commit may be there after all.
                self.places.values().for_each(tell);
                self.shared.wake_all();
            }
            Err(fault) => {
                outage.why = fault.at(self.shared.store.directory());
                tracing::debug!(error = %outage.why, "the log is still down");
                self.shared.store.take_down(outage.why.clone());
                outage.retry_at = Instant::now() + outage.pause;
                outage.pause = (outage.pause * 2).min(REOPEN_BACKOFF_MAX);
            }
        }
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
