//! What was taken from the broker or the log and is not acknowledged by the caller. Pure: no clock, no disk, no broker.
//!
//! Callers know a message by its number here. What stands behind the number may change: first the message at the broker,
//! then its copy on disk.
//!
//! What the caller gives back while it is not on disk stays here, under its number, and is given again when it is due. So
//! it keeps its place before later messages of its key, also in the log, to which it is moved with the next move.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, Message, MessageId, Result};
use tokio::time::Instant;

use super::{
    copies::Copy,
    entry::{Asked, At, Entry, Number, Taken},
    known::Print,
};

/// See the module.
#[derive(Default)]
pub(super) struct Hand {
    next: Number,
    entries: BTreeMap<Number, Entry>,
    /// To be given to the caller.
    ready: BTreeSet<Number>,
    /// Given back by the caller: when each is to be ready again.
    due: BTreeSet<(Instant, Number)>,
    /// What is at the broker is to be moved now, whatever its age.
    move_now: bool,
    /// Messages that are at the broker, by their place there.
    at_broker: HashMap<MessageId, Number>,
}

/// What to do for the caller's acknowledgement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) broker: Vec<(Number, MessageId)>,
    pub(super) disk: Vec<(Number, MessageId, Print)>,
    /// Some are moving: ask again when they have moved.
    pub(super) moving: bool,
}

impl Hand {
    /// A message came from the broker.
    pub(super) fn add(&mut self, message: Message, now: Instant) {
        let origin = message.message_id;
        let number = self.insert(message, At::Broker(Asked::No), now);
        self.at_broker.insert(origin, number);
    }

    /// A message came from the disk.
    pub(super) fn add_copy(&mut self, copy: Copy, print: Print, now: Instant) {
        let at = At::Disk {
            place: copy.place,
            print,
            time_ms: copy.time_ms,
        };
        self.insert(copy.message, at, now);
    }

    fn insert(&mut self, message: Message, at: At, now: Instant) -> Number {
        let number = self.next;
        self.next += 1;
        let entry = Entry {
            origin: message.message_id,
            at,
            message: Some(message),
            given: false,
            since: now,
        };
        self.entries.insert(number, entry);
        self.ready.insert(number);
        number
    }

    /// Whether a message from the broker is in hand already. If its place is, but with another message, then the broker
    /// has lost that one and used the place again.
    pub(super) fn has(&mut self, message: &Message) -> bool {
        let Some(number) = self.at_broker.get(&message.message_id) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(number) else {
            return false;
        };
        let known = entry.is(message);
        // Nobody may come back for one that could not be acknowledged.
        if known && !matches!(entry.at, At::Broker(Asked::Failed)) {
            return true;
        }
        if matches!(entry.at, At::Broker(_)) {
            entry.at = At::Nowhere;
        }
        self.at_broker.remove(&message.message_id);
        false
    }

