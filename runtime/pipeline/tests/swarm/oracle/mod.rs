//! The judge, outside everything that is faulted: it mints the events, is told what each door saw, and compares.
//!
//! Every promise is checked where it can first be broken, and once more at the end.

mod downstream;
mod upstream;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use danube_wasm_broker::MessageId;
use danube_wasm_model::SubscriptionType;
use danube_wasm_pipeline::{OnFailure, OnInvalid};
use parking_lot::Mutex;

use super::{parcel::Parcel, scenario::Scenario};

/// See the module.
pub struct Oracle {
    rules: Rules,
    books: Mutex<Books>,
}

/// What this run's scenario promises.
struct Rules {
    buries_poison: bool,
    on_invalid: OnInvalid,
    on_failure: OnFailure,
    subscription: SubscriptionType,
}

#[derive(Default)]
struct Books {
    minted: BTreeMap<u64, Minted>,
    offers: u64,
    /// Records in the topic, by payload.
    records: BTreeMap<String, Record>,
    messages: BTreeMap<MessageId, String>,
    /// Payloads of events and records that have a dead letter.
    letters: BTreeSet<String>,
    /// How many rows there are, by body.
    rows: BTreeMap<String, usize>,
    /// Bodies of rows that the target has said are there.
    confirmed: BTreeSet<String>,
    /// Records with at least one row.
    written: BTreeSet<String>,
    /// The record that each row has that keeps the newest.
    states: BTreeMap<String, String>,
    /// The last record that was written, by what order is kept by.
    last_written: BTreeMap<(u64, Option<Bytes>), u64>,
    violations: Vec<String>,
}

/// An event.
struct Minted {
    parcel: Parcel,
    key: Option<Bytes>,
    /// Each time it was offered: to which start of the source, and as which of all offers.
    offers: Vec<(u64, u64)>,
    accepted: bool,
    /// How many offers there had been when its sender was told that it was accepted.
    accepted_at: u64,
    settled: bool,
}

/// A record in the topic.
struct Record {
    first: MessageId,
    copies: usize,
    /// Among all commits.
    place: usize,
    key: Option<Bytes>,
    id: String,
}

/// Most violations that are kept.
const VIOLATIONS_MAX: usize = 20;

impl Oracle {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            rules: Rules {
                buries_poison: scenario.buries_poison(),
                on_invalid: scenario.on_invalid,
                on_failure: scenario.on_failure,
                subscription: scenario.subscription,
            },
            books: Mutex::default(),
        }
    }

    /// Something is not as promised.
    pub fn violation(&self, what: String) {
        self.books.lock().violation(what);
    }

    pub fn violations(&self) -> Vec<String> {
        self.books.lock().violations.clone()
    }
}

impl Books {
    fn violation(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    fn key_of(&self, parcel: Parcel) -> Option<Bytes> {
        self.minted.get(&parcel.number).and_then(|minted| minted.key.clone())
    }
}

/// As much of a payload as tells it from others.
pub fn short(payload: &str) -> String {
    let mut text: String = payload.chars().take(40).collect();
    if text.len() < payload.len() {
        text.push('…');
        text.extend(payload.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev());
    }
    text
}
