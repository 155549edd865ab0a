//! The messages that a consumer has of the server and has not acknowledged. Pure: no clock, no network, no lock.
//!
//! A message *waits* to be given, is *given*, or is *delayed* by a nack. Waiting messages are given in the order of the
//! stream. Where order is kept, a delayed message closes its lane for later ones until it is given again: a lane is a key;
//! messages without one share a lane, except on KeyShared.

use std::collections::{BTreeMap, HashSet};

use danube_wasm_broker::Message;
use danube_wasm_model::{SubscriptionType, hash::fnv1a};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    durable::ConsumerInfo,
    position::{Position, Verdict},
};
use crate::delivery_subject::DeliverySubject;

/// See the module.
pub(super) struct InFlight {
    kind: SubscriptionType,
    /// Most messages that are given at once: also where more have come, because a pull was given up that the server held.
    given_max: usize,
    entries: BTreeMap<u64, Entry>,
    /// Nothing of these shares is given now.
    withheld: HashSet<usize>,
    /// Until when messages of a share may be given: while its lease is trusted.
    trusted: BTreeMap<usize, Instant>,
    /// Where order is kept: how far deliveries of a share are, while it is owned.
    positions: BTreeMap<usize, Position>,
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

impl InFlight {
    pub(super) fn new(kind: SubscriptionType, given_max: usize) -> Self {
        Self {
            kind,
            given_max,
            entries: BTreeMap::new(),
            withheld: HashSet::new(),
            trusted: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }

    /// Whether nacks are held here, and messages given again in order.
    pub(super) fn keeps_order(&self) -> bool {
        self.kind != SubscriptionType::Shared
    }

    /// A delivery has come. Where order is kept, nothing is taken that is not the next one.
    pub(super) fn arrive(
        &mut self,
        share: usize,
        reply: String,
        delivery: &DeliverySubject,
        message: Message,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Verdict {
        let is_known = self.entries.contains_key(&delivery.stream_sequence);
        let verdict = match self.positions.get_mut(&share) {
            Some(position) => position.classify(delivery, is_known),
            None => Verdict::New,
        };
        if matches!(verdict, Verdict::New | Verdict::Again) {
            self.insert(share, reply, message, permit);
        }
        verdict
    }

    /// How far deliveries of a share are.
    pub(super) fn position(&self, share: usize) -> Option<&Position> {
        self.positions.get(&share)
    }

    /// A share has an owner, or one whose position is as the server says.
    pub(super) fn begin(&mut self, share: usize, info: &ConsumerInfo) {
        self.positions.insert(share, Position::new(info));
    }

    /// The server delivers a share from its floor again.
    pub(super) fn set_back(&mut self, share: usize, info: &ConsumerInfo) {
        if let Some(position) = self.positions.get_mut(&share) {
            position.set_back(info);
        }
    }

    /// A message has come. If it is here already, only its new place of acknowledgement counts.
    fn insert(&mut self, share: usize, reply: String, message: Message, permit: Option<OwnedSemaphorePermit>) {
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
        let already = self
            .entries
            .values()
            .filter(|entry| entry.state == State::Given)
            .count();
        let max = max.min(self.given_max.saturating_sub(already));
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
            let waits = self.positions.get(&entry.share).is_some_and(Position::waits);
            let is_withheld = waits || self.withheld.contains(&entry.share);
            if entry.state != State::Waiting || !is_open || !is_trusted || is_withheld {
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

    /// Where a given message is acknowledged. One that waits is not given: its position was moved, and it comes again.
    pub(super) fn reply(&self, sequence: u64) -> Option<String> {
        let entry = self.entries.get(&sequence)?;
        (entry.state != State::Waiting).then(|| entry.reply.clone())
    }

    /// It is acknowledged there. Whether that is all: it may have come again meanwhile.
    pub(super) fn acknowledged(&mut self, sequence: u64, reply: &str) -> bool {
        if self.is_current(sequence, reply) {
            self.entries.remove(&sequence);
        }
        !self.entries.contains_key(&sequence)
    }

    /// Whether the position that a message belongs to was moved since it came.
    pub(super) fn is_moved(&self, sequence: u64, info: &ConsumerInfo) -> bool {
        let share = self.entries.get(&sequence).map(|entry| entry.share);
        let position = share.and_then(|share| self.positions.get(&share));
        position.is_some_and(|position| position.is_moved(info))
    }

    /// Whether it is still acknowledged there.
    pub(super) fn is_current(&self, sequence: u64, reply: &str) -> bool {
        self.entries.get(&sequence).is_some_and(|entry| entry.reply == reply)
    }

    /// It is handed back.
    pub(super) fn remove(&mut self, sequence: u64) {
        self.entries.remove(&sequence);
    }

    /// Forgets everything of a share, and hands it back in order.
    pub(super) fn drain(&mut self, share: usize) -> Vec<String> {
        self.positions.remove(&share);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use danube_wasm_broker::MessageId;
    use danube_wasm_model::RecordId;

    use super::*;

    fn message(sequence: u64, key: Option<&'static str>) -> Message {
        Message {
            message_id: MessageId {
                partition: 0,
                offset: sequence,
            },
            topic: "/default/t".parse().expect("valid"),
            key: key.map(Into::into),
            payload: "x".into(),
            attributes: Vec::new(),
            id: RecordId::from_broker(sequence.to_string()),
            publish_time_ms: 0,
            producer: "p".into(),
            schema: None,
            redeliveries: 0,
        }
    }

    fn in_flight(kind: SubscriptionType, keys: &[Option<&'static str>]) -> InFlight {
        let mut in_flight = InFlight::new(kind, 100);
        for (sequence, key) in (1..).zip(keys) {
            in_flight.insert(0, format!("reply {sequence}"), message(sequence, *key), None);
        }
        in_flight
    }

    fn take(in_flight: &mut InFlight, max: usize, now: Instant) -> Vec<u64> {
        in_flight
            .take(max, now)
            .iter()
            .map(|message| message.message_id.offset)
            .collect()
    }

    #[test]
    fn a_delayed_message_closes_its_key_until_it_is_given_again() {
        let now = Instant::now();
        let due = now + Duration::from_secs(5);
        let mut in_flight = in_flight(SubscriptionType::Exclusive, &[Some("a"), Some("a"), Some("b"), None]);
        assert_eq!(take(&mut in_flight, 1, now), [1]);
        in_flight.delay(1, due);
        assert_eq!(take(&mut in_flight, 9, now), [3, 4]);
        assert_eq!(in_flight.next_due(), Some(due));
        let again = in_flight.take(9, due);
        assert_eq!(
            again
                .iter()
                .map(|m| (m.message_id.offset, m.redeliveries))
                .collect::<Vec<_>>(),
            [(1, 1), (2, 0)]
        );
    }

    #[test]
    fn no_more_is_given_than_the_window_has_also_if_more_has_come() {
        let now = Instant::now();
        let mut in_flight = in_flight(SubscriptionType::Shared, &[None; 5]);
        in_flight.given_max = 3;
        assert_eq!(take(&mut in_flight, 9, now), [1, 2, 3]);
        assert!(take(&mut in_flight, 9, now).is_empty());
        in_flight.remove(2);
        assert_eq!(take(&mut in_flight, 9, now), [4]);
    }

    #[test]
    fn nothing_is_given_of_a_share_whose_lease_is_not_trusted_any_more() {
        let now = Instant::now();
        let mut in_flight = in_flight(SubscriptionType::Failover, &[None; 2]);
        in_flight.trust(0, now);
        assert!(take(&mut in_flight, 9, now).is_empty());
        in_flight.trust(0, now + Duration::from_secs(1));
        assert_eq!(take(&mut in_flight, 9, now), [1, 2]);
    }

    #[test]
    fn a_message_that_comes_again_is_acknowledged_at_its_new_place() {
        let now = Instant::now();
        let mut in_flight = in_flight(SubscriptionType::Exclusive, &[None]);
        assert_eq!(take(&mut in_flight, 9, now), [1]);
        in_flight.insert(0, "newer".to_owned(), message(1, None), None);
        assert!(take(&mut in_flight, 9, now).is_empty());
        assert_eq!(in_flight.reply(1).as_deref(), Some("newer"));
        assert_eq!(in_flight.drain(0), ["newer"]);
        assert_eq!(in_flight.reply(1), None);
    }
}
