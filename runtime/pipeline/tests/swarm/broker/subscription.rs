//! The state of a subscription's messages: waiting, in flight or delayed. No I/O.
//!
//! Like the embedded log: waiting messages are delivered by offset; a nacked one blocks later messages of its key
//! (where order is kept also those without a key) until its delay is over. When a consumer disconnects, its messages
//! wait again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::{Message, MessageId};
use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

/// See the module. Only the newest consumer is connected.
pub struct Subscription {
    kind: SubscriptionType,
    ack_timeout: Option<Duration>,
    open: BTreeMap<MessageId, Entry>,
    member: u64,
    unacknowledged_max: usize,
}

struct Entry {
    key: Option<Bytes>,
    deliveries: u32,
    /// The consumer of the last delivery.
    member: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    InFlight { since: Instant },
    Delayed { due: Instant },
}

/// The consumer was replaced by another.
pub struct Replaced;

impl Subscription {
    pub fn new(kind: SubscriptionType, ack_timeout: Option<Duration>) -> Self {
        Self {
            kind,
            ack_timeout,
            open: BTreeMap::new(),
            member: 0,
            unacknowledged_max: 0,
        }
    }

    pub fn add(&mut self, message: &Message) {
        let entry = Entry {
            key: message.key.clone(),
            deliveries: 0,
            member: 0,
            state: State::Waiting,
        };
        self.open.insert(message.message_id, entry);
    }

    /// Number of messages that are not acknowledged.
    pub fn lag(&self) -> usize {
        self.open.len()
    }

    /// Messages that are not acknowledged and were delivered once, to this consumer.
    pub fn delivered_once(&self, member: u64) -> Vec<MessageId> {
        let once = self
            .open
            .iter()
            .filter(|(_, entry)| entry.deliveries == 1 && entry.member == member);
        once.map(|(id, _)| *id).collect()
    }

    pub fn attach(&mut self, member: u64, unacknowledged_max: usize) {
        self.give_back_all();
        self.member = member;
        self.unacknowledged_max = unacknowledged_max;
    }

    pub fn detach(&mut self, member: u64) {
        if self.member == member {
            self.give_back_all();
            self.member = 0;
        }
    }

    pub fn give_back_all(&mut self) {
        for entry in self.open.values_mut() {
            if matches!(entry.state, State::InFlight { .. }) {
                entry.state = State::Waiting;
            }
        }
    }

    /// The messages to deliver now, each with the number of earlier deliveries.
    pub fn take(&mut self, member: u64, max: usize, now: Instant) -> Result<Vec<(MessageId, u32)>, Replaced> {
        if self.member != member {
            return Err(Replaced);
        }
        let due = self.states_due();
        for (entry, _) in self
            .open
            .values_mut()
            .zip(due)
            .filter(|(_, due)| due.is_some_and(|due| due <= now))
        {
            entry.state = State::Waiting;
        }
        let in_flight = self
            .open
            .values()
            .filter(|e| matches!(e.state, State::InFlight { .. }))
            .count();
        let room = max.min(self.unacknowledged_max.saturating_sub(in_flight));
        let mut closed: BTreeSet<(u64, Option<Bytes>)> = BTreeSet::new();
        let mut given = Vec::new();
        for (id, entry) in &mut self.open {
            let lane = lane(self.kind, id.partition, &entry.key);
            let is_closed = lane.as_ref().is_some_and(|lane| closed.contains(lane));
            match entry.state {
                State::Delayed { .. } => closed.extend(lane),
                State::Waiting if !is_closed && given.len() < room => {
                    entry.state = State::InFlight { since: now };
                    given.push((*id, entry.deliveries));
                    entry.deliveries += 1;
                    entry.member = member;
                }
                _ => {}
            }
        }
        Ok(given)
    }

    /// When the next state changes by time.
    pub fn next_due(&self) -> Option<Instant> {
        self.states_due().into_iter().flatten().min()
    }

    fn states_due(&self) -> Vec<Option<Instant>> {
        let due = |entry: &Entry| match entry.state {
            State::Waiting => None,
            State::InFlight { since } => self.ack_timeout.map(|timeout| since + timeout),
            State::Delayed { due } => Some(due),
        };
        self.open.values().map(due).collect()
    }

    /// Returns whether it was unacknowledged.
    pub fn ack(&mut self, id: MessageId) -> bool {
        self.open.remove(&id).is_some()
    }

    pub fn nack(&mut self, member: u64, id: MessageId, due: Instant) {
        if member == self.member
            && let Some(entry) = self
                .open
                .get_mut(&id)
                .filter(|e| matches!(e.state, State::InFlight { .. }))
        {
            entry.state = State::Delayed { due };
        }
    }
}

/// The lane in which order is kept; `None` if it is not.
fn lane(kind: SubscriptionType, partition: u64, key: &Option<Bytes>) -> Option<(u64, Option<Bytes>)> {
    match (kind, key) {
        (SubscriptionType::Shared, _) | (SubscriptionType::KeyShared, None) => None,
        _ => Some((partition, key.clone())),
    }
}
