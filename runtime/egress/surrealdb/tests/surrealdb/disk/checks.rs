//! Checks that a store holds what was acknowledged, and that it can be written to.

use std::path::Path;

use danube_wasm_egress_surrealdb::SurrealEgress;
use danube_wasm_model::door::Egress as _;
use serde_json::Value;

use super::{
    trial::scratch,
    workload::{BATCHES, ROWS, batch, row, store, write_until_accepted},
};
use crate::common::copy;

/// The number of a new batch.
const NEXT: u64 = 1_000;

/// Checks a store that a crash has left, writes to it, and checks what a second crash would leave: a store may look
/// whole and yet append to a log that is never read again.
pub(super) async fn check_store(directory: &Path, acknowledged: &[u64]) -> Result<(), String> {
    let first = store(directory);
    check(&first, acknowledged).await?;
    write_until_accepted(&first, &batch(NEXT)).await;
    let killed = scratch();
    copy(directory, killed.path());
    first.close().await.map_err(|error| error.to_string())?;
    let second = store(killed.path());
    let all = [acknowledged, &[NEXT]].concat();
    check(&second, &all)
        .await
        .map_err(|problem| format!("after the second crash: {problem}"))?;
    second.close().await.map_err(|error| error.to_string())
}

async fn check(store: &SurrealEgress, acknowledged: &[u64]) -> Result<(), String> {
    let rows = read(store, "SELECT record::id(id) AS id, batch, text FROM t ORDER BY id").await?;
    let mut expected = Vec::new();
    for number in (0..BATCHES).chain([NEXT]) {
        let there = rows.iter().filter(|row| row["batch"] == number).count() as u64;
        if acknowledged.contains(&number) && there == 0 {
            return Err(format!("batch {number} was acknowledged and is lost"));
        }
        if there > 0 {
            expected.extend((0..ROWS).map(|place| row(number, place)));
        }
    }
    let has = |row: &Value| rows.contains(row);
    if rows.len() != expected.len() || !expected.iter().all(has) {
        let ids: Vec<_> = rows.iter().map(|row| row["id"].to_string()).collect();
        return Err(format!("half a batch, or a row that nobody wrote: {ids:?}"));
    }
    check_last(store, acknowledged).await
}

/// Checks that the row that every batch writes is of the last acknowledged batch, or of a later one that was in flight.
async fn check_last(store: &SurrealEgress, acknowledged: &[u64]) -> Result<(), String> {
    let last = read(store, "SELECT VALUE batch FROM last").await?;
    let newest = acknowledged.iter().max();
    match (&last[..], newest) {
        ([], None) => Ok(()),
        ([batch], newest) if batch.as_u64() >= newest.copied() => Ok(()),
        _ => Err(format!("the row of every batch is {last:?} after {newest:?}")),
    }
}

async fn read(store: &SurrealEgress, surql: &str) -> Result<Vec<Value>, String> {
    let answers = store.query(surql, false).await.map_err(|error| error.to_string())?;
    match &answers[..] {
        [Value::Array(rows)] => Ok(rows.clone()),
        // A table is created by its first row.
        [answer]
            if answer["error"]
                .as_str()
                .is_some_and(|error| error.contains("does not exist")) =>
        {
            Ok(Vec::new())
        }
        _ => Err(format!("{surql}: {answers:?}")),
    }
}
