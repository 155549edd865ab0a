//! How far each stream is done: what may be confirmed, and what was.
//!
//! Events of a stream are done in any order, and are confirmed in the order of their delivery: of each epoch the longest
//! prefix that is done. No arithmetic is made with positions, which have holes. What is said about another epoch than the
//! present one changes nothing. No I/O and no clock: the driver asks it and acts.

mod unconfirmed;

use std::collections::{BTreeMap, VecDeque};

use danube_wasm_model::upstream::{Position, StreamId};

use tokio::time::Instant;

pub(crate) use self::unconfirmed::Unconfirmed;
use crate::mutants::{self, Mutant};

/// An epoch that something was delivered in is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stale;

/// A confirmation to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) stream: StreamId,
    pub(crate) epoch: u64,
    pub(crate) upto: Position,
}

/// All streams of one session, by name: what is done about them is done in an order that a simulation can repeat.
#[derive(Debug, Default)]
pub(crate) struct Frontier(BTreeMap<StreamId, Stream>);

/// One stream in its newest epoch.
#[derive(Debug)]
struct Stream {
    epoch: u64,
    phase: Phase,
    /// Number of the first entry.
    first: u64,
    /// What is not confirmable yet.
    entries: VecDeque<Entry>,
    /// The end of the done prefix.
    confirmable: Option<Position>,
    confirmed: Option<Position>,
    /// Events of the done prefix that no confirmation is of yet.
    done: Unconfirmed,
    /// Those that the confirmation under way is of.
    confirming: Option<Unconfirmed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Owned,
    /// Nothing more is delivered.
    Revoked,
    /// Nothing more is confirmed.
    Gone,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    done: bool,
    /// When the event was read; `None` of progress without an event.
    read: Option<Instant>,
}

impl Stream {
    fn begin(epoch: u64) -> Self {
        Self {
            epoch,
            phase: Phase::Owned,
            first: 0,
            entries: VecDeque::new(),
            confirmable: None,
            confirmed: None,
            done: Unconfirmed::default(),
            confirming: None,
        }
    }

    fn push(&mut self, position: Position, read: Option<Instant>) {
        self.entries.push_back(Entry {
            position,
            done: read.is_none(),
            read,
        });
    }

    /// Whether the done prefix has grown.
    fn advance(&mut self) -> bool {
        let before = self.first;
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.done) {
            self.confirmable = Some(entry.position);
            self.done.add(entry.read.into());
            self.first += 1;
        }
        if mutants::is(Mutant::ConfirmOverGap) {
            let last_done = self.entries.iter().rev().find(|entry| entry.done);
            self.confirmable = last_done.map(|entry| entry.position).or(self.confirmable);
        }
        self.first > before || mutants::is(Mutant::ConfirmOverGap)
    }

    fn is_due(&self) -> bool {
        self.phase != Phase::Gone && self.confirming.is_none() && self.confirmable != self.confirmed
    }

    fn is_settled(&self) -> bool {
        self.phase == Phase::Gone || (self.entries.is_empty() && self.confirmable == self.confirmed)
    }

    fn unconfirmed(&self) -> Unconfirmed {
        let mut all = self.done;
        let entries = self.entries.iter().map(|entry| entry.read.into());
        self.confirming
            .into_iter()
            .chain(entries)
            .for_each(|part| all.add(part));
        all
    }
}

