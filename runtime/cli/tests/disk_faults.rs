//! The whole binary on a disk that fails or loses power: webhooks in, rows out, the log, the database and what else is in
//! the data directory on one watched disk. Every 200 is a row, once, after a clean start.
//!
//! `make test` holds every so many-th change; `BINARY_DISK_EVERY=1` tries every one.

#[allow(dead_code, reason = "shared with the tests in e2e/, which use all of it")]
#[path = "e2e/harness.rs"]
mod harness;
#[path = "disk_faults/process.rs"]
mod process;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, OnceLock},
    time::{Duration, Instant},
};

use danube_wasm_faultdisk::{Crash, Disk, Fault, Record, Spy, journal};
use danube_wasm_trials::{Row, conclude};
use harness::{DEADLINE, Scratch, Setup, payment, post};
use process::Process;
use tempfile::TempDir;

/// Webhooks that a trial sends until each was answered 200. Each attempt is an event of its own.
const WEBHOOKS: usize = 4;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

static SPY: LazyLock<Spy> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("this binary");
    Spy::build(&program).expect("the library between a process and its disk")
});

/// A data directory in which the components are compiled already, and nothing else is.
fn compiled() -> &'static Path {
    static COMPILED: OnceLock<Scratch> = OnceLock::new();
    let scratch = COMPILED.get_or_init(|| {
        let scratch = Setup::default().write();
        scratch.start().stop();
        for entry in fs::read_dir(scratch.path().join("data")).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("components") {
                fs::remove_dir_all(path).expect("removes");
            }
        }
        scratch
    });
    scratch.path()
}

/// One pipeline on a watched disk.
struct Trial {
    scratch: Scratch,
    _journal: TempDir,
    journal: PathBuf,
    before: Disk,
    client: reqwest::blocking::Client,
    /// Amounts that were sent, and those answered 200 with the journal's length then.
    sent: u64,
    accepted: Vec<(u64, u64)>,
}

impl Trial {
    fn new() -> Self {
        let scratch = Setup::default().write();
        copy(&compiled().join("data"), &data(&scratch));
        let journal = tempfile::tempdir().expect("a directory");
        Self {
            before: Disk::of(&data(&scratch)).expect("read"),
            scratch,
            journal: journal.path().join("journal"),
            _journal: journal,
            client: reqwest::blocking::Client::new(),
            sent: 0,
            accepted: Vec::new(),
        }
    }

    /// Starts the binary with the library before its disk, and sends what is left to send. None if it is dead by then.
    fn run(&mut self, fault: Option<Fault>) -> Option<Process> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
        command.arg("run").arg(self.scratch.file());
        SPY.watch(&mut command, &data(&self.scratch), &self.journal, fault)
            .expect("a disk to watch");
        let mut process = Process::start(command);
        let begun = Instant::now();
        while process.lives() && self.accepted.len() < WEBHOOKS {
            assert!(
                begun.elapsed() < DEADLINE,
                "it takes no more events:\n{}",
                process.said()
            );
            self.send(&process);
        }
        process.lives().then_some(process)
    }

    fn send(&mut self, process: &Process) {
        let Some(address) = process.address() else {
            std::thread::park_timeout(PAUSE);
            return;
        };
        self.sent += 1;
        let body = payment(self.sent).to_string();
        match post(&self.client, &address, &[], body).map(|answer| answer.status) {
            Some(200) => {
                let length = fs::metadata(&self.journal).map_or(0, |file| file.len());
                self.accepted.push((self.sent, length));
            }
            Some(503) | None => std::thread::park_timeout(PAUSE),
            Some(status) => panic!("answered {status}:\n{}", process.said()),
        }
    }

    fn records(&self) -> Vec<Record> {
        journal(&self.journal).expect("a journal")
    }

    fn accepted_by(&self, length: u64) -> BTreeSet<u64> {
        let early = self.accepted.iter().filter(|(_, at)| *at <= length);
        early.map(|(amount, _)| *amount).collect()
    }
}

