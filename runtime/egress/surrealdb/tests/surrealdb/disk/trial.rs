//! One run of the workload over a watched disk.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::LazyLock,
};

use danube_wasm_faultdisk::{Fault, Record, Spy, journal};
use danube_wasm_trials::Row;
use tempfile::TempDir;

use super::workload;

static SPY: LazyLock<Spy> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("this binary");
    Spy::build(&program).expect("the library between a process and its disk")
});

/// What is left of a run.
pub(super) struct Trial {
    directory: TempDir,
    pub(super) status: ExitStatus,
    pub(super) output: String,
    pub(super) journal: Vec<Record>,
}

impl Trial {
    /// The usual workload.
    pub(super) fn run(fault: Option<Fault>) -> Self {
        Self::run_as("disk::workload::writes_batches", fault)
    }

    /// One of this binary's ignored tests.
    pub(super) fn run_as(test: &str, fault: Option<Fault>) -> Self {
        let directory = scratch();
        std::fs::create_dir(directory.path().join("disk")).expect("a directory");
        let program = std::env::current_exe().expect("this binary");
        let mut process = Command::new(program);
        process.args(["--ignored", "--exact", "--nocapture", test]);
        let (disk, lines) = (directory.path().join("disk"), directory.path().join("journal"));
        SPY.watch(&mut process, &disk, &lines, fault)
            .expect("a directory to watch");
        let output = process.output().expect("runs");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self {
            directory,
            status: output.status,
            output: text.concat(),
            journal: journal(&lines).expect("a journal"),
        }
    }

    /// The watched directory.
    pub(super) fn disk(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    /// Batches that were done before the journal had this length, in bytes.
    pub(super) fn acknowledged_by(&self, length: u64) -> Vec<u64> {
        let acknowledged = workload::acknowledged(&self.output).into_iter();
        acknowledged
            .filter(|(_, at)| *at <= length)
            .map(|(number, _)| number)
            .collect()
    }

    /// How many changes there were when this batch was acknowledged.
    pub(super) fn acknowledged_until(&self, number: u64) -> Option<usize> {
        let acknowledged = workload::acknowledged(&self.output);
        let (_, length) = acknowledged.into_iter().find(|(batch, _)| *batch == number)?;
        Some(self.journal.iter().filter(|record| record.end <= length).count())
    }

    pub(super) fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged_by(u64::MAX)
    }
}

/// Every so many-th change is tried. What `make test` has time for, if `DISK_EVERY` does not say.
pub(super) fn every(by_default: usize) -> usize {
    std::env::var("DISK_EVERY").map_or(by_default, |every| every.parse().expect("DISK_EVERY is a number"))
}

/// A class that tries every so many-th of so many changes.
pub(super) fn row(class: &str, changes: usize, every: usize) -> Row {
    let mut row = Row::new(format!("SurrealKV: {class}"));
    row.note("changes", changes as u64);
    row.note("from one tried to the next", every as u64);
    row
}

/// A directory in memory where there is such a thing: what a trial syncs need not wait for a disk.
pub(super) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let scratch = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    scratch.expect("a directory")
}