impl Frontier {
    /// Events of these positions are delivered now. Gives the number of the first; the others follow.
    pub(crate) fn deliver(
        &mut self,
        stream: &StreamId,
        epoch: u64,
        now: Instant,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<u64, Stale> {
        let stream = self.in_epoch(stream, epoch)?;
        let number = stream.first + stream.entries.len() as u64;
        positions
            .into_iter()
            .for_each(|position| stream.push(position, Some(now)));
        Ok(number)
    }

    /// The stream has moved on without an event.
    pub(crate) fn pass(&mut self, stream: &StreamId, epoch: u64, position: Position) -> Result<(), Stale> {
        let stream = self.in_epoch(stream, epoch)?;
        match stream.entries.back_mut() {
            // While an event is under way, keepalives must not add up.
            Some(last) if last.read.is_none() => last.position = position,
            _ => stream.push(position, None),
        }
        stream.advance();
        Ok(())
    }

    /// The stream as it is in this epoch, which begins if it is new.
    fn in_epoch(&mut self, stream: &StreamId, epoch: u64) -> Result<&mut Stream, Stale> {
        let stream = self.0.entry(stream.clone()).or_insert_with(|| Stream::begin(epoch));
        if epoch > stream.epoch {
            *stream = Stream::begin(epoch);
        }
        match epoch == stream.epoch && stream.phase == Phase::Owned {
            true => Ok(stream),
            false => Err(Stale),
        }
    }

    /// The events of these numbers are done. Whether something has become confirmable by that.
    pub(crate) fn done(&mut self, stream: &StreamId, epoch: u64, numbers: impl IntoIterator<Item = u64>) -> bool {
        let Some(stream) = self.live(stream, epoch) else {
            return false;
        };
        for number in numbers {
            let at = number.checked_sub(stream.first).and_then(|at| usize::try_from(at).ok());
            if let Some(entry) = at.and_then(|at| stream.entries.get_mut(at)) {
                entry.done = true;
            }
        }
        stream.advance()
    }

    /// Whether what was delivered in this epoch may still be worked on and confirmed.
    pub(crate) fn is_live(&self, stream: &StreamId, epoch: u64) -> bool {
        let known = self.0.get(stream);
        known.is_some_and(|stream| stream.epoch == epoch && stream.phase != Phase::Gone)
    }

    fn live(&mut self, stream: &StreamId, epoch: u64) -> Option<&mut Stream> {
        let any_epoch = mutants::is(Mutant::ConfirmUnderOldEpoch);
        self.0
            .get_mut(stream)
            .filter(|stream| any_epoch || (stream.epoch == epoch && stream.phase != Phase::Gone))
    }

    /// The confirmations that can be made now, at most one of each stream at a time: the next after [`Self::confirmed`].
    pub(crate) fn take_due(&mut self) -> Vec<Due> {
        let due = self.0.iter_mut().filter(|(_, stream)| stream.is_due());
        due.filter_map(|(id, stream)| {
            let upto = stream.confirmable?;
            stream.confirming = Some(std::mem::take(&mut stream.done));
            Some(Due {
                stream: id.clone(),
                epoch: stream.epoch,
                upto,
            })
        })
        .collect()
    }

    /// The upstream has taken it.
    pub(crate) fn confirmed(&mut self, due: &Due) {
        if let Some(stream) = self.0.get_mut(&due.stream).filter(|stream| stream.epoch == due.epoch) {
            stream.confirming = None;
            stream.confirmed = Some(due.upto);
        }
    }

    /// Nothing more is delivered in the present epoch of the stream. Gives that, if it has one.
    pub(crate) fn revoke(&mut self, stream: &StreamId) -> Option<u64> {
        let stream = self.0.get_mut(stream).filter(|stream| stream.phase == Phase::Owned)?;
        stream.phase = Phase::Revoked;
        if mutants::is(Mutant::LoseAtRevoke) {
            stream.entries.iter_mut().for_each(|entry| entry.done = true);
            stream.advance();
        }
        Some(stream.epoch)
    }

    /// Nothing more is confirmed in the present epoch of the stream.
    pub(crate) fn lose(&mut self, stream: &StreamId) {
        if mutants::is(Mutant::ConfirmUnderOldEpoch) {
            return;
        }
        if let Some(stream) = self.0.get_mut(stream) {
            stream.phase = Phase::Gone;
            stream.entries.clear();
        }
    }

    /// As [`Self::lose`], if that is its epoch.
    pub(crate) fn end_epoch(&mut self, stream: &StreamId, epoch: u64) {
        if self.is_live(stream, epoch) {
            self.lose(stream);
        }
    }

    /// As [`Self::lose`], for all.
    pub(crate) fn lose_all(&mut self) {
        let all: Vec<_> = self.0.keys().cloned().collect();
        all.iter().for_each(|stream| self.lose(stream));
    }

    /// Whether everything that was delivered in this epoch is confirmed, or will never be.
    pub(crate) fn is_settled(&self, stream: &StreamId, epoch: u64) -> bool {
        let known = self.0.get(stream);
        known.is_none_or(|stream| stream.epoch != epoch || stream.is_settled())
    }

    /// As [`Self::is_settled`], for all.
    pub(crate) fn is_all_settled(&self) -> bool {
        self.0.values().all(Stream::is_settled)
    }

    /// Events that were read and can still be confirmed, of all streams.
    pub(crate) fn unconfirmed(&self) -> Unconfirmed {
        let mut all = Unconfirmed::default();
        let live = self.0.values().filter(|stream| stream.phase != Phase::Gone);
        live.for_each(|stream| all.add(stream.unconfirmed()));
        all
    }
}

#[cfg(test)]
mod tests;
