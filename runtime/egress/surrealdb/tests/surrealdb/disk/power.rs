//! Loss of power, and death of the process, after any change of the disk.

use danube_wasm_faultdisk::{Crash, Disk, Fault};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt as _;

use super::{
    checks,
    trial::{Trial, change_step, report_row, scratch},
};

/// Ways to lose unsynced data. Seeds depend on the change only, so that a failure can be reproduced.
fn crashes(change: usize) -> [Crash; 5] {
    [
        Crash::Process,
        Crash::PowerAndCache,
        Crash::Torn { bytes: 3 },
        Crash::Torn { bytes: 1_000 },
        Crash::Power { seed: change as u64 },
    ]
}

#[tokio::test]
async fn acknowledged_writes_survive_loss_of_power_after_any_change() {
    let trial = Trial::run(None);
    assert!(trial.output.contains("finished"), "{}", trial.output);
    let (disk, total) = (Disk::after(&trial.journal).expect("a journal"), trial.journal.len());
    assert_eq!(
        disk.differs_from(&trial.disk()).expect("read"),
        None,
        "something went past the journal"
    );
    let mut row = report_row("the power goes", total, change_step(13));
    for change in (0..=total).step_by(change_step(13)) {
        let before = &trial.journal[..change];
        let acknowledged = trial.acknowledged_by(before.last().map_or(0, |record| record.end));
        let disk = Disk::after(before).expect("a journal");
        for crash in crashes(change) {
            let left = scratch();
            disk.after_crash(crash, left.path()).expect("made");
            row.record(
                format!("{crash:?} after change {change}"),
                checks::check_store(left.path(), &acknowledged).await,
            );
        }
    }
    danube_wasm_trials::conclude(row, 0);
}

#[tokio::test]
async fn acknowledged_writes_survive_death_after_any_change() {
    let total = Trial::run(None).journal.len();
    let mut row = report_row("kill -9", total, change_step(37));
    for last in (0..total).step_by(change_step(37)) {
        let trial = Trial::run(Some(Fault::Die { last: last as u64 }));
        // Threads run in any order, so the number of changes varies.
        let killed = trial.status.signal() == Some(Signal::SIGKILL as i32);
        assert!(killed || trial.output.contains("finished"), "{}", trial.output);
        row.record(
            format!("killed after change {last}"),
            checks::check_store(&trial.disk(), &trial.acknowledged()).await,
        );
    }
    danube_wasm_trials::conclude(row, 0);
}
