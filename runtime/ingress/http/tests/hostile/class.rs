//! How often, from which seed, and what came of it.

use std::{env, sync::Arc};

use danube_wasm_trials::Row;

/// Complaints that are kept of a class: the first say what is wrong, the others only that it still is.
const COMPLAINTS_MAX: usize = 10;

/// What the environment asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) trials: u64,
    pub(crate) seed: u64,
}

/// A class of attacks, tried.
#[derive(Debug, Default)]
pub(crate) struct Class {
    pub(crate) trials: u64,
    pub(crate) failures: u64,
    /// What repeats it, and what was wrong.
    pub(crate) complaints: Vec<(String, String)>,
}

impl Plan {
    pub(crate) fn from_env() -> Self {
        let number = |name: &str, default| {
            env::var(name).map_or(default, |text| {
                text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number"))
            })
        };
        Self {
            trials: number("HTTP_TRIALS", 500),
            seed: number("SEED", 1),
        }
    }

    /// One trial for so many malformed requests, and never none.
    pub(crate) fn one_in(self, n: u64) -> u64 {
        (self.trials / n).max(1)
    }

    /// Seeds of so many trials.
    pub(crate) fn seeds(self, trials: u64) -> impl Iterator<Item = u64> {
        (0..trials).map(move |i| self.seed.wrapping_add(i))
    }
}

impl Class {
    /// Counts one trial, and keeps what is wrong with it.
    pub(crate) fn record(&mut self, what: &str, verdict: Result<(), String>) {
        self.trials += 1;
        self.check(what, verdict);
    }

    /// Keeps what is wrong with something that is no trial of its own.
    pub(crate) fn check(&mut self, what: &str, verdict: Result<(), String>) {
        if let Err(why) = verdict {
            self.complain(what, why);
        }
    }

    /// The same, for a trial that can be repeated from its seed.
    pub(crate) fn judge_seed(&mut self, seed: u64, verdict: Result<(), String>) {
        self.record(&format!("SEED={seed} HTTP_TRIALS=1"), verdict);
    }

    pub(crate) fn complain(&mut self, what: &str, why: String) {
        self.failures += 1;
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push((what.to_owned(), why));
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.trials += other.trials;
        self.failures += other.failures;
        self.complaints.extend(other.complaints);
        self.complaints.truncate(COMPLAINTS_MAX);
    }
}

/// Bytes as they can be pasted into a test.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let head = bytes[..bytes.len().min(2_000)].escape_ascii();
    match bytes.len() {
        n @ 2_001.. => format!("b\"{head}\"… ({n} bytes)"),
        _ => format!("b\"{head}\""),
    }
}

/// What `result` should have been, if it is not.
pub(crate) fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found:?} instead of {wanted:?}")),
    }
}

/// Runs work for `lanes` at a time and joins what comes of it.
pub(crate) async fn in_lanes<F>(lanes: usize, lane: impl Fn(usize) -> F) -> Class
where
    F: Future<Output = Class> + Send + 'static,
{
    let running: Vec<_> = (0..lanes).map(|n| tokio::spawn(lane(n))).collect();
    let mut class = Class::default();
    for lane in running {
        match lane.await {
            Ok(part) => class.join(part),
            Err(error) => class.complain("a lane broke off", error.to_string()),
        }
    }
    class
}

/// Something that lanes share the cases of.
pub(crate) type Shared<T> = Arc<Vec<T>>;

impl Class {
    /// As a row of the table.
    pub(crate) fn row(self, name: &str, secs: u64) -> Row {
        let mut row = Row::new(format!("HTTP: {name}"));
        (row.trials, row.secs) = (self.trials, secs);
        if let more @ 1.. = self.failures - self.complaints.len() as u64 {
            row.note("failures that are not shown", more);
        }
        row.failures = self.complaints;
        row
    }
}
