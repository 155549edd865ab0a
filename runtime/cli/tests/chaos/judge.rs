//! Judged after a quiet phase: everything owed is there, once, as it was sent, and a fresh event gets through.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    harness,
    oracle::{Id, Oracle, ids, payload},
};

/// Longest wait for what must happen. Far above what it takes, so that only what never happens fails.
pub const DEADLINE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(50);

/// What a trial showed.
pub enum Verdict {
    /// It could have failed, and did not.
    Passed,
    /// The fault met nothing that it could have hurt: it does not count.
    Discarded(&'static str),
}

pub type Judged = Result<Verdict, String>;

/// Waits for it.
///
/// # Errors
/// It did not happen; what is known about it instead.
pub fn until(what: &str, mut holds: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match holds() {
            Ok(()) => return Ok(()),
            Err(why) if begun.elapsed() > DEADLINE => return Err(format!("never happened: {what}: {why}")),
            Err(_) => std::thread::park_timeout(PAUSE),
        }
    }
}

/// Waits until everything owed is stored, for as long as it becomes more, then checks all that is stored.
pub fn settle(oracle: &Oracle, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
    let owed = oracle.owed();
    let missing = missing(&owed, &rows, DEADLINE);
    if let Some(first) = missing.first() {
        let (missing, all) = (missing.len(), owed.len());
        return Err(format!(
            "{missing} of {all} that are owed are not stored, the first is {first}"
        ));
    }
    let faults = oracle.faults(&rows());
    match faults.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} rows are wrong, the first: {first}", faults.len())),
    }
}

/// What of it is not stored when nothing of it was stored for so long.
pub fn missing(owed: &BTreeSet<Id>, rows: impl Fn() -> Vec<Value>, quiet: Duration) -> BTreeSet<Id> {
    let (mut least, mut since) = (usize::MAX, Instant::now());
    loop {
        let missing: BTreeSet<Id> = owed.difference(&ids(&rows())).copied().collect();
        if missing.len() < least {
            (least, since) = (missing.len(), Instant::now());
        }
        if missing.is_empty() || since.elapsed() > quiet {
            return missing;
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// A new event goes all the way. Call it with the last fault over.
pub fn fresh(oracle: &Oracle, address: &str, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
    post(oracle, address)?;
    settle(oracle, rows)
}

/// Posts a new event until it is answered 200.
pub fn post(oracle: &Oracle, address: &str) -> Result<Id, String> {
    let mut sender = oracle.sender();
    let id = oracle.mint(&mut sender);
    let client = reqwest::blocking::Client::new();
    until("a fresh event is answered 200", || {
        oracle.asking();
        let key = id.to_string();
        let answer = harness::post(&client, address, &[("idempotency-key", &key)], payload(id).to_string());
        let status = answer.map(|answer| answer.status);
        oracle.answered(id, status);
        match status {
            Some(200) => Ok(()),
            other => Err(format!("it was answered {other:?}")),
        }
    })?;
    Ok(id)
}
