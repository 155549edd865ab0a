//! What the process under test does, and the rows that it makes.

use std::{path::Path, time::Duration};

use danube_wasm_egress_surrealdb::SurrealEgress;
use danube_wasm_faultdisk::variable;
use danube_wasm_model::{
    door::{Egress as _, EgressError, Write},
    message::Operation::Upsert,
};
use serde_json::{Value, json};

use crate::common::{connections, insert, options, write};

/// Where the store is, seen from the watched directory: its parents are new, too.
pub(super) const STORE: &str = "surrealkv://data/store";

/// Batches, and after how many of them the store is closed and opened again.
pub(super) const BATCHES: u64 = 6;
const CLOSED_AFTER: u64 = 3;

/// Rows of a batch that are inserted.
pub(super) const ROWS: u64 = 3;

/// Longest that anything may take: far above what it does.
const DEADLINE: Duration = Duration::from_secs(120);

pub(super) fn store(directory: &Path) -> std::sync::Arc<SurrealEgress> {
    connections().egress(options(STORE, directory))
}

/// The text of a batch's rows: one is longer than a block of SurrealKV's log, one than what it keeps beside its tables.
pub(super) fn text(number: u64) -> String {
    let length = [10, 40_000, 5_000][(number % 3) as usize];
    format!("{number}").repeat(length / format!("{number}").len())
}

/// New rows, and one that every batch writes, with its order.
pub(super) fn batch(number: u64) -> Vec<Write> {
    let body = json!({ "batch": number, "text": text(number) });
    (0..ROWS)
        .map(|row| insert("t", &format!("{number}.{row}"), &body))
        .chain([write(Upsert, "last", "one", number + 1, &json!({ "batch": number }))])
        .collect()
}

/// Not a test of its own: the process that is watched. It says what was acknowledged, and how long the journal was then.
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
                insist(&store, &batch(number)).await;
                println!("\nacknowledged {number} {}", journal_length());
            }
            if numbers.end == CLOSED_AFTER {
                close(&store).await;
            }
        }
        println!("\nfinished");
    });
}

/// Writes as the pipeline does: again and again, for as long as it is only not possible now.
pub(super) async fn insist(store: &SurrealEgress, writes: &[Write]) {
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

/// A store that cannot close says so. Nothing of it is needed: what was acknowledged is on disk.
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

/// What the process said was done: the batch and the length of the journal then.
pub(super) fn acknowledged(output: &str) -> Vec<(u64, u64)> {
    let numbers = |line: &str| -> Option<(u64, u64)> {
        let (number, length) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
        Some((number.parse().ok()?, length.parse().ok()?))
    };
    output.lines().filter_map(numbers).collect()
}

/// A row as it is read back.
pub(super) fn row(number: u64, row: u64) -> Value {
    json!({ "id": format!("{number}.{row}"), "batch": number, "text": text(number) })
}
