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
    /// Most messages that are given at once: also where more have come, because a pull was given up that the server held.
    given_max: usize,
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
    pub(super) fn new(kind: SubscriptionType, given_max: usize) -> Self {
        Self {
            kind,
            given_max,
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

    /// It is acknowledged. Not if it has come again meanwhile: that delivery is another.
    pub(super) fn acknowledged(&mut self, sequence: u64, reply: &str) {
        if self.is_current(sequence, reply) {
            self.entries.remove(&sequence);
        }
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

    fn ledger(kind: SubscriptionType, keys: &[Option<&'static str>]) -> Ledger {
        let mut ledger = Ledger::new(kind, 100);
        for (sequence, key) in (1..).zip(keys) {
            ledger.insert(0, format!("reply {sequence}"), message(sequence, *key), None);
        }
        ledger
    }

    fn take(ledger: &mut Ledger, max: usize, now: Instant) -> Vec<u64> {
        ledger
            .take(max, now)
            .iter()
            .map(|message| message.message_id.offset)
            .collect()
    }

    #[test]
    fn a_delayed_message_closes_its_key_until_it_is_given_again() {
        let now = Instant::now();
        let due = now + Duration::from_secs(5);
        let mut ledger = ledger(SubscriptionType::Exclusive, &[Some("a"), Some("a"), Some("b"), None]);
        assert_eq!(take(&mut ledger, 1, now), [1]);
        ledger.delay(1, due);
        assert_eq!(take(&mut ledger, 9, now), [3, 4]);
        assert_eq!(ledger.next_due(), Some(due));
        let again = ledger.take(9, due);
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
        let mut ledger = ledger(SubscriptionType::Shared, &[None; 5]);
        ledger.given_max = 3;
        assert_eq!(take(&mut ledger, 9, now), [1, 2, 3]);
        assert!(take(&mut ledger, 9, now).is_empty());
        ledger.remove(2);
        assert_eq!(take(&mut ledger, 9, now), [4]);
    }

    #[test]
    fn nothing_is_given_of_a_share_whose_lease_is_not_trusted_any_more() {
        let now = Instant::now();
        let mut ledger = ledger(SubscriptionType::Failover, &[None; 2]);
        ledger.trust(0, now);
        assert!(take(&mut ledger, 9, now).is_empty());
        ledger.trust(0, now + Duration::from_secs(1));
        assert_eq!(take(&mut ledger, 9, now), [1, 2]);
    }

    #[test]
    fn a_message_that_comes_again_is_acknowledged_at_its_new_place() {
        let now = Instant::now();
        let mut ledger = ledger(SubscriptionType::Exclusive, &[None]);
        assert_eq!(take(&mut ledger, 9, now), [1]);
        ledger.insert(0, "newer".to_owned(), message(1, None), None);
        assert!(take(&mut ledger, 9, now).is_empty());
        assert_eq!(ledger.reply(1).as_deref(), Some("newer"));
        assert_eq!(ledger.drain(0), ["newer"]);
        assert_eq!(ledger.reply(1), None);
    }
}
