//! What a lane has begun and not finished: messages whose writes are not all done, and the writes that wait.
//!
//! A write waits because the target has put it off, because its target is held ([`super::target_holds`]), or because one
//! before it waits whose order it shares: a write of the same document, or of a message whose order is kept by the same
//! key. So nothing overtakes a write that waits, and everything else goes past it. The window of the subscription bounds
//! how much there is: what waits is not acknowledged.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::door::Write;
use tokio::time::Instant;

use super::{
    target_holds::TargetHolds,
    write_list::{Tag, WriteList},
};
use crate::{
    dead_letter::Reason,
    mutants::{self, Mutant},
};

/// Number of a message in its lane.
pub(super) type Id = u64;

/// See the module.
#[derive(Default)]
pub(super) struct Outstanding {
    /// By id, from `first` on; `None` once taken.
    messages: VecDeque<Option<OutstandingMessage>>,
    first: Id,
    /// All of whose writes are done.
    finished: Vec<Id>,
    /// By number, in which they were made.
    waiting: BTreeMap<u64, WaitingWrite>,
    /// What the waiting ones keep others from passing.
    order: OrderedBy,
    next_write: u64,
}

/// A message, until it is acknowledged or dead.
pub(super) struct OutstandingMessage {
    pub(super) message: Message,
    /// What its order is kept by.
    pub(super) key: Option<Bytes>,
    /// Calls of the component that it was part of.
    pub(super) attempts: u32,
    /// Why it cannot be processed.
    pub(super) poison: Option<(Reason, String)>,
    unwritten: usize,
}

/// Why a write waits.
pub(super) enum WaitFor {
    /// The target has put it off until this time.
    Time(Instant),
    /// Its target is held.
    Target,
    /// One before it waits.
    Predecessor,
}

struct WaitingWrite {
    write: Write,
    tag: Tag,
    wait: WaitFor,
}

/// Keys and documents of writes, each with the number of the first.
#[derive(Default)]
struct OrderedBy {
    keys: HashMap<Bytes, u64>,
    documents: HashMap<(String, String), u64>,
}

impl Outstanding {
    /// A message without writes.
    pub(super) fn add(
        &mut self,
        message: Message,
        key: Option<Bytes>,
        attempts: u32,
        poison: Option<(Reason, String)>,
    ) -> Id {
        self.messages.push_back(Some(OutstandingMessage {
            message,
            key,
            attempts,
            poison,
            unwritten: 0,
        }));
        self.first + self.messages.len() as u64 - 1
    }

    /// The write that was made of these messages.
    pub(super) fn tag(&mut self, origins: Vec<Id>) -> Tag {
        for id in &origins {
            if let Some(message) = self.get_mut(*id) {
                message.unwritten += 1;
            }
        }
        self.next_write += 1;
        Tag {
            number: self.next_write,
            origins,
            backoff: None,
        }
    }

    /// A message has all the writes that it will have.
    pub(super) fn complete(&mut self, id: Id) {
        if self.get_mut(id).is_some_and(|message| message.unwritten == 0) {
            self.finished.push(id);
        }
    }

    pub(super) fn message(&self, id: Id) -> Option<&OutstandingMessage> {
        self.messages.get(self.place(id)?)?.as_ref()
    }

    /// A write is done, or refused for this reason.
    pub(super) fn done(&mut self, tag: &Tag, refused: Option<String>) {
        for id in &tag.origins {
            let Some(message) = self.get_mut(*id) else { continue };
            message.unwritten -= 1;
            if let (Some(why), None) = (&refused, &message.poison) {
                message.poison = Some((Reason::TargetRefused, why.clone()));
            }
            if message.unwritten == 0 {
                self.finished.push(*id);
            }
        }
    }

    /// Takes the messages whose writes are all done, in their order.
    pub(super) fn take_finished(&mut self) -> Vec<OutstandingMessage> {
        let mut finished = std::mem::take(&mut self.finished);
        finished.sort_unstable();
        let take = |id: Id| self.messages.get_mut((id - self.first) as usize)?.take();
        let taken = finished.into_iter().filter_map(take).collect();
        while let Some(None) = self.messages.front() {
            self.messages.pop_front();
            self.first += 1;
        }
        taken
    }

