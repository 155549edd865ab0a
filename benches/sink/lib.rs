//! The rows that both sides of the benchmark write, and the look at whether they did, by the `surrealdb` crate alone.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use surrealdb::{
    Surreal,
    engine::any::{Any, connect},
    types::RecordId,
};

/// Table that is written.
pub const TABLE: &str = "payments";
/// Namespace and database that it is in.
pub const NAMESPACE: &str = "bench";

/// Most rows in one statement, on both sides.
pub const BATCH: usize = 500;

/// Threads that the database runs on, on both sides, each with a stack as SurrealDB's manual asks for.
pub const THREADS: usize = 2;
/// Stack of each, in bytes.
pub const STACK_BYTES: usize = 16 << 20;

/// Id of the record that row `i` comes from, in the form that the runtime gives to ids.
pub fn record_id(i: usize) -> String {
    format!("bench/load/in:evt_{i:010}.0")
}

/// Id of row `i`: that of the first write of its record.
pub fn row_id(i: usize) -> String {
    format!("{}.0", record_id(i))
}

/// The document of row `i`, as JSON text.
pub fn document(i: usize) -> String {
    format!(
        r#"{{"event":"payment.succeeded","amount":{i},"currency":"USD","timestamp":1764000000,"customer_id":"cus_{:06}"}}"#,
        i % 5000
    )
}

/// Update `i` of so many documents, as JSON text; [`updated_id`] has its id.
pub fn update(i: usize, ids: usize) -> String {
    format!(
        r#"{{"event":"payment.succeeded","amount":{i},"currency":"USD","timestamp":1764000000,"customer_id":"{}"}}"#,
        updated_id(i, ids)
    )
}

/// Id of the document that update `i` of so many is of.
pub fn updated_id(i: usize, ids: usize) -> String {
    format!("cus_{:06}", i % ids)
}

/// An embedded store in a directory; every commit is synced.
pub async fn open(directory: &Path) -> Result<Surreal<Any>> {
    let database = connect(format!("surrealkv://{}?sync=every", directory.display())).await?;
    database.use_ns(NAMESPACE).use_db(NAMESPACE).await?;
    Ok(database)
}

/// That these rows are there, each once, under their ids, and no others.
pub async fn verify(database: &Surreal<Any>, rows: usize) -> Result<()> {
    let of_all = |what: &str| format!("SELECT {what} AS n FROM {TABLE} GROUP ALL");
    let mut answer = database
        .query(of_all("count()"))
        .query(of_all("math::sum(amount)"))
        .await?
        .check()?;
    let totals: (Option<i64>, Option<i64>) = (answer.take((0, "n"))?, answer.take((1, "n"))?);
    let n = i64::try_from(rows).context("too many rows")?;
    // Amounts are the numbers of the rows, so two rows that stand in for one another show in their sum.
    ensure!(
        totals == (Some(n), Some(n * (n - 1) / 2)),
        "{rows} rows were owed; count and sum are {totals:?}"
    );
    for i in [0, rows / 2, rows - 1] {
        is_amount(database, row_id(i), i).await?;
    }
    Ok(())
}

/// That each of so many documents is there, with the last of its updates.
pub async fn verify_updates(database: &Surreal<Any>, updates: usize, ids: usize) -> Result<()> {
    let ids = ids.min(updates);
    let mut answer = database
        .query(format!("SELECT count() AS n FROM {TABLE} GROUP ALL"))
        .await?
        .check()?;
    let n: Option<i64> = answer.take((0, "n"))?;
    ensure!(
        n == Some(i64::try_from(ids)?),
        "{ids} documents were owed; there are {n:?}"
    );
    for i in [updates - ids, updates - ids / 2 - 1, updates - 1] {
        is_amount(database, updated_id(i, ids), i).await?;
    }
    Ok(())
}

async fn is_amount(database: &Surreal<Any>, id: String, i: usize) -> Result<()> {
    let record = RecordId::new(TABLE, id);
    let mut answer = database
        .query("SELECT VALUE amount FROM $id")
        .bind(("id", record))
        .await?
        .check()?;
    let amounts: Vec<i64> = answer.take(0)?;
    let expected = i64::try_from(i).context("few rows")?;
    ensure!(amounts == [expected], "row {i} has {amounts:?}");
    Ok(())
}
