//! The power goes, or the process dies, after any change.

use danube_wasm_faultdisk::{Crash, Disk, Fault};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt as _;

use super::{
    trial::{Trial, every, row, scratch},
    verdict,
};

/// Ways to lose what was not synced. Seeds are of the change, so that a failure can be tried again.
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
async fn the_power_goes_after_any_change() {
    let trial = Trial::run(None);
    assert!(trial.output.contains("finished"), "{}", trial.output);
    let (disk, total) = (Disk::after(&trial.journal).expect("a journal"), trial.journal.len());
    assert_eq!(
        disk.differs_from(&trial.disk()).expect("read"),
        None,
        "something went past the journal"
    );
    let mut row = row("the power goes", total, every(13));
    for change in (0..=total).step_by(every(13)) {
        let before = &trial.journal[..change];
        let acknowledged = trial.acknowledged_by(before.last().map_or(0, |record| record.end));
        let disk = Disk::after(before).expect("a journal");
        for crash in crashes(change) {
            let left = scratch();
            disk.after_crash(crash, left.path()).expect("made");
            row.judge(
                format!("{crash:?} after change {change}"),
                verdict::holds(left.path(), &acknowledged).await,
            );
        }
    }
    danube_wasm_trials::conclude(row, 0);
}

#[tokio::test]
async fn the_process_dies_after_any_change() {
    let total = Trial::run(None).journal.len();
    let mut row = row("kill -9", total, every(37));
    for last in (0..total).step_by(every(37)) {
        let trial = Trial::run(Some(Fault::Die { last: last as u64 }));
        // The order of what threads do varies, and with it the number of changes.
        let killed = trial.status.signal() == Some(Signal::SIGKILL as i32);
        assert!(killed || trial.output.contains("finished"), "{}", trial.output);
        row.judge(
            format!("killed after change {last}"),
            verdict::holds(&trial.disk(), &trial.acknowledged()).await,
        );
    }
    danube_wasm_trials::conclude(row, 0);
}
