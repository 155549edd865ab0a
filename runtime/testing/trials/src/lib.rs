//! Results of trials: printed as a table, and added as one line for each class of fault to the committed file
//! `runtime/testing/trials/chaos.jsonl`.
//!
//! n clean trials bound the failure rate at 3/n (95 %). The file has the commit and a hash of the acknowledgement path
//! with each count: counts with different hashes do not add up.
//!
//! For tests only: every harness that counts trials (processes, disk, HTTP, hostile components, the swarm) reports
//! through this crate, and appends to the file that `CHAOS_LEDGER` names.

mod path;

use std::{any::Any, fmt::Write as _, fs, io::Write as _, time::Instant};

use serde_json::json;

pub use path::root;

/// One class of fault.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What was broken.
    pub class: String,
    /// Faults that were judged.
    pub trials: u64,
    /// Faults that had no effect: not counted as trials.
    pub no_effect: u64,
    /// For each failure the seed, or whatever repeats it, and what went wrong.
    pub failures: Vec<(String, String)>,
    /// Sums of figures from the trials, such as events, or records that were owed and unwritten at a kill.
    pub notes: Vec<(&'static str, u64)>,
    /// Why it did not run.
    pub skipped: Option<&'static str>,
    /// How long it took.
    pub secs: u64,
    started: Option<Instant>,
}

impl Row {
    /// A row without trials.
    pub fn new(class: impl Into<String>) -> Self {
        Self {
            class: class.into(),
            started: Some(Instant::now()),
            ..Self::default()
        }
    }

    /// Counts one trial; if it failed, keeps what went wrong and how to repeat it.
    pub fn record(&mut self, repeat: impl Into<String>, verdict: Result<(), String>) {
        self.trials += 1;
        self.failures.extend(verdict.err().map(|why| (repeat.into(), why)));
    }

    /// Adds to a sum.
    pub fn note(&mut self, what: &'static str, n: u64) {
        self.combine(what, n, |sum, n| sum + n);
    }

    /// Keeps the largest figure.
    pub fn note_max(&mut self, what: &'static str, n: u64) {
        self.combine(what, n, u64::max);
    }

    fn combine(&mut self, what: &'static str, n: u64, with: fn(u64, u64) -> u64) {
        match self.notes.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known = with(*known, n),
            None => self.notes.push((what, n)),
        }
    }

    fn notes(&self) -> String {
        let notes: Vec<_> = self.notes.iter().map(|(what, n)| format!("{n} {what}")).collect();
        notes.join(", ")
    }

    /// 3/n, where nothing failed.
    fn failure_bound(&self) -> String {
        match (self.trials, self.failures.len()) {
            (0, _) => "-".to_owned(),
            (n, 0) => format!("{:.3} %", (300.0 / n as f64).min(100.0)),
            _ => "broken".to_owned(),
        }
    }
}

/// Prints the table, and appends it to the file that `CHAOS_LEDGER` names, relative to the repository. It writes to
/// standard output directly, because the test harness captures what a passing test prints.
///
/// The table or the file cannot be written: lost figures are worth stopping for.
pub fn report(rows: &[Row], seed: u64) {
    writeln!(std::io::stdout().lock(), "{}", table(rows, seed)).expect("standard output");
    if let Ok(path) = std::env::var("CHAOS_LEDGER") {
        append(&root().join(&path), rows, seed).unwrap_or_else(|e| panic!("the ledger {path}: {e}"));
    }
}

/// Reports the one class of a test.
///
/// One of its trials failed, or there was none: a class without trials proves nothing.
pub fn conclude(mut row: Row, seed: u64) {
    row.secs = row.started.map_or(0, |started| started.elapsed().as_secs());
    report(std::slice::from_ref(&row), seed);
    assert_clean(&row);
}

/// Panics if there was no trial or one failed.
fn assert_clean(row: &Row) {
    let (class, failures) = (&row.class, row.failures.len());
    assert!(row.trials > 0, "{class}: nothing was tried");
    assert!(failures == 0, "{class}: {failures} failures, as the table says");
}

/// The message of a panic.
pub fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

/// For people.
fn table(rows: &[Row], seed: u64) -> String {
    let mut text = format!(
        "\n{:<42} {:>7} {:>8} {:>9} {:>9} {:>5}  seed {seed:#x}\n",
        "class", "trials", "failures", "no effect", "bound", "s"
    );
    for row in rows {
        // Writing to a string does not fail.
        let _ = match row.skipped {
            Some(why) => writeln!(text, "{:<42} skipped: {why}", row.class),
            None => writeln!(
                text,
                "{:<42} {:>7} {:>8} {:>9} {:>9} {:>5}  {}",
                row.class,
                row.trials,
                row.failures.len(),
                row.no_effect,
                row.failure_bound(),
                row.secs,
                row.notes()
            ),
        };
    }
    for row in rows {
        for (repeat, why) in &row.failures {
            let _ = writeln!(text, "\nFAILED {}, to repeat: {repeat}\n{why}", row.class);
        }
    }
    text
}

/// One line a class.
fn append(file: &std::path::Path, rows: &[Row], seed: u64) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    let (commit, path) = (path::commit(), path::acknowledgement());
    for row in rows.iter().filter(|row| row.skipped.is_none()) {
        let line = json!({
            "commit": commit,
            "acknowledgement_path": path,
            "class": row.class,
            "seed": format!("{seed:#x}"),
            "trials": row.trials,
            "failures": row.failures.iter().map(|(repeat, _)| repeat).collect::<Vec<_>>(),
            "no_effect": row.no_effect,
            "notes": row.notes(),
        });
        // In one write: other tests of the same binary may add theirs now.
        file.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_breaks_the_bound_and_says_how_to_repeat_it() {
        let mut row = Row::new("kill");
        row.trials = 300;
        assert_eq!(row.failure_bound(), "1.000 %");
        row.note("events", 2);
        row.note("events", 3);
        row.failures.push(("0x2a".to_owned(), "event 7 is missing".to_owned()));
        let text = table(&[row], 1);
        for part in ["broken", "5 events", "0x2a", "event 7 is missing"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_judged_failure_is_a_trial_too() {
        let mut row = Row::new("disk");
        row.record("change 1", Ok(()));
        row.record("change 2", Err("it is lost".to_owned()));
        assert_eq!((row.trials, row.failures.len()), (2, 1));
        assert!(
            std::panic::catch_unwind(|| assert_clean(&row)).is_err(),
            "the test that tried it passes"
        );
        assert!(std::panic::catch_unwind(|| assert_clean(&Row::new("nothing"))).is_err());
    }

    #[test]
    fn the_acknowledgement_path_has_a_hash() {
        assert_eq!(path::acknowledgement().len(), 12);
    }
}
