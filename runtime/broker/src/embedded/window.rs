//! The messages of one subscription on one partition: which wait, which are with a consumer, which are delayed. Pure:
//! no clock, no disk, no lock.
//!
//! A message is *waiting* (read ahead, or to be read again after it was requeued), *in flight* to a consumer, or
//! *delayed* by a nack. It is removed when its acknowledgement is durable. Waiting messages are delivered in offset
//! order, except those whose **lane** is closed:
//!
//! * a lane is a key where order is kept; messages of an ordered subscription that have no key share one, those of a
//!   KeyShared subscription have none;
//! * a delayed message closes its lane for all later messages, until it is delivered again;
//! * on KeyShared, a lane with messages in flight is open only to the consumer that has them.
//!
//! Keys are compared by a 64-bit hash: two keys that collide wait for each other, which does no other harm.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use danube_wasm_model::{SubscriptionType, hash::fnv1a};
use tokio::time::Instant;

use super::{
    cursor::Cursor,
    limits::{BLOCKED_MESSAGES_MAX, LOAD_MESSAGES_MAX, READ_AHEAD_BYTES, READ_AHEAD_MESSAGES, WINDOW_MESSAGES_MAX},
};
use crate::Message;

/// Number of a consumer in its subscription, never used twice.
pub(super) type ConsumerId = u64;

/// See the module.
pub(super) struct Window {
    kind: SubscriptionType,
    cursor: Cursor,
    /// Messages below this were read.
    read_to: u64,
    /// Messages below this are in the log.
    end: u64,
    entries: BTreeMap<u64, Entry>,
    waiting: BTreeSet<u64>,
    /// Those of `waiting` that must be read again.
    unloaded: BTreeSet<u64>,
    delayed: BTreeSet<(Instant, u64)>,
    lanes: HashMap<u64, Lane>,
    /// Memory of the messages that wait.
    bytes: usize,
    loading: bool,
    /// Increases when the window is reset, so that a load that was started before is not taken for a new one.
    epoch: u64,
}

struct Entry {
    lane: Option<u64>,
    deliveries: u32,
    state: EntryState,
}

enum EntryState {
    Waiting(Option<Box<Message>>),
    InFlight(ConsumerId),
    Delayed(Instant),
}

#[derive(Default)]
struct Lane {
    in_flight: u32,
    owner: ConsumerId,
    delayed: BTreeSet<u64>,
}

/// What to read from the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// Messages to read again.
    pub(super) reread: Vec<u64>,
    /// Messages to read for the first time, none of them acknowledged.
    pub(super) fresh: std::ops::Range<u64>,
    /// The window's epoch when the load was started.
    pub(super) epoch: u64,
}

/// The end of the log at some time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    epoch: u64,
    pub(super) end: u64,
}

impl Window {
    pub(super) fn new(kind: SubscriptionType, cursor: Cursor, end: u64) -> Self {
        Self {
            kind,
            read_to: cursor.floor(),
            cursor,
            end,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
            unloaded: BTreeSet::new(),
            delayed: BTreeSet::new(),
            lanes: HashMap::new(),
            bytes: 0,
            loading: false,
            epoch: 0,
        }
    }

    /// Resets the window for another type. Only while no message is in flight.
    pub(super) fn restart(&mut self, kind: SubscriptionType) {
        let epoch = self.epoch + 1;
        *self = Self {
            epoch,
            ..Self::new(kind, std::mem::take(&mut self.cursor), self.end)
        };
    }

    /// Resets the window to `cursor`. Returns the consumers that had messages, once for each message.
    pub(super) fn seek(&mut self, cursor: Cursor) -> Vec<ConsumerId> {
        let had = self.entries.values().filter_map(|entry| match entry.state {
            EntryState::InFlight(consumer) => Some(consumer),
            _ => None,
        });
        let had = had.collect();
        *self = Self {
            epoch: self.epoch + 1,
            ..Self::new(self.kind, cursor, self.end)
        };
        had
    }