/// Starts without faults, waits until what was accepted is stored, stops, and looks whether anything is there twice.
fn check(scratch: &Scratch, accepted: &BTreeSet<u64>, sent: u64) -> Result<(), String> {
    let pipeline = scratch.start();
    let rows = || -> Vec<u64> {
        let rows = scratch.query("SELECT VALUE amount FROM payments");
        rows.as_array()
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_u64)
            .collect()
    };
    let begun = Instant::now();
    while !accepted.iter().all(|amount| rows().contains(amount)) {
        if begun.elapsed() > DEADLINE {
            return Err(format!(
                "of {accepted:?} only {:?} is stored:\n{}",
                rows(),
                pipeline.dump()
            ));
        }
    }
    pipeline.stop();
    let (all, distinct) = (rows(), rows().into_iter().collect::<BTreeSet<_>>());
    if all.len() != distinct.len() || distinct.last() > Some(&sent) {
        return Err(format!("stored twice, or never sent: {all:?}"));
    }
    Ok(())
}

fn row(class: &str, changes: usize) -> Row {
    let mut row = Row::new(format!("binary: {class}"));
    row.note("changes", changes as u64);
    row
}

/// Changes to try, of so many.
fn chosen(changes: usize, trials: usize) -> impl Iterator<Item = usize> {
    let every = std::env::var("BINARY_DISK_EVERY").map(|every| every.parse().expect("BINARY_DISK_EVERY is a number"));
    (0..changes).step_by(every.unwrap_or_else(|_| changes.div_ceil(trials)))
}

/// A run without faults, ended by `kill -9`.
fn calm() -> Trial {
    let mut trial = Trial::new();
    let process = trial.run(None).expect("lives");
    let begun = Instant::now();
    while trial.scratch.rows() < WEBHOOKS as u64 {
        assert!(
            begun.elapsed() < DEADLINE,
            "not everything is stored:\n{}",
            process.said()
        );
    }
    drop(process);
    trial
}

#[test]
fn the_power_goes_after_any_change() {
    let trial = calm();
    let records = trial.records();
    let after = trial.before.then(&records).expect("a journal");
    assert_eq!(
        after.differs_from(&data(&trial.scratch)).expect("read"),
        None,
        "something went past the journal"
    );
    let mut row = row("the power goes", records.len());
    for change in chosen(records.len(), 4) {
        let before = &records[..=change];
        let disk = trial.before.then(before).expect("a journal");
        let accepted = trial.accepted_by(records[change].end);
        for crash in [Crash::PowerAndCache, Crash::Power { seed: change as u64 }] {
            let scratch = Setup::default().write();
            fs::create_dir(data(&scratch)).expect("a directory");
            disk.after_crash(crash, &data(&scratch)).expect("made");
            row.record(
                format!("{crash:?} after change {change}"),
                check(&scratch, &accepted, trial.sent),
            );
        }
    }
    conclude(row, 0);
}

#[test]
fn any_change_fails_and_so_do_some_after_it() {
    let changes = calm().records().len();
    let mut row = row("a change fails", changes);
    for first in chosen(changes, 3) {
        for (errno, count) in [(EIO, 1), (ENOSPC, 8)] {
            let mut trial = Trial::new();
            let fault = Fault::Fail {
                first: first as u64,
                count,
                errno,
            };
            // A binary that cannot start says so and ends; whoever watches over it starts it again.
            let alive = trial.run(Some(fault)).or_else(|| trial.run(None));
            drop(alive.expect("starts once the disk works"));
            row.record(
                format!("error {errno} at change {first}, {count} times"),
                check(&trial.scratch, &trial.accepted_by(u64::MAX), trial.sent),
            );
        }
    }
    conclude(row, 0);
}

#[test]
fn the_process_dies_after_any_change() {
    let changes = calm().records().len();
    let mut row = row("kill -9", changes);
    for last in chosen(changes, 4) {
        let mut trial = Trial::new();
        drop(trial.run(Some(Fault::Die { last: last as u64 })));
        row.record(
            format!("killed after change {last}"),
            check(&trial.scratch, &trial.accepted_by(u64::MAX), trial.sent),
        );
    }
    conclude(row, 0);
}

fn data(scratch: &Scratch) -> PathBuf {
    scratch.path().join("data")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (kind, to) = (entry.file_type().expect("a kind"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            fs::copy(entry.path(), to).expect("copies");
        }
    }
}
