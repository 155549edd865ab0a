//! The messages that were received and are not acknowledged by the caller. Pure: no clock, no disk, no broker.
//!
//! Callers know a message by its number here. The message of a number is first at the broker, then may become a copy on
//! disk.
//!
//! A message that the caller negatively acknowledges before it is on disk stays here, under its number, and is
//! delivered again after its delay. So it stays ahead of later messages of its key, also in the log, to which it is
//! written with the next spill.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, Message, MessageId, Result};
use tokio::time::Instant;

use super::{
    dedup::Fingerprint,
    entry::{AckState, Entry, EntryNumber, Location, Removed},
    stored_copy::StoredCopy,
};

/// See the module.
#[derive(Default)]
pub(super) struct InFlight {
    next: EntryNumber,
    entries: BTreeMap<EntryNumber, Entry>,
    /// To be delivered to the caller.
    ready: BTreeSet<EntryNumber>,
    /// Negatively acknowledged: when each is to be delivered again.
    due: BTreeSet<(Instant, EntryNumber)>,
    /// Spill now, whatever the messages' age.
    spill_now: bool,
    /// Messages that are at the broker, by their id there.
    at_broker: HashMap<MessageId, EntryNumber>,
}

/// What an acknowledgement of the caller has to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AckPlan {
    pub(super) broker: Vec<(EntryNumber, MessageId)>,
    pub(super) disk: Vec<(EntryNumber, MessageId, Fingerprint)>,
    /// Some are being spilled: plan again when they have been read.
    pub(super) spilling: bool,
}

impl InFlight {
    /// Adds a message from the broker.
    pub(super) fn add_from_broker(&mut self, message: Message, now: Instant) {
        let origin = message.message_id;
        let number = self.insert(message, Location::Broker(AckState::None), now);
        self.at_broker.insert(origin, number);
    }

    /// Adds a message from the log.
    pub(super) fn add_from_disk(&mut self, copy: StoredCopy, fingerprint: Fingerprint, now: Instant) {
        let location = Location::Disk {
            place: copy.place,
            fingerprint,
            time_ms: copy.time_ms,
        };
        self.insert(copy.message, location, now);
    }

    fn insert(&mut self, message: Message, location: Location, now: Instant) -> EntryNumber {
        let number = self.next;
        self.next += 1;
        let entry = Entry {
            origin: message.message_id,
            location,
            message: Some(message),
            delivered: false,
            since: now,
        };
        self.entries.insert(number, entry);
        self.ready.insert(number);
        number
    }

    /// Whether a message from the broker is in flight already. If its id is, but with another message, then the broker
    /// has lost that message and has used the id again.
    pub(super) fn contains(&mut self, message: &Message) -> bool {
        let Some(number) = self.at_broker.get(&message.message_id) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(number) else {
            return false;
        };
        let known = entry.is_same(message);
        // A message whose acknowledgement failed is delivered again: the caller may never retry it.
        if known && !matches!(entry.location, Location::Broker(AckState::Failed)) {
            return true;
        }
        if matches!(entry.location, Location::Broker(_)) {
            entry.location = Location::Lost;
        }
        self.at_broker.remove(&message.message_id);
        false
    }

