//! The power goes, or the process dies, after any change.

use danube_wasm_faultdisk::{Crash, Disk, Fault};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt as _;

use super::{
    trial::{Trial, every, report, scratch},
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
    let (mut trials, mut failures) = (0, Vec::new());
    for change in (0..=total).step_by(every(13)) {
        let before = &trial.journal[..change];
        let acknowledged = trial.acknowledged_by(before.last().map_or(0, |record| record.end));
        let disk = Disk::after(before).expect("a journal");
        for crash in crashes(change) {
            let left = scratch();
            disk.after_crash(crash, left.path()).expect("made");
            trials += 1;
            if let Err(problem) = verdict::holds(left.path(), &acknowledged).await {
                failures.push(format!("{crash:?} after change {change}: {problem}"));
            }
        }
    }
    report("the power goes", trials, &failures, total, every(13));
}

#[tokio::test]
async fn the_process_dies_after_any_change() {
    let total = Trial::run(None).journal.len();
    let (mut trials, mut failures) = (0, Vec::new());
    for last in (0..total).step_by(every(37)) {
        let trial = Trial::run(Some(Fault::Die { last: last as u64 }));
        // The order of what threads do varies, and with it the number of changes.
        let killed = trial.status.signal() == Some(Signal::SIGKILL as i32);
        assert!(killed || trial.output.contains("finished"), "{}", trial.output);
        trials += 1;
        if let Err(problem) = verdict::holds(&trial.disk(), &trial.acknowledged()).await {
            failures.push(format!("killed after change {last}: {problem}"));
        }
    }
    report("kill -9", trials, &failures, total, every(37));
}