    /// Puts a write among those that wait.
    pub(super) fn wait(&mut self, write: Write, tag: Tag, wait: WaitFor) {
        let keys = keys(&self.messages, self.first, &tag);
        self.order.add(keys, &write, tag.number);
        self.waiting.insert(tag.number, WaitingWrite { write, tag, wait });
    }

    /// Whether a write must wait for one that waits.
    pub(super) fn must_wait(&self, write: &Write, tag: &Tag) -> bool {
        let overtakes = mutants::is(Mutant::OvertakeWaiting);
        !self.waiting.is_empty() && !overtakes && {
            let keys = keys(&self.messages, self.first, tag);
            self.order.has_before(keys, write, tag.number)
        }
    }

    /// Whether no write waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many writes the target has put off.
    pub(super) fn put_off(&self) -> usize {
        let is_put_off = |waiting: &&WaitingWrite| matches!(waiting.wait, WaitFor::Time(_));
        self.waiting.values().filter(is_put_off).count()
    }

    /// When to look for ready ones again.
    pub(super) fn due(&self, holds: &TargetHolds) -> Option<Instant> {
        let due = self.waiting.values().filter_map(|waiting| match waiting.wait {
            WaitFor::Time(at) => Some(at),
            WaitFor::Target => Some(holds.ready_at(&waiting.write.target).unwrap_or_else(Instant::now)),
            WaitFor::Predecessor => None,
        });
        due.min()
    }

    /// Takes those that need wait no longer, in their order.
    pub(super) fn take_ready(&mut self, holds: &TargetHolds) -> WriteList {
        let (mut ready, now) = (WriteList::default(), Instant::now());
        if self.due(holds).is_none_or(|due| due > now) {
            return ready;
        }
        self.order = OrderedBy::default();
        for (_, WaitingWrite { write, tag, wait }) in std::mem::take(&mut self.waiting) {
            let waits = match wait {
                WaitFor::Time(at) => at > now,
                WaitFor::Target => holds.ready_at(&write.target).is_some(),
                WaitFor::Predecessor => false,
            };
            if waits {
                self.wait(write, tag, wait);
            } else if self.must_wait(&write, &tag) {
                self.wait(write, tag, WaitFor::Predecessor);
            } else {
                ready.push(write, tag);
            }
        }
        ready
    }

    fn place(&self, id: Id) -> Option<usize> {
        usize::try_from(id.checked_sub(self.first)?).ok()
    }

    fn get_mut(&mut self, id: Id) -> Option<&mut OutstandingMessage> {
        let place = self.place(id)?;
        self.messages.get_mut(place)?.as_mut()
    }
}

/// What the order of a write is kept by.
fn keys<'a>(
    messages: &'a VecDeque<Option<OutstandingMessage>>,
    first: Id,
    tag: &'a Tag,
) -> impl Iterator<Item = &'a Bytes> {
    let of = move |id: &Id| messages.get((id - first) as usize)?.as_ref()?.key.as_ref();
    tag.origins.iter().filter_map(of)
}

impl OrderedBy {
    fn add<'a>(&mut self, keys: impl Iterator<Item = &'a Bytes>, write: &Write, number: u64) {
        let first = |known: &mut u64| *known = number.min(*known);
        for key in keys {
            self.keys.entry(key.clone()).and_modify(first).or_insert(number);
        }
        self.documents
            .entry(document(write))
            .and_modify(first)
            .or_insert(number);
    }

    /// Whether one before this number shares a key or the document.
    fn has_before<'a>(&self, mut keys: impl Iterator<Item = &'a Bytes>, write: &Write, number: u64) -> bool {
        let is_before = |first: &u64| *first < number;
        keys.any(|key| self.keys.get(key).is_some_and(is_before))
            || self.documents.get(&document(write)).is_some_and(is_before)
    }
}

fn document(write: &Write) -> (String, String) {
    (write.target.to_string(), write.id.clone())
}
