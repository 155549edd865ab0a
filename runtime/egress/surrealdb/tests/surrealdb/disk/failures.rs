//! Any change of the disk fails, alone or with those after it, and works again later: the same process continues, and
//! its acknowledged writes survive a loss of power.

use danube_wasm_faultdisk::{Change, Crash, Disk, Fault};
use nix::errno::Errno;

use super::{
    checks,
    trial::{Trial, change_step, report_row, scratch},
    workload::BATCHES,
};

/// The error, and how many changes fail with it.
const FAILURES: [(Errno, u64); 3] = [(Errno::ENOSPC, 1), (Errno::EIO, 1), (Errno::ENOSPC, 12)];

#[tokio::test]
async fn acknowledged_writes_survive_any_failing_change() {
    let total = Trial::run(None).journal.len();
    let mut row = report_row("a change fails", total, change_step(37));
    for first in (0..total).step_by(change_step(37)) {
        for (errno, count) in FAILURES {
            row.record(
                format!("{errno} at change {first} and {} more", count - 1),
                run_with_failures(first as u64, count, errno).await,
            );
        }
    }
    danube_wasm_trials::conclude(row, 0);
}

async fn run_with_failures(first: u64, count: u64, errno: Errno) -> Result<(), String> {
    let trial = Trial::run(Some(Fault::Fail {
        first,
        count,
        errno: errno as i32,
    }));
    let all: Vec<u64> = (0..BATCHES).collect();
    if trial.acknowledged() != all {
        return Err(format!("only {:?} were done:\n{}", trial.acknowledged(), trial.output));
    }
    checks::check_store(&trial.disk(), &all).await?;
    check_after_power_loss(&trial).await
}

/// Checks that acknowledged writes survive a loss of power at the end and at each sync that failed before.
async fn check_after_power_loss(trial: &Trial) -> Result<(), String> {
    let failed_sync =
        |record: &danube_wasm_faultdisk::Record| record.errno != 0 && matches!(record.change, Change::Sync { .. });
    let after_sync = trial.journal.iter().position(failed_sync);
    let mut points: Vec<usize> = after_sync
        .iter()
        .flat_map(|failed| acknowledged_after(trial, *failed))
        .collect();
    points.push(trial.journal.len());
    for point in points {
        let before = &trial.journal[..point];
        let disk = Disk::after(before)?;
        let left = scratch();
        disk.after_crash(Crash::PowerAndCache, left.path())
            .map_err(|error| error.to_string())?;
        let acknowledged = trial.acknowledged_by(before.last().map_or(0, |record| record.end));
        let checked = checks::check_store(left.path(), &acknowledged).await;
        checked.map_err(|problem| format!("power lost after change {point}: {problem}"))?;
    }
    Ok(())
}

/// Returns the number of changes of the disk when the next batch was acknowledged.
fn acknowledged_after(trial: &Trial, change: usize) -> Option<usize> {
    let already = trial.acknowledged_by(trial.journal[change].end).len();
    let ends = trial.journal.iter().map(|record| record.end);
    ends.enumerate()
        .find(|(_, end)| trial.acknowledged_by(*end).len() > already)
        .map(|(place, _)| place + 1)
}