    /// Delivers up to `max` messages to the caller.
    pub(super) fn deliver(&mut self, max: usize) -> Vec<Message> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(number) = self.ready.pop_first() else { break };
            let Some(entry) = self.entries.get_mut(&number) else {
                continue;
            };
            entry.delivered = true;
            // A message on disk can be read again; one at the broker may have to be written.
            let message = match entry.location {
                Location::Disk { .. } => entry.message.take(),
                _ => entry.message.clone(),
            };
            taken.extend(message.map(|mut message| {
                // The order is computed from the broker's offset if the publisher set none.
                let order = message.order();
                message.set_stamp(order);
                message.message_id = MessageId {
                    partition: entry.origin.partition,
                    offset: number,
                };
                message
            }));
        }
        taken
    }

    /// When the oldest message was received that is at the broker and not acknowledged by the caller.
    pub(super) fn oldest_since(&self) -> Option<Instant> {
        let waits = |entry: &&Entry| matches!(entry.location, Location::Broker(AckState::None));
        self.entries.values().find(waits).map(|entry| entry.since)
    }

    /// When to spill: `hold_max` after the oldest message was received, or at once. `None` if no message is at the
    /// broker.
    pub(super) fn spill_at(&self, hold_max: Duration) -> Option<Instant> {
        let since = self.oldest_since()?;
        Some(if self.spill_now { since } else { since + hold_max })
    }

    /// When the next negatively acknowledged message is to be delivered again.
    pub(super) fn redeliver_at(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Makes messages ready whose delay has passed. Returns whether there are any.
    pub(super) fn release_due(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, number));
            if self.entries.get(&number).is_some_and(|entry| !entry.delivered) {
                any |= self.ready.insert(number);
            }
        }
        any
    }

    /// Returns all messages that are at the broker and not acknowledged by the caller, to be written to disk.
    pub(super) fn start_spilling(&mut self) -> Vec<Message> {
        self.spill_now = false;
        let mut spilling = Vec::new();
        for entry in self.entries.values_mut() {
            if matches!(entry.location, Location::Broker(AckState::None)) {
                entry.location = Location::Spilling;
                spilling.extend(entry.message.clone());
            }
        }
        spilling
    }

    /// These messages could not be written: they are at the broker as before.
    pub(super) fn cancel_spilling(&mut self, unwritten: &[Message]) {
        let places: HashSet<MessageId> = unwritten.iter().map(|message| message.message_id).collect();
        for entry in self.entries.values_mut() {
            if matches!(entry.location, Location::Spilling) && places.contains(&entry.origin) {
                entry.location = Location::Broker(AckState::None);
                self.spill_now = true;
            }
        }
    }

    /// A copy was read from the log: it replaces its message in flight. Returns the copy if there is no such message.
    pub(super) fn finish_spilling(&mut self, copy: StoredCopy, fingerprint: Fingerprint) -> Option<StoredCopy> {
        let origin = copy.message.message_id;
        let is_it = |entry: &Entry| {
            matches!(entry.location, Location::Spilling | Location::Broker(AckState::None))
                && entry.origin == origin
                && entry.is_same(&copy.message)
        };
        let number = self.at_broker.get(&origin).copied();
        let number = number.filter(|number| self.entries.get(number).is_some_and(is_it));
        // Else the broker may have lost it and used its id again.
        let number = number.or_else(|| {
            self.entries
                .iter()
                .find(|(_, entry)| is_it(entry))
                .map(|(number, _)| *number)
        });
        let Some((number, entry)) = number.and_then(|n| Some((n, self.entries.get_mut(&n)?))) else {
            return Some(copy);
        };
        if self.at_broker.get(&origin) == Some(&number) {
            self.at_broker.remove(&origin);
        }
        entry.location = Location::Disk {
            place: copy.place,
            fingerprint,
            time_ms: copy.time_ms,
        };
        if entry.delivered {
            entry.message = None;
        }
        None
    }

    /// Plans an acknowledgement. Messages of the plan that are at the broker are not spilled any more.
    pub(super) fn plan_ack(&mut self, messages: &[MessageId]) -> Result<AckPlan> {
        let mut plan = AckPlan::default();
        self.for_each_entry(messages, |number, entry| {
            match &mut entry.location {
                Location::Broker(ack) => {
                    *ack = AckState::Pending;
                    plan.broker.push((number, entry.origin));
                }
                Location::Disk { place, fingerprint, .. } => plan.disk.push((number, *place, *fingerprint)),
                Location::Spilling => plan.spilling = true,
                Location::Lost => return false,
            }
            true
        })?;
        Ok(plan)
    }

    /// Negatively acknowledges messages, to be delivered again at `due`. Returns those on disk, which are to be
    /// negatively acknowledged there. The others are spilled as soon as possible and meanwhile wait here. The broker is
    /// not told: it counts redeliveries and gives up on a message after some.
    pub(super) fn nack(&mut self, messages: &[MessageId], due: Instant) -> Result<Vec<(EntryNumber, MessageId)>> {
        let (mut on_disk, mut waiting, mut spill_now) = (Vec::new(), Vec::new(), false);
        self.for_each_entry(messages, |number, entry| {
            match &mut entry.location {
                Location::Disk { place, .. } => {
                    on_disk.push((number, *place));
                    return true;
                }
                Location::Lost => return false,
                Location::Broker(ack) => {
                    *ack = AckState::None;
                    spill_now = true;
                }
                Location::Spilling => {}
            }
            entry.delivered = false;
            if let Some(message) = &mut entry.message {
                message.redeliveries = message.redeliveries.saturating_add(1);
            }
            waiting.push((due, number));
            true
        })?;
        self.spill_now |= spill_now;
        self.due.extend(waiting);
        Ok(on_disk)
    }

    /// Visits those of the messages that are still in flight. If `keep` returns false the message is removed.
    fn for_each_entry(
        &mut self,
        messages: &[MessageId],
        mut keep: impl FnMut(EntryNumber, &mut Entry) -> bool,
    ) -> Result<()> {
        self.check(messages)?;
        for MessageId { offset: number, .. } in messages {
            if self.entries.get_mut(number).is_some_and(|entry| !keep(*number, entry)) {
                self.entries.remove(number);
            }
        }
        Ok(())
    }

    fn check(&self, messages: &[MessageId]) -> Result<()> {
        match messages.iter().find(|message| message.offset >= self.next) {
            None => Ok(()),
            Some(unknown) => {
                let message = format!("message {} was never delivered to this consumer", unknown.offset);
                Err(BrokerError::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// An acknowledgement has ended. If it succeeded its messages are removed.
    pub(super) fn finish_ack(&mut self, numbers: impl IntoIterator<Item = EntryNumber>, done: bool) {
        for number in numbers {
            if done {
                self.remove(number);
            } else if let Some(entry) = self.entries.get_mut(&number)
                && let Location::Broker(ack) = &mut entry.location
            {
                *ack = AckState::Failed;
            }
        }
    }

    /// Removes messages that are on disk, before they are negatively acknowledged there and delivered again.
    pub(super) fn remove_for_nack(&mut self, numbers: impl IntoIterator<Item = EntryNumber>) -> Vec<Removed> {
        numbers.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    /// The negative acknowledgement failed: they are in flight again.
    pub(super) fn restore_after_nack(&mut self, taken: Vec<Removed>) {
        self.entries
            .extend(taken.into_iter().map(|Removed(number, entry)| (number, entry)));
    }

    fn remove(&mut self, number: EntryNumber) -> Option<Removed> {
        let entry = self.entries.remove(&number)?;
        if self.at_broker.get(&entry.origin) == Some(&number) {
            self.at_broker.remove(&entry.origin);
        }
        Some(Removed(number, entry))
    }

    /// When the oldest message that is on disk was written, in milliseconds since 1970.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.entries.values().find_map(|entry| match entry.location {
            Location::Disk { time_ms, .. } => Some(time_ms),
            _ => None,
        })
    }
}
