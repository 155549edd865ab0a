//! What was promised to whom, kept outside every process that is faulted.
//!
//! The oracle mints ids; a payload is a function of its id, so that a stored row proves itself. An id is *owed* once a
//! sender was answered 200. Each sender is a key: it sends its ids one after the other and tries one again, with the same
//! `Idempotency-Key`, until it is answered, as a real one does. So the order of a key is the order of its ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// An event: which sender, and its n-th.
pub type Id = u64;

/// More events than a sender ever sends.
const STRIDE: u64 = 1_000_000_000;

/// The sender of an event.
pub fn sender_of(id: Id) -> u64 {
    id / STRIDE
}

/// The body of an event.
pub fn payload(id: Id) -> Value {
    const EVENTS: [&str; 4] = [
        "payment.succeeded",
        "payment.failed",
        "payment.refunded",
        "payment.canceled",
    ];
    json!({
        "event": EVENTS[(id % 4) as usize],
        "amount": id,
        "currency": "USD",
        "timestamp": 1_705_004_567 + id % STRIDE,
        "customer_id": format!("cus_{}", sender_of(id)),
        "metadata": { "vector": [id % 7, 1] },
    })
}

/// What one trial, or several on one site, owe.
#[derive(Default)]
pub struct Oracle {
    senders: AtomicU64,
    sent: Mutex<BTreeSet<Id>>,
    owed: Mutex<BTreeSet<Id>>,
    refused: AtomicUsize,
    lost: AtomicUsize,
    unanswered: AtomicUsize,
}

/// One sender's next id.
pub struct Minting {
    next: Id,
}

impl Minting {
    /// Its next id, of an event that must become no row.
    pub fn next_of_none(&mut self) -> Id {
        let id = self.next;
        self.next += 1;
        id
    }
}

impl Oracle {
    /// A sender that there was not before.
    pub fn sender(&self) -> Minting {
        Minting {
            next: self.senders.fetch_add(1, Ordering::Relaxed) * STRIDE,
        }
    }

    /// A new event of this sender, about to be sent for the first time.
    pub fn mint(&self, minting: &mut Minting) -> Id {
        let id = minting.next;
        minting.next += 1;
        self.sent.lock().insert(id);
        id
    }

    /// Its request is out.
    pub fn asking(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// Its request was answered, or its connection is gone.
    pub fn answered(&self, id: Id, status: Option<u16>) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        match status {
            Some(200) => drop(self.owed.lock().insert(id)),
            Some(_) => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
            None => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Requests that are out.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Answers other than 200.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests whose connection went before an answer came.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    pub fn owed(&self) -> BTreeSet<Id> {
        self.owed.lock().clone()
    }

    /// No longer owed: somebody else is to blame for their loss.
    pub fn forgive(&self, lost: &BTreeSet<Id>) {
        self.owed.lock().retain(|id| !lost.contains(id));
    }

    pub fn owed_count(&self) -> usize {
        self.owed.lock().len()
    }

    /// Everything that is wrong with what is stored now, other than what is missing: strangers, doubles, changed bodies.
    pub fn faults(&self, rows: &[Value]) -> Vec<String> {
        let sent = self.sent.lock();
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for row in rows {
            let Some(id) = row["amount"].as_u64().filter(|id| sent.contains(id)) else {
                faults.push(format!("a row that was never sent: {row}"));
                continue;
            };
            if !seen.insert(id) {
                faults.push(format!("event {id} is stored twice"));
            }
            let wanted = payload(id);
            let changed = wanted
                .as_object()
                .into_iter()
                .flatten()
                .find(|(name, value)| row[*name] != **value);
            if let Some((name, value)) = changed {
                faults.push(format!("event {id}: `{name}` was {value} and is {}", row[name]));
            }
        }
        faults
    }

    /// Where the order of a key is broken: of an event that was stored at first, an earlier one that is owed is missing
    /// even later. Sound at any instant, since every sender waits for an answer before its next event.
    pub fn gaps(&self, at_first: &BTreeSet<Id>, later: &BTreeSet<Id>) -> Vec<String> {
        let mut last: BTreeMap<u64, Id> = BTreeMap::new();
        for id in at_first {
            last.insert(sender_of(*id), *id);
        }
        let owed = self.owed.lock();
        let overtaken = owed
            .iter()
            .filter(|id| !later.contains(id) && last.get(&sender_of(**id)).is_some_and(|last| last > *id));
        overtaken
            .map(|id| format!("event {id} is not stored, a later one of its key is"))
            .collect()
    }
}

/// The ids of rows.
pub fn ids(rows: &[Value]) -> BTreeSet<Id> {
    rows.iter().filter_map(|row| row["amount"].as_u64()).collect()
}

/// Events whose bodies are in these bytes, whole, whatever is around them.
pub fn ids_in(bytes: &[u8]) -> BTreeSet<Id> {
    const BEFORE: &[u8] = b"\"amount\":";
    let starts = bytes
        .windows(BEFORE.len())
        .enumerate()
        .filter(|(_, window)| *window == BEFORE);
    let number = |(at, _): (usize, &[u8])| {
        let rest = &bytes[at + BEFORE.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
    };
    starts.filter_map(number).collect()
}

/// What the checker must see, or it proves nothing.
///
/// # Panics
/// It does not see one of them.
pub fn canary() {
    let oracle = Oracle::default();
    let mut sender = oracle.sender();
    let all: Vec<Id> = (0..3).map(|_| oracle.mint(&mut sender)).collect();
    for id in &all {
        oracle.asking();
        oracle.answered(*id, Some(200));
    }
    let row = |id: Id| payload(id);
    let good: Vec<Value> = all.iter().map(|id| row(*id)).collect();
    assert!(oracle.faults(&good).is_empty() && oracle.gaps(&ids(&good), &ids(&good)).is_empty());
    let mut changed = good.clone();
    changed[1]["currency"] = "EUR".into();
    let bad: [(&str, Vec<Value>); 3] = [
        ("a changed body", changed),
        ("a double", [good.clone(), vec![row(all[0])]].concat()),
        ("a stranger", [good.clone(), vec![row(all[2] + 1)]].concat()),
    ];
    for (what, rows) in bad {
        assert_eq!(oracle.faults(&rows).len(), 1, "the checker does not see {what}");
    }
    let overtaken = ids(&[row(all[0]), row(all[2])]);
    assert_eq!(
        oracle.gaps(&overtaken, &overtaken).len(),
        1,
        "the checker does not see an event that overtook another"
    );
}
