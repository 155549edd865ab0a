//! The oracle. No fault affects it. It records what senders, broker and target see, and compares.
//!
//! A promise is checked as soon as it can be broken, and again at the end.

mod downstream;
mod orders;
mod pull;
mod upstream;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use danube_wasm_broker::MessageId;
use danube_wasm_model::SubscriptionType;
use danube_wasm_pipeline::{OnFailure, OnInvalid};
use parking_lot::Mutex;

pub use self::orders::order_of;
use self::orders::{Offer, Orders, Stamp};
use super::{
    scenario::{EarlierOrders, Scenario},
    test_event::TestEvent,
};

/// See the module.
pub struct Oracle {
    rules: Rules,
    history: Mutex<History>,
}

/// What this run's scenario promises.
struct Rules {
    dead_letters_poison: bool,
    on_invalid: OnInvalid,
    on_failure: OnFailure,
    subscription: SubscriptionType,
    earlier_orders: EarlierOrders,
}

#[derive(Default)]
struct History {
    sent: BTreeMap<u64, SentEvent>,
    offers: u64,
    /// Records in the topic, by payload.
    records: BTreeMap<String, Record>,
    messages: BTreeMap<MessageId, String>,
    /// Payloads of events and records that have a dead letter.
    letters: BTreeSet<String>,
    /// Those of them that the broker has confirmed.
    confirmed_letters: BTreeSet<String>,
    orders: Orders,
    /// How many rows there are, by body.
    rows: BTreeMap<String, usize>,
    /// Rows that the target has confirmed, by table and body.
    confirmed: BTreeSet<(String, String)>,
    /// Records that have replaced a row of `state`, or were older.
    states_done: BTreeSet<String>,
    /// Records with at least one row.
    written: BTreeSet<String>,
    /// The record in each row of `state`.
    states: BTreeMap<String, String>,
    /// The offset of the last record that was written, by partition and key.
    last_written: BTreeMap<(u64, Option<Bytes>), u64>,
    violations: Vec<String>,
}

/// An event.
struct SentEvent {
    test_event: TestEvent,
    key: Option<Bytes>,
    offers: Vec<Offer>,
    accepted: bool,
    /// Number of all offers when its sender got the answer.
    accepted_at: u64,
    settled: bool,
}

/// A record in the topic.
struct Record {
    first: MessageId,
    copies: usize,
    /// Its number among all commits.
    place: usize,
    /// Of all copies.
    newest: Stamp,
    /// The last that published one.
    process: u64,
    key: Option<Bytes>,
    id: String,
}

/// Most violations that are kept.
const VIOLATIONS_MAX: usize = 20;

impl Oracle {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            rules: Rules {
                dead_letters_poison: scenario.dead_letters_poison(),
                on_invalid: scenario.on_invalid,
                on_failure: scenario.on_failure,
                subscription: scenario.subscription,
                earlier_orders: scenario.earlier_orders,
            },
            history: Mutex::default(),
        }
    }

    /// Records a broken promise.
    pub fn violation(&self, what: String) {
        self.history.lock().violation(what);
    }

    pub fn violations(&self) -> Vec<String> {
        self.history.lock().violations.clone()
    }
}

impl History {
    fn violation(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    fn key_of(&self, test_event: TestEvent) -> Option<Bytes> {
        self.sent.get(&test_event.number).and_then(|sent| sent.key.clone())
    }
}

/// An abbreviated payload that is still unique.
pub fn short(payload: &str) -> String {
    let mut text: String = payload.chars().take(40).collect();
    if text.len() < payload.len() {
        text.push('…');
        text.extend(payload.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev());
    }
    text
}
