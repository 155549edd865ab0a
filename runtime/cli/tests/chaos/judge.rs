//! Judged after a quiet phase: everything owed is there, once, as it was sent, and a fresh event gets through.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    harness,
    oracle::{Oracle, ids, payload},
};

/// Longest wait for what must happen. Far above what it takes, so that only what never happens fails.
pub const DEADLINE: Duration = Duration::from_secs(90);

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
            Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
}

/// Waits until everything owed is stored, then checks all that is stored.
pub fn settle(oracle: &Oracle, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
    let owed = oracle.owed();
    until("everything owed is stored", || {
        let rows = rows();
        let stored = ids(&rows);
        let missing = owed.difference(&stored).count();
        match missing {
            0 => Ok(()),
            _ => Err(format!(
                "{missing} of {} are missing, the first is {:?}",
                owed.len(),
                owed.difference(&stored).next()
            )),
        }
    })?;
    let faults = oracle.faults(&rows());
    match faults.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} rows are wrong, the first: {first}", faults.len())),
    }
}

/// A new event goes all the way; how long that took. Call it after [`settle`] with the last fault long over.
pub fn fresh(oracle: &Oracle, address: &str, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
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
    settle(oracle, rows)
}
