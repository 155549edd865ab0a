//! Keys that wait for a poisonous message.

use std::{collections::HashMap, time::Duration};

use danube_wasm_broker::{Message, MessageId};

use crate::backoff::{Backoff, BackoffPolicy};

/// For each blocked key, the message that blocks it and its row of waits.
#[derive(Debug)]
pub(super) struct BlockedKeys {
    policy: BackoffPolicy,
    keys: HashMap<Vec<u8>, (MessageId, Backoff)>,
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
        let (_, backoff) = self
            .keys
            .entry(key_of(message))
            .or_insert_with(|| (message.message_id, policy.start()));
        backoff.next(None)
    }

    /// Whether the message waits for another one of its key.
    pub(super) fn holds(&self, message: &Message) -> bool {
        self.keys
            .get(&key_of(message))
            .is_some_and(|(poison, _)| *poison != message.message_id)
    }

    /// The message is done: if it blocked its key, the key is free.
    pub(super) fn release(&mut self, message: &Message) {
        if !self.keys.is_empty() && !self.holds(message) {
            self.keys.remove(&key_of(message));
        }
    }
}

/// What order is kept by: the key, or without one the partition.
fn key_of(message: &Message) -> Vec<u8> {
    match &message.key {
        Some(key) => [&b"k"[..], key].concat(),
        None => [&b"p"[..], &message.message_id.partition.to_le_bytes()].concat(),
    }
}
