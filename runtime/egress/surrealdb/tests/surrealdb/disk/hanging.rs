//! A sync that hangs and then fails. The batch is retried meanwhile and finds its rows there, which is not yet a
//! reason to acknowledge it.

use std::{fs::File, path::Path, time::Duration};

use danube_wasm_egress_surrealdb::SurrealOptions;
use danube_wasm_faultdisk::{Crash, Disk, Fault, variable};
use danube_wasm_model::{
    door::{Egress as _, EgressError, Write},
    message::Operation,
};
use danube_wasm_trials::Row;
use nix::errno::Errno;

use super::{
    checks,
    trial::{Trial, scratch},
    workload::{STORE, batch, journal_length, write_until_accepted},
};
use crate::common::{connections, options};

const NUMBERS: std::ops::Range<u64> = 0..3;

/// Attempts that meet the hanging sync.
const ATTEMPTS: u32 = 2;

/// Returns inserts and the upsert separately: only inserts are found done without another write, which would wait for
/// the sync.
fn inserts_and_row_of_all(number: u64) -> (Vec<Write>, Vec<Write>) {
    batch(number)
        .into_iter()
        .partition(|write| write.operation == Operation::Insert)
}

/// Not a test of its own: the watched process. Its statements time out quickly.
#[test]
#[ignore = "the process of the other test here"]
fn writes_again_while_a_sync_hangs() {
    let Ok(directory) = std::env::var(variable::DIRECTORY) else {
        return;
    };
    let release = Fault::released_by(Path::new(&std::env::var(variable::JOURNAL).expect("a journal")));
    let options = SurrealOptions {
        request_timeout: Duration::from_millis(300),
        ..options(STORE, Path::new(&directory))
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = connections().egress(options);
        let (_, row_of_all) = inserts_and_row_of_all(NUMBERS.end - 1);
        write_until_accepted(&store, &row_of_all).await;
        for number in NUMBERS {
            let (inserts, _) = inserts_and_row_of_all(number);
            let mut failed = 0;
            while let Err(error) = store.write(&inserts).await {
                assert!(matches!(error, EgressError::Transient { .. }), "{error:?}");
                println!("\ntransient {error}");
                failed += 1;
                if failed == ATTEMPTS {
                    File::create(&release).expect("releases");
                }
                assert!(failed < 1_000, "it never recovers");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            println!("\nacknowledged {number} {}", journal_length());
        }
        // A process that acknowledged too early did not wait for this sync.
        File::create(&release).expect("releases");
        println!("\nfinished");
    });
}

#[tokio::test]
async fn rows_of_an_earlier_attempt_are_acknowledged_only_once_durable() {
    const PROCESS: &str = "disk::hanging::writes_again_while_a_sync_hangs";
    let calm = Trial::run_as(PROCESS, None);
    let first = calm.acknowledged_until(0).expect("batch 0 was done");
    let hang = Fault::Hang {
        from: first as u64 + 1,
        errno: Errno::EIO as i32,
    };
    let trial = Trial::run_as(PROCESS, Some(hang));
    assert!(trial.output.contains("finished"), "{}", trial.output);
    assert!(trial.output.contains("transient"), "nothing hung");
    let mut row = Row::new("SurrealKV: a sync hangs, then fails");
    for number in NUMBERS {
        let point = trial.acknowledged_until(number).expect("acknowledged");
        let before = &trial.journal[..point];
        let left = scratch();
        let disk = Disk::after(before).expect("a journal");
        disk.after_crash(Crash::PowerAndCache, left.path()).expect("made");
        let acknowledged = trial.acknowledged_by(before.last().map_or(0, |record| record.end));
        let checked = checks::check_store(left.path(), &acknowledged).await;
        row.record(
            format!("power lost after batch {number}"),
            checked.map_err(|problem| format!("{problem}\n{}", trial.output)),
        );
    }
    danube_wasm_trials::conclude(row, 0);
}
