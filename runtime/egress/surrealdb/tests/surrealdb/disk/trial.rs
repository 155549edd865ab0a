//! One run of the workload on a watched disk.

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

/// The result of a run.
pub(super) struct Trial {
    directory: TempDir,
    pub(super) status: ExitStatus,
    pub(super) output: String,
    pub(super) journal: Vec<Record>,
}

impl Trial {
    /// Runs the usual workload.
    pub(super) fn run(fault: Option<Fault>) -> Self {
        Self::run_as("disk::workload::writes_batches", fault)
    }

    /// Runs one of this binary's ignored tests.
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

    /// Returns the batches that were acknowledged before the journal had this length, in bytes.
    pub(super) fn acknowledged_by(&self, length: u64) -> Vec<u64> {
        let acknowledged = workload::acknowledged(&self.output).into_iter();
        acknowledged
            .filter(|(_, at)| *at <= length)
            .map(|(number, _)| number)
            .collect()
    }

    /// Returns the number of changes of the disk when this batch was acknowledged.
    pub(super) fn acknowledged_until(&self, number: u64) -> Option<usize> {
        let acknowledged = workload::acknowledged(&self.output);
        let (_, length) = acknowledged.into_iter().find(|(batch, _)| *batch == number)?;
        Some(self.journal.iter().filter(|record| record.end <= length).count())
    }

    pub(super) fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged_by(u64::MAX)
    }
}

/// Returns the step between tried changes: `DISK_EVERY`, or what `make test` has time for.
pub(super) fn change_step(by_default: usize) -> usize {
    std::env::var("DISK_EVERY").map_or(by_default, |step| step.parse().expect("DISK_EVERY is a number"))
}

/// Returns the report's row for a class that tries every `every`-th change.
pub(super) fn report_row(class: &str, changes: usize, every: usize) -> Row {
    let mut row = Row::new(format!("SurrealKV: {class}"));
    row.note("changes", changes as u64);
    row.note("from one tried to the next", every as u64);
    row
}

/// Returns a directory in memory if the system has one, because syncs there are fast.
pub(super) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let scratch = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    scratch.expect("a directory")
}
