//! Any change fails, alone or with those after it, and works again later: the same process goes on, and what it
//! acknowledged survives the power.

use danube_wasm_faultdisk::{Change, Crash, Disk, Fault};
use nix::errno::Errno;

use super::{
    trial::{Trial, every, row, scratch},
    verdict,
    workload::BATCHES,
};

/// What goes wrong, and for how many changes.
const FAILURES: [(Errno, u64); 3] = [(Errno::ENOSPC, 1), (Errno::EIO, 1), (Errno::ENOSPC, 12)];

#[tokio::test]
async fn any_change_fails_and_so_do_some_after_it() {
    let total = Trial::run(None).journal.len();
    let mut row = row("a change fails", total, every(37));
    for first in (0..total).step_by(every(37)) {
        for (errno, count) in FAILURES {
            row.judge(
                format!("{errno} at change {first} and {} more", count - 1),
                fails(first as u64, count, errno).await,
            );
        }
    }
    danube_wasm_trials::conclude(row, 0);
}

async fn fails(first: u64, count: u64, errno: Errno) -> Result<(), String> {
    let trial = Trial::run(Some(Fault::Fail {
        first,
        count,
        errno: errno as i32,
    }));
    let all: Vec<u64> = (0..BATCHES).collect();
    if trial.acknowledged() != all {
        return Err(format!("only {:?} were done:\n{}", trial.acknowledged(), trial.output));
    }
    verdict::holds(&trial.disk(), &all).await?;
    survives(&trial).await
}

/// What was acknowledged is there if the power goes right after, at the end and at each sync that failed on the way.
async fn survives(trial: &Trial) -> Result<(), String> {
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
        let verdict = verdict::holds(left.path(), &acknowledged).await;
        verdict.map_err(|problem| format!("power lost after change {point}: {problem}"))?;
    }
    Ok(())
}

/// The state of the disk when the next batch was acknowledged.
fn acknowledged_after(trial: &Trial, change: usize) -> Option<usize> {
    let already = trial.acknowledged_by(trial.journal[change].end).len();
    let ends = trial.journal.iter().map(|record| record.end);
    ends.enumerate()
        .find(|(_, end)| trial.acknowledged_by(*end).len() > already)
        .map(|(place, _)| place + 1)
}
