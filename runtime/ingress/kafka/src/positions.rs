//! How far each partition of ours is confirmed by the driver and committed to the group.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use danube_wasm_model::upstream::{Backlog, StreamId};
use parking_lot::Mutex;

use crate::{consumer::Partition, limits::NOTE_EVERY};

/// Offsets are those to go on from: of the record behind.
#[derive(Default)]
pub(crate) struct Positions(Mutex<State>);

#[derive(Default)]
struct State {
    partitions: HashMap<StreamId, At>,
    /// Nothing of these is under way any more.
    released: HashSet<StreamId>,
    /// Why the last commit failed.
    failing: Option<String>,
}

struct At {
    partition: Partition,
    epoch: u64,
    /// Where it was begun in this epoch.
    from: i64,
    confirmed: Option<i64>,
    committed: Option<i64>,
    end: Option<i64>,
    noted: Option<Instant>,
}

impl At {
    fn is_due(&self) -> Option<i64> {
        self.confirmed.filter(|confirmed| self.committed != Some(*confirmed))
    }

    fn is_to_be_noted(&self) -> Option<i64> {
        let is_time = self.noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY);
        self.committed.filter(|committed| is_time && *committed > self.from)
    }
}

impl Positions {
    /// The partition is ours in this epoch, and read from here. `is_committed`: the group has this offset.
    pub(crate) fn begin(&self, partition: &Partition, epoch: u64, from: i64, is_committed: bool) {
        let at = At {
            partition: partition.clone(),
            epoch,
            from,
            confirmed: None,
            committed: is_committed.then_some(from),
            end: None,
            noted: None,
        };
        let mut state = self.0.lock();
        state.released.remove(&partition.stream());
        state.partitions.insert(partition.stream(), at);
    }

    /// These are not ours any more.
    pub(crate) fn end(&self, partitions: &[Partition]) {
        let mut state = self.0.lock();
        for partition in partitions {
            state.partitions.remove(&partition.stream());
            state.released.remove(&partition.stream());
        }
    }

    /// Everything before this is durable. An error if the group cannot be told.
    pub(crate) fn confirm(&self, stream: &StreamId, epoch: u64, upto: i64) -> Result<(), String> {
        let mut state = self.0.lock();
        if let Some(at) = state.partitions.get_mut(stream).filter(|at| at.epoch == epoch) {
            at.confirmed = Some(upto);
        }
        state.failing.clone().map_or(Ok(()), Err)
    }

    /// The driver has nothing of these under way any more.
    pub(crate) fn release(&self, streams: &[StreamId]) {
        self.0.lock().released.extend(streams.iter().cloned());
    }

    pub(crate) fn are_released(&self, partitions: &[Partition]) -> bool {
        let state = self.0.lock();
        partitions.iter().all(|one| state.released.contains(&one.stream()))
    }

    /// What is confirmed and not committed.
    pub(crate) fn due(&self) -> Vec<(Partition, i64)> {
        let state = self.0.lock();
        let each = state.partitions.values();
        each.filter_map(|at| Some((at.partition.clone(), at.is_due()?)))
            .collect()
    }

    /// As [`Self::due`], of these.
    pub(crate) fn due_of(&self, partitions: &[Partition]) -> Vec<(Partition, i64)> {
        let mut due = self.due();
        due.retain(|(partition, _)| partitions.contains(partition));
        due
    }

    /// The group has these.
    pub(crate) fn committed(&self, offsets: &[(Partition, i64)]) {
        let mut state = self.0.lock();
        state.failing = None;
        for (partition, offset) in offsets {
            if let Some(at) = state.partitions.get_mut(&partition.stream()) {
                at.committed = Some(*offset);
            }
        }
    }

    /// The group has not.
    pub(crate) fn commit_failed(&self, why: String) {
        self.0.lock().failing = Some(why);
    }

    /// How far a partition goes.
    pub(crate) fn ends_at(&self, partition: &Partition, end: i64) {
        if let Some(at) = self.0.lock().partitions.get_mut(&partition.stream()) {
            at.end = Some(end);
        }
    }

    /// Records up to the end that are not confirmed.
    pub(crate) fn backlog(&self) -> Vec<Backlog> {
        let state = self.0.lock();
        let each = state.partitions.iter().filter_map(|(stream, at)| {
            let lag = at.end? - at.confirmed.unwrap_or(at.from);
            Some(Backlog {
                stream: stream.clone(),
                messages: Some(u64::try_from(lag).unwrap_or_default()),
                bytes: None,
            })
        });
        each.collect()
    }

    /// What is committed and is to be noted.
    pub(crate) fn to_note(&self) -> Vec<(Partition, i64)> {
        let state = self.0.lock();
        let each = state.partitions.values();
        each.filter_map(|at| Some((at.partition.clone(), at.is_to_be_noted()?)))
            .collect()
    }

    /// It is.
    pub(crate) fn noted(&self, offsets: &[(Partition, i64)]) {
        let mut state = self.0.lock();
        for (partition, _) in offsets {
            if let Some(at) = state.partitions.get_mut(&partition.stream()) {
                at.noted = Some(Instant::now());
            }
        }
    }
}
