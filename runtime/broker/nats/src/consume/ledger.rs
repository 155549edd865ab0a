//! The messages that a consumer has of the server and has not acknowledged. Pure: no clock, no network, no lock.
//!
//! A message *waits* to be given, is *given*, or is *delayed* by a nack. Waiting messages are given in the order of the
//! stream. Where order is kept, a delayed message closes its lane for later ones until it is given again: a lane is a key;
//! messages without one share a lane, except on KeyShared.

use std::collections::{BTreeMap, HashSet};

use danube_wasm_broker::Message;
use danube_wasm_model::{SubscriptionType, hash::fnv1a};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// See the module.
pub(super) struct Ledger {
    kind: SubscriptionType,
    entries: BTreeMap<u64, Entry>,
    /// Nothing of these shares is given now.
    withheld: HashSet<usize>,
    /// Until when messages of a share may be given: while its lease is trusted.
    trusted: BTreeMap<usize, Instant>,
}

struct Entry {
    /// Where it is acknowledged.
    reply: String,
    share: usize,
    lane: Option<u64>,
    state: State,
    /// Kept where order is kept: it is given again from here.
    message: Option<Box<Message>>,
    nacks: u32,
    /// Its place in the window.
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Given,
    Delayed(Instant),
}

impl Ledger {
    pub(super) fn new(kind: SubscriptionType) -> Self {
        Self {
            kind,
            entries: BTreeMap::new(),
            withheld: HashSet::new(),
            trusted: BTreeMap::new(),
        }
    }

    /// Whether nacks are held here, and messages given again in order.
    pub(super) fn keeps_order(&self) -> bool {
        self.kind != SubscriptionType::Shared
    }

    /// A message has come. If it is here already, only its new place of acknowledgement counts.
    pub(super) fn insert(
        &mut self,
        share: usize,
        reply: String,
        message: Message,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let sequence = message.message_id.offset;
        if let Some(known) = self.entries.get_mut(&sequence) {
            (known.reply, known.share) = (reply, share);
            return;
        }
        let lane = self.lane(&message);
        self.entries.insert(
            sequence,
            Entry {
                reply,
                share,
                lane,
                state: State::Waiting,
                message: Some(Box::new(message)),
                nacks: 0,
                _permit: permit,
            },
        );
    }

    fn lane(&self, message: &Message) -> Option<u64> {
        match (self.kind, &message.key) {
            (SubscriptionType::Shared, _) | (SubscriptionType::KeyShared, None) => None,
            (_, Some(key)) => Some(fnv1a(key.iter().copied())),
            (_, None) => Some(0),
        }
    }

    /// Up to `max` messages, in order.
    pub(super) fn take(&mut self, max: usize, now: Instant) -> Vec<Message> {
        let keeps_order = self.keeps_order();
        let mut closed: HashSet<u64> = HashSet::new();
        let mut given = Vec::new();
        for entry in self.entries.values_mut() {
            if given.len() == max {
                break;
            }
            if let State::Delayed(due) = entry.state {
                match due <= now {
                    true => entry.state = State::Waiting,
                    false => {
                        closed.extend(entry.lane);
                        continue;
                    }
                }
            }
            let is_open = entry.lane.is_none_or(|lane| !closed.contains(&lane));
            let is_trusted = self.trusted.get(&entry.share).is_none_or(|until| now < *until);
            if entry.state != State::Waiting || !is_open || !is_trusted || self.withheld.contains(&entry.share) {
                if entry.state == State::Waiting {
                    closed.extend(entry.lane);
                }
                continue;
            }
            let message = match keeps_order {
                true => entry.message.clone(),
                false => entry.message.take(),
            };
            let Some(mut message) = message else { continue };
            message.redeliveries = message.redeliveries.saturating_add(entry.nacks);
            entry.state = State::Given;
            given.push(*message);
        }
        given
    }

    /// When the next delayed message is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let delayed = self.entries.values().filter_map(|entry| match entry.state {
            State::Delayed(due) => Some(due),
            _ => None,
        });
        delayed.min()
    }

    /// Holds a given message until `due`.
    pub(super) fn delay(&mut self, sequence: u64, due: Instant) {
        if let Some(entry) = self
            .entries
            .get_mut(&sequence)
            .filter(|entry| entry.state == State::Given)
        {
            entry.state = State::Delayed(due);
            entry.nacks += 1;
        }
    }

    /// Where a given message is acknowledged.
    pub(super) fn reply(&self, sequence: u64) -> Option<String> {
        self.entries.get(&sequence).map(|entry| entry.reply.clone())
    }

    /// Whether it is still acknowledged there.
    pub(super) fn is_current(&self, sequence: u64, reply: &str) -> bool {
        self.entries.get(&sequence).is_some_and(|entry| entry.reply == reply)
    }

    /// It is acknowledged, or handed back.
    pub(super) fn remove(&mut self, sequence: u64) {
        self.entries.remove(&sequence);
    }

    /// Forgets everything of a share, and hands it back in order.
    pub(super) fn drain(&mut self, share: usize) -> Vec<String> {
        let all = self.entries.iter().filter(|(_, entry)| entry.share == share);
        let all: Vec<u64> = all.map(|(sequence, _)| *sequence).collect();
        let removed = all.iter().filter_map(|sequence| self.entries.remove(sequence));
        removed.map(|entry| entry.reply).collect()
    }

    /// Where messages of a share are acknowledged.
    pub(super) fn replies(&self, share: usize) -> Vec<String> {
        let of_share = self.entries.values().filter(|entry| entry.share == share);
        of_share.map(|entry| entry.reply.clone()).collect()
    }

    /// Whether a share has messages that are given.
    pub(super) fn has_given(&self, share: usize) -> bool {
        self.entries
            .values()
            .any(|entry| entry.share == share && entry.state == State::Given)
    }

    pub(super) fn withhold(&mut self, share: usize, withheld: bool) {
        match withheld {
            true => self.withheld.insert(share),
            false => self.withheld.remove(&share),
        };
    }

    pub(super) fn trust(&mut self, share: usize, until: Instant) {
        self.trusted.insert(share, until);
    }
}
