//! The process under test, and the rows that it writes.

use std::{path::Path, time::Duration};

use danube_wasm_egress_surrealdb::SurrealEgress;
use danube_wasm_faultdisk::variable;
use danube_wasm_model::{
    door::{Egress as _, EgressError, Write},
    message::Operation::Upsert,
};
use serde_json::{Value, json};

use crate::common::{connections, insert, options, write};

/// The store's address, relative to the watched directory. Its parent directory is new, too.
pub(super) const STORE: &str = "surrealkv://data/store";

/// The number of batches, and after how many of them the store is closed and reopened.
pub(super) const BATCHES: u64 = 6;
const CLOSED_AFTER: u64 = 3;

/// Rows of a batch that are inserted.
pub(super) const ROWS: u64 = 3;

/// A deadline far above what any step takes.
const DEADLINE: Duration = Duration::from_secs(120);

pub(super) fn store(directory: &Path) -> std::sync::Arc<SurrealEgress> {
    connections().egress(options(STORE, directory))
}

/// Returns the text of a batch's rows: one is longer than a block of SurrealKV's log, one than the limit for its value
/// log.
pub(super) fn text(number: u64) -> String {
    let length = [10, 40_000, 5_000][(number % 3) as usize];
    format!("{number}").repeat(length / format!("{number}").len())
}

/// Returns new rows, and an upsert of one row that every batch writes.
pub(super) fn batch(number: u64) -> Vec<Write> {
    let body = json!({ "batch": number, "text": text(number) });
    (0..ROWS)
        .map(|row| insert("t", &format!("{number}.{row}"), &body))
        .chain([write(Upsert, "last", "one", number + 1, &json!({ "batch": number }))])
        .collect()
}

/// Not a test of its own: the watched process. Prints each acknowledged batch and the journal's length at that time.
#[test]
#[ignore = "the process of the other tests here"]
fn writes_batches() {
    let Ok(directory) = std::env::var(variable::DIRECTORY) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for numbers in [0..CLOSED_AFTER, CLOSED_AFTER..BATCHES] {
            let store = store(Path::new(&directory));
            for number in numbers.clone() {
                write_until_accepted(&store, &batch(number)).await;
                println!("\nacknowledged {number} {}", journal_length());
            }
            if numbers.end == CLOSED_AFTER {
                close(&store).await;
            }
        }
        println!("\nfinished");
    });
}

/// Writes as the pipeline does: retries after transient errors.
pub(super) async fn write_until_accepted(store: &SurrealEgress, writes: &[Write]) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        match store.write(writes).await {
            Ok(report) => {
                assert_eq!(report.refused, [], "a disk's failure is no record's fault");
                return;
            }
            Err(EgressError::Transient { message, .. }) => println!("\ntransient {message}"),
            Err(error) => panic!("not transient: {error:?}"),
        }
        assert!(tokio::time::Instant::now() < deadline, "it never recovers");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Closes a store; a transient error is allowed, because acknowledged rows are on disk anyway.
async fn close(store: &SurrealEgress) {
    match store.close().await {
        Ok(()) => {}
        Err(EgressError::Transient { message, .. }) => println!("\ntransient {message}"),
        Err(error) => panic!("not transient: {error:?}"),
    }
}

pub(super) fn journal_length() -> u64 {
    let journal = std::env::var(variable::JOURNAL).expect("a journal");
    std::fs::metadata(journal).expect("the journal").len()
}

/// Returns the batches that the process acknowledged, with the journal's length at that time.
pub(super) fn acknowledged(output: &str) -> Vec<(u64, u64)> {
    let numbers = |line: &str| -> Option<(u64, u64)> {
        let (number, length) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
        Some((number.parse().ok()?, length.parse().ok()?))
    };
    output.lines().filter_map(numbers).collect()
}

/// Returns a row as a query returns it.
pub(super) fn row(number: u64, row: u64) -> Value {
    json!({ "id": format!("{number}.{row}"), "batch": number, "text": text(number) })
}