    /// Where the log ends now. Nothing behind it has been delivered.
    pub(super) fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            end: self.end,
        }
    }

    /// Whether everything from that position on that was delivered since is known: the window was not reset.
    pub(super) fn continues(&self, since: Position) -> bool {
        self.epoch == since.epoch
    }

    pub(super) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Messages in the log that are not acknowledged.
    pub(super) fn lag(&self) -> u64 {
        (self.end.saturating_sub(self.cursor.floor())).saturating_sub(self.cursor.above_floor())
    }

    /// Messages that wait or are delayed.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.delayed.len()
    }

    /// Sets the new end of the log.
    pub(super) fn extend(&mut self, end: u64) {
        self.end = self.end.max(end);
    }

    /// When the next delayed message is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.first().map(|(due, _)| *due)
    }

    /// Delivers up to `max` messages to a consumer, lowest offset first.
    pub(super) fn take(&mut self, consumer: ConsumerId, max: usize, now: Instant, out: &mut Vec<Message>) -> usize {
        self.release(now);
        let mut given = Vec::new();
        for &offset in &self.waiting {
            // A message that must be read again must not be overtaken.
            if given.len() == max || self.unloaded.contains(&offset) {
                break;
            }
            let Some(entry) = self.entries.get_mut(&offset) else {
                continue;
            };
            if is_closed(&self.lanes, self.kind, entry.lane, offset, consumer) {
                continue;
            }
            let before = std::mem::replace(&mut entry.state, EntryState::InFlight(consumer));
            if let EntryState::Waiting(Some(mut message)) = before {
                self.bytes = self.bytes.saturating_sub(memory(&message));
                message.redeliveries = entry.deliveries;
                out.push(*message);
            }
            entry.deliveries = entry.deliveries.saturating_add(1);
            if let Some(id) = entry.lane.filter(|_| self.kind == SubscriptionType::KeyShared) {
                let lane = self.lanes.entry(id).or_default();
                lane.in_flight += 1;
                lane.owner = consumer;
            }
            given.push(offset);
        }
        for offset in &given {
            self.waiting.remove(offset);
        }
        given.len()
    }

    /// Takes a message back from a consumer, to be delivered again at `due`. Returns whether the consumer had it.
    pub(super) fn nack(&mut self, consumer: ConsumerId, offset: u64, due: Option<Instant>) -> bool {
        let Some(entry) = self.entries.get_mut(&offset) else {
            return false;
        };
        if !matches!(entry.state, EntryState::InFlight(owner) if owner == consumer) {
            return false;
        }
        let lane = entry.lane;
        match due {
            Some(due) => {
                entry.state = EntryState::Delayed(due);
                self.delayed.insert((due, offset));
                if let Some(id) = lane {
                    self.lanes.entry(id).or_default().delayed.insert(offset);
                }
            }
            None => self.requeue(offset),
        }
        self.leave_flight(lane);
        true
    }

    /// Takes back all that a member has.
    pub(super) fn requeue_all(&mut self, consumer: ConsumerId) {
        let has = |entry: &Entry| matches!(entry.state, EntryState::InFlight(owner) if owner == consumer);
        let offsets: Vec<u64> = self.entries.iter().filter(|(_, e)| has(e)).map(|(o, _)| *o).collect();
        for offset in offsets {
            self.nack(consumer, offset, None);
        }
    }

    /// These were acknowledged, durably, and `cursor` says so. Returns the members that had them.
    pub(super) fn acknowledged(&mut self, cursor: Cursor, offsets: &[u64]) -> Vec<ConsumerId> {
        self.cursor = cursor;
        offsets.iter().filter_map(|offset| self.forget(*offset)).collect()
    }

    /// Everything below `first` is gone from the log. Returns the members that had some of it, and how many messages
    /// were never acknowledged.
    pub(super) fn skip_to(&mut self, first: u64) -> (Vec<ConsumerId>, u64) {
        if first <= self.cursor.floor() {
            return (Vec::new(), 0);
        }
        let before = self.cursor.floor() + self.cursor.above_floor();
        self.cursor.advance_floor(first);
        let lost = (self.cursor.floor() + self.cursor.above_floor()) - before;
        let gone: Vec<u64> = self.entries.range(..first).map(|(offset, _)| *offset).collect();
        let consumers = gone.into_iter().filter_map(|offset| self.forget(offset)).collect();
        (consumers, lost)
    }

    /// What should be read next, if anything; then it is being read until [`Window::load_ended`]. `starved` when a
    /// member got nothing although messages wait.
    pub(super) fn next_load(&mut self, starved: bool) -> Option<Load> {
        if self.loading {
            return None;
        }
        let reread: Vec<u64> = self.unloaded.iter().take(LOAD_MESSAGES_MAX).copied().collect();
        let fresh = self.cursor.next_unacknowledged(self.read_to);
        let until = self.cursor.next_acknowledged(fresh).unwrap_or(self.end).min(self.end);
        let ahead_max = if starved {
            BLOCKED_MESSAGES_MAX
        } else {
            READ_AHEAD_MESSAGES
        };
        let room = self.waiting.is_empty() || (self.waiting.len() < ahead_max && self.bytes < READ_AHEAD_BYTES);
        // Not yet while much is there: fewer, larger reads.
        let low = starved || self.waiting.len() <= READ_AHEAD_MESSAGES / 2;
        let wants_fresh = room && low && fresh < until && self.entries.len() < WINDOW_MESSAGES_MAX;
        if reread.is_empty() && !wants_fresh {
            return None;
        }
        self.loading = true;
        let fresh = if wants_fresh { fresh..until } else { fresh..fresh };
        Some(Load {
            reread,
            fresh,
            epoch: self.epoch,
        })
    }

    /// What was read: all messages below `read_to` that were asked for.
    pub(super) fn loaded(&mut self, epoch: u64, read_to: u64, messages: Vec<Message>) {
        if epoch != self.epoch {
            return;
        }
        for message in messages {
            let offset = message.message_id.offset;
            let size = memory(&message);
            if self.unloaded.remove(&offset) {
                if let Some(entry) = self.entries.get_mut(&offset) {
                    entry.state = EntryState::Waiting(Some(Box::new(message)));
                    self.bytes += size;
                }
            } else if offset >= self.read_to && !self.cursor.contains(offset) {
                let lane = lane_of(self.kind, message.key.as_deref());
                let state = EntryState::Waiting(Some(Box::new(message)));
                self.entries.insert(
                    offset,
                    Entry {
                        lane,
                        deliveries: 0,
                        state,
                    },
                );
                self.waiting.insert(offset);
                self.bytes += size;
            }
        }
        self.read_to = self.read_to.max(read_to);
    }

    /// Reading ended, well or not.
    pub(super) fn load_ended(&mut self, epoch: u64) {
        if epoch == self.epoch {
            self.loading = false;
        }
    }

    /// Delayed messages that are due wait again. Their lane stays closed to later ones only by their lower offset.
    fn release(&mut self, now: Instant) {
        while let Some(&(due, offset)) = self.delayed.first() {
            if due > now {
                break;
            }
            self.delayed.pop_first();
            let lane = self.entries.get(&offset).and_then(|entry| entry.lane);
            self.reopen(lane, offset);
            self.requeue(offset);
        }
    }

    fn requeue(&mut self, offset: u64) {
        if let Some(entry) = self.entries.get_mut(&offset) {
            entry.state = EntryState::Waiting(None);
            self.waiting.insert(offset);
            self.unloaded.insert(offset);
        }
    }

    fn forget(&mut self, offset: u64) -> Option<ConsumerId> {
        let entry = self.entries.remove(&offset)?;
        match entry.state {
            EntryState::InFlight(consumer) => {
                self.leave_flight(entry.lane);
                return Some(consumer);
            }
            EntryState::Delayed(due) => {
                self.delayed.remove(&(due, offset));
                self.reopen(entry.lane, offset);
            }
            EntryState::Waiting(message) => {
                self.bytes = self.bytes.saturating_sub(message.as_deref().map_or(0, memory));
                self.waiting.remove(&offset);
                self.unloaded.remove(&offset);
            }
        }
        None
    }

    fn leave_flight(&mut self, lane: Option<u64>) {
        if self.kind == SubscriptionType::KeyShared {
            self.change_lane(lane, |lane| lane.in_flight = lane.in_flight.saturating_sub(1));
        }
    }

    fn reopen(&mut self, lane: Option<u64>, offset: u64) {
        self.change_lane(lane, |lane| {
            lane.delayed.remove(&offset);
        });
    }

    fn change_lane(&mut self, id: Option<u64>, change: impl FnOnce(&mut Lane)) {
        let Some(id) = id else { return };
        if let Some(lane) = self.lanes.get_mut(&id) {
            change(lane);
            if lane.in_flight == 0 && lane.delayed.is_empty() {
                self.lanes.remove(&id);
            }
        }
    }
}

fn is_closed(
    lanes: &HashMap<u64, Lane>,
    kind: SubscriptionType,
    lane: Option<u64>,
    offset: u64,
    consumer: ConsumerId,
) -> bool {
    let Some(lane) = lane.and_then(|id| lanes.get(&id)) else {
        return false;
    };
    let behind_delayed = lane.delayed.first().is_some_and(|first| *first < offset);
    let with_another = kind == SubscriptionType::KeyShared && lane.in_flight > 0 && lane.owner != consumer;
    behind_delayed || with_another
}

fn lane_of(kind: SubscriptionType, key: Option<&[u8]>) -> Option<u64> {
    match (kind, key) {
        (SubscriptionType::Shared, _) | (SubscriptionType::KeyShared, None) => None,
        (_, Some(key)) => Some(fnv1a(key.iter().copied())),
        (SubscriptionType::Exclusive | SubscriptionType::Failover, None) => Some(0),
    }
}

/// Memory of a message, in bytes, about.
fn memory(message: &Message) -> usize {
    let attributes: usize = message.attributes.iter().map(|(n, v)| n.len() + v.len() + 48).sum();
    message.payload.len() + message.key.as_ref().map_or(0, |key| key.len()) + attributes + 256
}
