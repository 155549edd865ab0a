//! The bare side: the `surrealdb` crate. None of our crates but for how processes talk.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context as _, Result};
use danube_wasm_bench_sink::{BATCH, TABLE, document, open, row_id, update, verify, verify_updates};
use danube_wasm_benches::child::own_cpu;
use surrealdb::types::{Array, Object, RecordId, SurrealValue as _, Value};

/// First argument of this process.
pub(crate) const ROLE: &str = "direct";
/// The same, with values that are ready.
pub(crate) const ROLE_READY: &str = "direct-ready";

/// Of this process: updates of few documents, and how many those are.
pub(crate) const ROLE_UPDATES: &str = "direct-updates";

/// Whole documents, whether they are there or not.
const UPSERT: &str = "FOR $row IN $rows { UPSERT $row.id CONTENT $row RETURN NONE }";

const INSERT: &str = "INSERT $rows RETURN NONE";

/// Writes so many rows.
pub(crate) async fn run(rows: usize, ready: bool) -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let database = open(directory.path()).await?;
    let documents: Vec<(String, String)> = (0..rows).map(|i| (row_id(i), document(i))).collect();
    let mut read_before = Vec::new();
    if ready {
        for batch in documents.chunks(BATCH) {
            read_before.push(values(batch)?);
        }
    }

    let (started, cpu) = (Instant::now(), own_cpu()?);
    let mut read_before = read_before.into_iter();
    for batch in documents.chunks(BATCH) {
        let values = if ready {
            read_before.next().context("a batch")?
        } else {
            values(batch)?
        };
        let variables = Object::from_iter([("rows".to_owned(), Value::Array(values))]);
        database.query(INSERT).bind(variables).await?.check()?;
    }
    let (elapsed, cpu) = (started.elapsed(), own_cpu()? - cpu);

    verify(&database, rows).await?;
    println!(
        "rows={rows} seconds={} cpu_seconds={}",
        elapsed.as_secs_f64(),
        cpu.as_secs_f64()
    );
    Ok(())
}

/// Writes so many updates of so many documents: of each batch, the last of each document.
pub(crate) async fn run_updates(updates: usize, ids: usize) -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let database = open(directory.path()).await?;
    let documents: Vec<String> = (0..updates).map(|i| update(i, ids)).collect();

    let (started, cpu) = (Instant::now(), own_cpu()?);
    for batch in documents.chunks(BATCH) {
        let mut last = BTreeMap::new();
        for json in batch {
            let document: serde_json::Value = serde_json::from_str(json)?;
            let id = document["customer_id"].as_str().context("an id")?.to_owned();
            let Value::Object(mut row) = document.into_value() else {
                anyhow::bail!("not an object: {json}")
            };
            row.insert("id", RecordId::new(TABLE, id.clone()));
            last.insert(id, Value::Object(row));
        }
        let rows = Array::from(last.into_values().collect::<Vec<_>>());
        let variables = Object::from_iter([("rows".to_owned(), Value::Array(rows))]);
        database.query(UPSERT).bind(variables).await?.check()?;
    }
    let (elapsed, cpu) = (started.elapsed(), own_cpu()? - cpu);

    verify_updates(&database, updates, ids).await?;
    println!(
        "rows={updates} seconds={} cpu_seconds={}",
        elapsed.as_secs_f64(),
        cpu.as_secs_f64()
    );
    Ok(())
}

fn values(batch: &[(String, String)]) -> Result<Array> {
    let row = |(id, json): &(String, String)| {
        let document: serde_json::Value = serde_json::from_str(json)?;
        let Value::Object(mut row) = document.into_value() else {
            anyhow::bail!("not an object: {json}")
        };
        row.insert("id", RecordId::new(TABLE, id.clone()));
        Ok(Value::Object(row))
    };
    let rows: Vec<Value> = batch.iter().map(row).collect::<Result<_>>()?;
    Ok(Array::from(rows))
}
