//! The rules of delivery against random consumers.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_model::{RecordId, SubscriptionType};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{
    cursor::Cursor,
    dispatcher::Dispatcher,
    window::{ConsumerId, Window},
};
use crate::{Message, MessageId};

const MESSAGES: u64 = 60;
const KEYS: u64 = 5;

/// The key of a message, as a rule of the test: every sixth has none.
fn key(offset: u64) -> Option<Bytes> {
    (!offset.is_multiple_of(6)).then(|| Bytes::from(format!("key-{}", offset * 7 % KEYS)))
}

fn message(offset: u64) -> Message {
    Message {
        message_id: MessageId { partition: 1, offset },
        topic: "/a/b".parse().expect("valid"),
        key: key(offset),
        payload: Bytes::new(),
        attributes: Vec::new(),
        id: RecordId::from_broker(offset.to_string()),
        publish_time_ms: 0,
        producer: Arc::from("p"),
        schema: None,
        redeliveries: 0,
    }
}

/// A subscription with random consumers, and what a bystander knows about it.
struct World {
    kind: SubscriptionType,
    dispatcher: Dispatcher,
    rng: StdRng,
    now: Instant,
    members: Vec<ConsumerId>,
    in_flight: HashMap<u64, ConsumerId>,
    delayed: HashMap<u64, Instant>,
    acknowledged: BTreeSet<u64>,
    given: HashMap<u64, u32>,
}

impl World {
    fn new(kind: SubscriptionType, seed: u64) -> Self {
        Self {
            kind,
            dispatcher: Dispatcher::new(kind, vec![Window::new(kind, Cursor::default(), MESSAGES)]),
            rng: StdRng::seed_from_u64(seed),
            now: Instant::now(),
            members: Vec::new(),
            in_flight: HashMap::new(),
            delayed: HashMap::new(),
            acknowledged: BTreeSet::new(),
            given: HashMap::new(),
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..10) {
            0 if self.members.len() < 3 => {
                let name = format!("member-{}", self.rng.random::<u32>());
                // An occupied Exclusive subscription refuses.
                self.members.extend(self.dispatcher.attach(&name, self.kind, None, 8));
            }
            1 if !self.members.is_empty() => {
                let at = self.rng.random_range(0..self.members.len());
                let consumer = self.members.remove(at);
                self.dispatcher.detach(consumer);
                self.in_flight.retain(|_, owner| *owner != consumer);
            }
            2 => self.now += Duration::from_secs(self.rng.random_range(0..20)),
            3 => self.nack(),
            4 | 5 => self.acknowledge(),
            _ => self.take(),
        }
    }

    fn take(&mut self) {
        let Some(at) = self.members.len().checked_sub(1) else {
            return;
        };
        let consumer = self.members[self.rng.random_range(0..=at)];
        let max = self.rng.random_range(1..10);
        let Ok(turn) = self.dispatcher.take(consumer, max, self.now, true) else {
            panic!("a member is a member")
        };
        assert!(turn.messages.len() <= max);
        for given in turn.messages {
            self.check(consumer, &given);
        }
        for (window, load) in turn.loads {
            // Sometimes it is read later, or in part.
            let end = load.fresh.end.min(load.fresh.start + self.rng.random_range(1..20));
            let offsets = load.reread.iter().copied().chain(load.fresh.start..end);
            let messages = offsets
                .filter(|o| !self.acknowledged.contains(o))
                .map(message)
                .collect();
            let read_to = if load.fresh.is_empty() { load.fresh.start } else { end };
            self.dispatcher.update(window, |window| {
                window.loaded(load.epoch, read_to, messages);
                window.load_ended(load.epoch);
                (Vec::new(), ())
            });
        }
    }

