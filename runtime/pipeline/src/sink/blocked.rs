//! Keys that wait for a poisonous message.
//!
//! A message that waits is given back to the broker, and so are the later ones of its key; they come again one by one or
//! together, while a lane may have others of the key already. None may pass one before it that was given back, also when
//! the poisonous one is done. What never comes again (an operator has moved the subscription, or it belongs to another
//! process now) must not block its key for ever: a message that was given back when one before it was long due, and
//! comes again before that one, does not wait for it any more.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use danube_wasm_broker::{Message, MessageId};
use tokio::time::Instant;

use crate::backoff::{Backoff, BackoffPolicy};

/// How late a message may come back.
const LATE_MAX: Duration = Duration::from_secs(10);

/// What is known of each blocked key.
#[derive(Debug)]
pub(super) struct BlockedKeys {
    policy: BackoffPolicy,
    keys: HashMap<Vec<u8>, Blocked>,
}

#[derive(Debug, Default)]
struct Blocked {
    /// The message that blocks the key, and its row of waits.
    poison: Option<(MessageId, Backoff)>,
    /// Messages that were given back and have not come again.
    away: BTreeMap<MessageId, Away>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    due: Instant,
}

impl BlockedKeys {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            keys: HashMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The message blocks its key. Gives how long to wait before it is tried again, longer each time.
    pub(super) fn block(&mut self, message: &Message) -> Duration {
        let policy = self.policy;
        let id = message.message_id;
        let blocked = self.keys.entry(key_of(message)).or_default();
        let same = blocked.poison.take().filter(|(poison, _)| *poison == id);
        let (_, backoff) = blocked.poison.insert(same.unwrap_or_else(|| (id, policy.start())));
        backoff.next(None)
    }

    /// Whether the message, which the lane has, must wait for another one of its key.
    pub(super) fn must_wait(&mut self, message: &Message) -> bool {
        let id = message.message_id;
        let Some(blocked) = self.keys.get_mut(&key_of(message)) else {
            return false;
        };
        if let Some(away) = blocked.away.remove(&id) {
            blocked.forget_lost(id, away.since);
        }
        blocked.poison.as_ref().is_some_and(|(poison, _)| *poison < id) || blocked.away.range(..id).next().is_some()
    }

    /// The message was given back, and comes again at `due`.
    pub(super) fn given_back(&mut self, message: &Message, due: Instant) {
        let id = message.message_id;
        let since = Instant::now();
        if let Some(blocked) = self.keys.get_mut(&key_of(message)) {
            blocked.away.insert(id, Away { since, due });
        }
    }

    /// The message is done: if nothing of its key is left to wait for, the key is free.
    pub(super) fn release(&mut self, message: &Message) {
        if self.keys.is_empty() {
            return;
        }
        let (key, id) = (key_of(message), message.message_id);
        if let Some(blocked) = self.keys.get_mut(&key) {
            blocked.poison.take_if(|(poison, _)| *poison == id);
            blocked.away.remove(&id);
            if blocked.poison.is_none() && blocked.away.is_empty() {
                self.keys.remove(&key);
            }
        }
    }
}

impl Blocked {
    /// This message was given back at `since` and has come again: what is before it and was long due then does not come
    /// any more.
    fn forget_lost(&mut self, id: MessageId, since: Instant) {
        let lost = |at: &MessageId, away: &Away| *at < id && away.due + LATE_MAX <= since;
        self.poison
            .take_if(|(poison, _)| self.away.get(poison).is_some_and(|away| lost(poison, away)));
        self.away.retain(|at, away| !lost(at, away));
    }
}

/// What order is kept by: the key, or without one the partition.
fn key_of(message: &Message) -> Vec<u8> {
    match &message.key {
        Some(key) => [&b"k"[..], key].concat(),
        None => [&b"p"[..], &message.message_id.partition.to_le_bytes()].concat(),
    }
}