    /// Gives up to `max` messages to the caller.
    pub(super) fn take(&mut self, max: usize) -> Vec<Message> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(number) = self.ready.pop_first() else { break };
            let Some(entry) = self.entries.get_mut(&number) else {
                continue;
            };
            entry.given = true;
            // From the disk it comes again if need be; from the broker it may have to be written.
            let message = match entry.at {
                At::Disk { .. } => entry.message.take(),
                _ => entry.message.clone(),
            };
            taken.extend(message.map(|mut message| {
                // Its offset is part of it where its publisher gave none.
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

    /// Since when the oldest message has been in hand that is at the broker and that the caller is not done with.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let waits = |entry: &&Entry| matches!(entry.at, At::Broker(Asked::No));
        self.entries.values().find(waits).map(|entry| entry.since)
    }

    /// When to move what is at the broker, if anything is: when the oldest has been here for so long, or at once.
    pub(super) fn move_at(&self, hold_max: Duration) -> Option<Instant> {
        let since = self.waiting_since()?;
        Some(if self.move_now { since } else { since + hold_max })
    }

    /// When the next message is due that was given back.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Makes ready what is due. Whether there is any.
    pub(super) fn make_ready(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, number));
            if self.entries.get(&number).is_some_and(|entry| !entry.given) {
                any |= self.ready.insert(number);
            }
        }
        any
    }

    /// All messages that are at the broker and that the caller is not done with, to be written to disk.
    pub(super) fn start_moving(&mut self) -> Vec<Message> {
        self.move_now = false;
        let mut moving = Vec::new();
        for entry in self.entries.values_mut() {
            if matches!(entry.at, At::Broker(Asked::No)) {
                entry.at = At::Moving;
                moving.extend(entry.message.clone());
            }
        }
        moving
    }

    /// These could not be written.
    pub(super) fn stay(&mut self, unwritten: &[Message]) {
        let places: HashSet<MessageId> = unwritten.iter().map(|message| message.message_id).collect();
        for entry in self.entries.values_mut() {
            if matches!(entry.at, At::Moving) && places.contains(&entry.origin) {
                entry.at = At::Broker(Asked::No);
                self.move_now = true;
            }
        }
    }

    /// The copy of a message that is in hand was read. Gives it back if there is no such message.
    pub(super) fn moved(&mut self, copy: Copy, print: Print) -> Option<Copy> {
        let origin = copy.message.message_id;
        let is_it = |entry: &Entry| {
            matches!(entry.at, At::Moving | At::Broker(Asked::No)) && entry.origin == origin && entry.is(&copy.message)
        };
        let number = self.at_broker.get(&origin).copied();
        let number = number.filter(|number| self.entries.get(number).is_some_and(is_it));
        // Else the broker may have lost it and used its place again.
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
        entry.at = At::Disk {
            place: copy.place,
            print,
            time_ms: copy.time_ms,
        };
        if entry.given {
            entry.message = None;
        }
        None
    }

    /// What the acknowledgement of these concerns. Those at the broker are not moved any more.
    pub(super) fn plan(&mut self, messages: &[MessageId]) -> Result<Plan> {
        let mut plan = Plan::default();
        self.each(messages, |number, entry| {
            match &mut entry.at {
                At::Broker(asked) => {
                    *asked = Asked::Yes;
                    plan.broker.push((number, entry.origin));
                }
                At::Disk { place, print, .. } => plan.disk.push((number, *place, *print)),
                At::Moving => plan.moving = true,
                At::Nowhere => return false,
            }
            true
        })?;
        Ok(plan)
    }

    /// The caller gives these back, to have them again when they are `due`. Those on disk are returned, to be given back
    /// there. The others are moved to it as soon as may be and meanwhile wait here. The broker is not told: it counts how
    /// often a message is given back, and gives up on it.
    pub(super) fn give_back(&mut self, messages: &[MessageId], due: Instant) -> Result<Vec<(Number, MessageId)>> {
        let (mut on_disk, mut waiting, mut move_now) = (Vec::new(), Vec::new(), false);
        self.each(messages, |number, entry| {
            match &mut entry.at {
                At::Disk { place, .. } => {
                    on_disk.push((number, *place));
                    return true;
                }
                At::Nowhere => return false,
                At::Broker(asked) => {
                    *asked = Asked::No;
                    move_now = true;
                }
                At::Moving => {}
            }
            entry.given = false;
            if let Some(message) = &mut entry.message {
                message.redeliveries = message.redeliveries.saturating_add(1);
            }
            waiting.push((due, number));
            true
        })?;
        self.move_now |= move_now;
        self.due.extend(waiting);
        Ok(on_disk)
    }

    /// Goes through those of these messages that are still in hand. One that is not to be kept leaves it.
    fn each(&mut self, messages: &[MessageId], mut keep: impl FnMut(Number, &mut Entry) -> bool) -> Result<()> {
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

    /// An acknowledgement ended. What is done leaves the hand.
    pub(super) fn settled(&mut self, numbers: impl IntoIterator<Item = Number>, done: bool) {
        for number in numbers {
            if done {
                self.remove(number);
            } else if let Some(entry) = self.entries.get_mut(&number)
                && let At::Broker(asked) = &mut entry.at
            {
                *asked = Asked::Failed;
            }
        }
    }

    /// Takes messages out that are on disk, because they are about to be given back there and then come again.
    pub(super) fn take_out(&mut self, numbers: impl IntoIterator<Item = Number>) -> Vec<Taken> {
        numbers.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    /// They could not be given back.
    pub(super) fn put_back(&mut self, taken: Vec<Taken>) {
        self.entries
            .extend(taken.into_iter().map(|Taken(number, entry)| (number, entry)));
    }

    fn remove(&mut self, number: Number) -> Option<Taken> {
        let entry = self.entries.remove(&number)?;
        if self.at_broker.get(&entry.origin) == Some(&number) {
            self.at_broker.remove(&entry.origin);
        }
        Some(Taken(number, entry))
    }

    /// When the oldest message that is on disk was written, in milliseconds since 1970.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.entries.values().find_map(|entry| match entry.at {
            At::Disk { time_ms, .. } => Some(time_ms),
            _ => None,
        })
    }
}
