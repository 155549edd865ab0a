//! The one thread that polls: it takes records in, places what is assigned, commits what is confirmed, and lets go what is revoked
//! when that is finished or its time is over.
//!
//! ```text
//! librdkafka ── poll ──► Worker ── Inbox ──► KafkaUpstream (driver)
//!            ◄─ commit ─        ◄─ Positions ── KafkaConfirmer
//! ```
//!
//! It goes on polling whatever it waits for: a full inbox pauses the partitions, a revoked partition is kept until the driver has
//! released it while the others are read on, and what cannot be placed is placed later.

mod committing;
mod leaving;
mod measuring;
mod owned;
mod placing;
mod range;
mod room;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use danube_wasm_model::upstream::UpstreamError;

use self::{leaving::Leaving, owned::Owned, placing::Placing, room::Fullness};
use crate::{
    config::Reading,
    consumer::{ConsumerError, ErrorKind, GroupConsumer, Partition, Polled, Record},
    counters::Counters,
    inbox::{Inbox, Taken},
    limits::POLL_WAIT,
    positions::Positions,
};

/// What the thread and the driver share.
#[derive(Default)]
pub(crate) struct WorkerState {
    pub(crate) inbox: Inbox,
    pub(crate) positions: Positions,
    pub(crate) is_closing: AtomicBool,
}

/// How a worker reads.
pub(crate) struct WorkerConfig {
    pub(crate) connector: String,
    /// The cluster, for messages.
    pub(crate) address: String,
    pub(crate) group: String,
    pub(crate) reading: Reading,
    /// What the group had committed, by the names of the partitions.
    pub(crate) noted: HashMap<String, i64>,
    /// Counts assignments, over all sessions.
    pub(crate) epochs: Arc<AtomicU64>,
    pub(crate) counters: Counters,
}

/// See the module.
pub(crate) struct Worker<C> {
    consumer: C,
    state: Arc<WorkerState>,
    config: WorkerConfig,
    owned: Owned,
    placing: Option<Placing>,
    leaving: Option<Leaving>,
    fullness: Fullness,
    commit_at: Instant,
    is_committing: bool,
    /// The last thing that went wrong with the cluster.
    last_failure: Option<String>,
    /// Something other than the cluster being away.
    trouble: Option<String>,
    polls_without: u64,
}

impl<C: GroupConsumer> Worker<C> {
    pub(crate) fn new(consumer: C, state: Arc<WorkerState>, config: WorkerConfig) -> Self {
        Self {
            consumer,
            state,
            config,
            owned: Owned::default(),
            placing: None,
            leaving: None,
            fullness: Fullness::default(),
            commit_at: Instant::now(),
            is_committing: false,
            last_failure: None,
            trouble: None,
            polls_without: 0,
        }
    }

    /// Until it is to close, or cannot go on.
    pub(crate) fn run(mut self) {
        let ended = loop {
            if self.state.is_closing.load(Ordering::Acquire) {
                break None;
            }
            if let Err(error) = self.step() {
                break Some(error);
            }
        };
        self.finish();
        if let Some(error) = ended {
            self.state.inbox.end(error);
        }
    }

    fn step(&mut self) -> Result<(), UpstreamError> {
        self.commit_if_due();
        self.let_go_if_due();
        self.place_if_due()?;
        if self.waits_for_room() {
            return Ok(());
        }
        match self.consumer.poll(POLL_WAIT) {
            Polled::Idle => {
                self.polls_without += 1;
                Ok(())
            }
            Polled::Record(record) => {
                self.record(record);
                Ok(())
            }
            Polled::Assigned(partitions) => self.assigned(partitions),
            Polled::Revoked(partitions) => {
                self.revoked(partitions);
                Ok(())
            }
            Polled::Lost(partitions) => {
                self.lost(&partitions);
                Ok(())
            }
            Polled::Committed(outcome) => {
                self.is_committing = false;
                self.committed(outcome);
                Ok(())
            }
            Polled::Measured { ends, is_connected } => {
                self.measured(ends, is_connected);
                Ok(())
            }
            Polled::OutOfRange => self.out_of_range(),
            Polled::Failed(error) => self.failed(error),
        }
    }

    fn record(&mut self, record: Record) {
        // Of a partition that is revoked, or comes again after a pause: whoever reads it next has it.
        if let Some(epoch) = self.owned.take(&record.partition, record.offset) {
            if self.trouble.take().is_some() {
                self.state.inbox.set_trouble(None);
            }
            self.state.inbox.push(epoch, record);
        }
    }

    fn failed(&mut self, error: ConsumerError) -> Result<(), UpstreamError> {
        let connector = &self.config.connector;
        match error.kind {
            ErrorKind::Unreadable | ErrorKind::Fenced => {
                return Err(error.into_upstream(&self.config.address, true));
            }
            ErrorKind::Configuration | ErrorKind::NotAdmitted | ErrorKind::NoTopic => {
                let trouble = format!("Kafka at {}: {}", self.config.address, error.message);
                self.trouble = Some(trouble.clone());
                self.state.inbox.set_trouble(Some(trouble));
            }
            ErrorKind::NotPolled => {
                tracing::warn!(%connector, error = error.message, "the group has given this member's partitions to others because it did not poll; it joins again");
            }
            // librdkafka goes on trying; whether a broker is there is measured.
            ErrorKind::Unreachable | ErrorKind::Transient => {
                tracing::debug!(%connector, error = error.message, "a failure that librdkafka mends");
                self.last_failure = Some(error.message);
            }
        }
        Ok(())
    }

    fn moved(&self, how: &'static str, partitions: usize) {
        self.config.counters.moved(how, partitions, self.owned.len());
    }

    fn lost(&mut self, partitions: &[Partition]) {
        tracing::warn!(
            connector = self.config.connector,
            partitions = names(partitions),
            "the group has given partitions to others without asking"
        );
        self.forget(partitions);
        let lost = Taken::Lost {
            partitions: partitions.to_vec(),
        };
        self.state.inbox.gone(partitions, lost);
        self.moved("lost", partitions.len());
        self.unassign(partitions);
    }

    /// Nothing of these is ours any more.
    fn forget(&mut self, partitions: &[Partition]) {
        self.owned.remove(partitions);
        self.state.positions.end(partitions);
        self.placing = None;
        self.leaving = None;
    }

    fn unassign(&self, partitions: &[Partition]) {
        if let Err(error) = self.consumer.unassign(partitions) {
            tracing::warn!(
                connector = self.config.connector,
                error = error.message,
                partitions = names(partitions),
                "partitions could not be let go"
            );
        }
    }
}

/// For the log.
fn names(partitions: &[Partition]) -> String {
    let names: Vec<_> = partitions.iter().map(Partition::to_string).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests;