    fn check(&mut self, consumer: ConsumerId, given: &Message) {
        let (kind, offset) = (self.kind, given.message_id.offset);
        assert!(!self.acknowledged.contains(&offset), "{offset} was acknowledged");
        assert!(!self.in_flight.contains_key(&offset), "{offset} is with a consumer");
        assert!(
            self.delayed.get(&offset).is_none_or(|due| *due <= self.now),
            "{offset} is delayed"
        );
        let before = self.given.entry(offset).or_default();
        assert_eq!(given.redeliveries, *before, "{offset}");
        *before += 1;
        self.delayed.remove(&offset);
        if kind == SubscriptionType::Failover {
            assert_eq!(Some(&consumer), self.members.first(), "only the first is active");
        }
        let ordered_with = |other: u64| match (kind, key(offset)) {
            (SubscriptionType::Shared, _) | (SubscriptionType::KeyShared, None) => false,
            (_, key_of_this) => key(other) == key_of_this,
        };
        for earlier in (0..offset).filter(|o| ordered_with(*o)) {
            let known = self.acknowledged.contains(&earlier) || self.in_flight.contains_key(&earlier);
            assert!(known, "{offset} overtook {earlier}");
        }
        if kind == SubscriptionType::KeyShared {
            for (other, owner) in self.in_flight.iter().filter(|(o, _)| ordered_with(**o)) {
                assert_eq!(*owner, consumer, "{offset} and {other} have one key");
            }
        }
        self.in_flight.insert(offset, consumer);
        assert!(
            self.in_flight.values().filter(|owner| **owner == consumer).count() <= 8,
            "the window"
        );
    }

    fn some_in_flight(&mut self) -> Option<(u64, ConsumerId)> {
        let mut all: Vec<_> = self.in_flight.iter().map(|(o, m)| (*o, *m)).collect();
        all.sort_unstable();
        let n = all.len();
        (n > 0).then(|| all[self.rng.random_range(0..n)])
    }

    fn nack(&mut self) {
        let Some((offset, consumer)) = self.some_in_flight() else {
            return;
        };
        let due = self.now + Duration::from_secs(self.rng.random_range(1..30));
        let due = self.rng.random_bool(0.7).then_some(due);
        self.dispatcher.nack(consumer, 0, offset, due);
        self.in_flight.remove(&offset);
        self.delayed.extend(due.map(|due| (offset, due)));
    }

    fn acknowledge(&mut self) {
        let Some((offset, _)) = self.some_in_flight() else {
            return;
        };
        let mut cursor = self.dispatcher.windows()[0].cursor().clone();
        cursor.ack(offset);
        self.dispatcher
            .update(0, |window| (window.acknowledged(cursor, &[offset]), ()));
        self.in_flight.remove(&offset);
        self.acknowledged.insert(offset);
    }
}

#[test]
fn rules_hold_whatever_consumers_do() {
    use SubscriptionType::{Exclusive, Failover, KeyShared, Shared};
    for kind in [Exclusive, Failover, KeyShared, Shared] {
        let mut finished = HashSet::new();
        for seed in 0..150 {
            let mut world = World::new(kind, seed);
            for _ in 0..3000 {
                world.step();
                let lag = MESSAGES - world.acknowledged.len() as u64;
                assert_eq!(world.dispatcher.windows()[0].lag(), lag);
            }
            if world.acknowledged.len() as u64 == MESSAGES {
                finished.insert(seed);
            }
        }
        assert!(
            finished.len() > 140,
            "{kind:?}: nothing gets stuck, but only {} finished",
            finished.len()
        );
    }
}

#[test]
fn what_retention_takes_is_nobodys() {
    let kind = SubscriptionType::KeyShared;
    let mut world = World::new(kind, 1);
    world.members.extend(world.dispatcher.attach("a", kind, None, 8));
    while world.in_flight.len() < 8 {
        world.take();
    }
    world.nack();
    let (lost, next) = (MESSAGES - 5, MESSAGES - 5);
    let skipped = world.dispatcher.update(0, |window| window.skip_to(next));
    assert_eq!(skipped, Some(lost));
    assert_eq!(world.dispatcher.windows()[0].lag(), 5);
    world.in_flight.clear();
    world.acknowledged.extend(0..next);
    while world.in_flight.len() < 5 {
        world.take();
    }
}
