//! Checked after a quiet phase: everything owed is there, once, as it was sent, and a fresh event gets through.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use danube_wasm_trials::Row;
use serde_json::Value;

use crate::{
    harness,
    oracle::{Id, Oracle, ids, payload},
};

/// Longest wait for what must happen. Far above what it takes, so that only what never happens fails.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// After the end of the last fault something new is stored by then. Checked where trials are many, `make chaos`: what
/// `make test` runs beside all its other tests says only how busy the machine is.
const ALIVE_WITHIN: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(50);

/// What a trial showed.
pub enum Verdict {
    /// It could have failed, and did not.
    Passed,
    /// The fault met nothing that it could have hurt: it does not count.
    Discarded(&'static str),
}

pub type Checked = Result<Verdict, String>;

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

/// A new event goes all the way. Call it with the last fault over and all that came before stored.
pub fn fresh(oracle: &Oracle, address: &str, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
    let posted = Instant::now();
    post(oracle, address)?;
    settle(oracle, rows)?;
    in_time("a fresh event was stored", posted.elapsed())
}

/// More is stored than the so many events before, whatever it is: a fresh event waits behind what came before it.
///
/// # Errors
/// Nothing ever was, or too late after that moment, the end of the fault.
pub fn revived(row: &mut Row, end: Instant, before: usize, rows: impl Fn() -> Vec<Value>) -> Result<(), String> {
    until("events are stored again", || match ids(&rows()).len() {
        now if now > before => Ok(()),
        now => Err(format!("{now} rows, as before")),
    })?;
    let took = end.elapsed();
    row.note_max("ms at most until anything was stored", took.as_millis() as u64);
    in_time("anything was stored", took)
}

fn in_time(what: &str, took: Duration) -> Result<(), String> {
    match crate::scale() > 0 && took > ALIVE_WITHIN {
        true => Err(format!("{took:.1?} until {what}, {ALIVE_WITHIN:?} at most are allowed")),
        false => Ok(()),
    }
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
