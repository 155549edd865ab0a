//! Write rate compared with the `surrealdb` crate's own bulk insert of the same rows. Run by hand:
//! `cargo test -p danube-wasm-egress-surrealdb --test surrealdb rate -- --ignored --nocapture`.

use std::time::Instant;

use danube_wasm_model::door::Egress as _;
use danube_wasm_model::{RecordId as RecordIdOf, clock::RECORD_ORDER_MIN, door::Write, message::Operation::Upsert};
use serde_json::json;
use surrealdb::types::{Array, Object, RecordId, Value};

use crate::common::{disk, insert, memory, write, write_all};

const ROWS: usize = 500;
const BATCHES: usize = 20;

fn row(i: usize) -> serde_json::Value {
    json!({"event": "payment.succeeded", "amount": i, "currency": "EUR", "customer": format!("cus_{i}"), "live": true})
}

fn id(batch: usize, i: usize) -> String {
    format!("stripe/webhook:evt_{batch:06}_{i:06}.0.0")
}

async fn direct(endpoint: &str) -> f64 {
    let db = surrealdb::engine::any::connect(endpoint).await.expect("connects");
    db.use_ns("rate").use_db("rate").await.expect("selects");
    let batches: Vec<Vec<Value>> = (0..BATCHES)
        .map(|batch| {
            let row = |i| {
                let mut object = Object::new();
                object.insert("event", "payment.succeeded".to_owned());
                object.insert("amount", i as i64);
                object.insert("currency", "EUR".to_owned());
                object.insert("customer", format!("cus_{i}"));
                object.insert("live", true);
                object.insert("id", RecordId::new("t", id(batch, i)));
                Value::Object(object)
            };
            (0..ROWS).map(row).collect()
        })
        .collect();
    let start = Instant::now();
    for rows in batches {
        let variables = Object::from_iter([("rows".to_owned(), Array::from(rows))]);
        let answer = db
            .query("INSERT $rows RETURN NONE")
            .bind(variables)
            .await
            .expect("answers");
        answer.check().expect("inserts");
    }
    (ROWS * BATCHES) as f64 / start.elapsed().as_secs_f64()
}

async fn ours(db: &danube_wasm_egress_surrealdb::SurrealEgress, make: impl Fn(usize, usize) -> Write) -> f64 {
    let batches: Vec<Vec<Write>> = (0..BATCHES)
        .map(|batch| (0..ROWS).map(|i| make(batch, i)).collect())
        .collect();
    write_all(db, &[insert("warm", "up", &json!({}))]).await;
    let start = Instant::now();
    for batch in &batches {
        assert_eq!(write_all(db, batch).await.refused, []);
    }
    (ROWS * BATCHES) as f64 / start.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn rows_per_second() {
    let directory = tempfile::tempdir().expect("a directory");
    let plain = |batch, i| insert("t", &id(batch, i), &row(i));
    let upsert = |batch, i| write(Upsert, "u", &id(batch, i), 7, &row(i));
    for round in 0..2 {
        let memory = memory();
        println!("mem  direct {:8.0}", direct("mem://").await);
        println!("mem  insert {:8.0}", ours(&memory, plain).await);
        println!("mem  upsert {:8.0}", ours(&memory, upsert).await);
        let base = directory.path().join(round.to_string());
        for sync in ["every", "never"] {
            let path = base.join(format!("direct-{sync}"));
            let endpoint = format!("surrealkv://{}?sync={sync}", path.display());
            println!("disk direct {:8.0} (sync={sync})", direct(&endpoint).await);
        }
        let disk = disk(&base);
        println!("disk insert {:8.0}", ours(&disk, plain).await);
        println!("disk upsert {:8.0}", ours(&disk, upsert).await);
        println!("disk again  {:8.0}", ours(&disk, plain).await);
        disk.close().await.expect("closes");
    }
}

/// Returns an update of one of `ids` documents, each with an order of its own.
fn update(i: usize, ids: usize) -> Write {
    Write {
        record: Some(RecordIdOf::from_broker(format!("stripe/webhook:evt_{i:09}.0"))),
        ..write(
            Upsert,
            "t",
            &format!("cus_{:06}", i % ids),
            RECORD_ORDER_MIN + 1 + i as u64,
            &row(i),
        )
    }
}

/// Reduces each batch to the last update of each document and writes those.
async fn direct_updates(endpoint: &str, ids: usize) -> f64 {
    let db = surrealdb::engine::any::connect(endpoint).await.expect("connects");
    db.use_ns("rate").use_db("rate").await.expect("selects");
    let start = Instant::now();
    for batch in 0..BATCHES {
        let last: std::collections::BTreeMap<usize, usize> =
            (batch * ROWS..(batch + 1) * ROWS).map(|i| (i % ids, i)).collect();
        let rows: Vec<Value> = last
            .into_values()
            .map(|i| {
                let mut object = Object::new();
                object.insert("event", "payment.succeeded".to_owned());
                object.insert("amount", i as i64);
                object.insert("currency", "EUR".to_owned());
                object.insert("customer", format!("cus_{i}"));
                object.insert("live", true);
                object.insert("id", RecordId::new("t", format!("cus_{:06}", i % ids)));
                Value::Object(object)
            })
            .collect();
        let variables = Object::from_iter([("rows".to_owned(), Array::from(rows))]);
        let answer = db
            .query("FOR $row IN $rows { UPSERT $row.id CONTENT $row RETURN NONE }")
            .bind(variables)
            .await
            .expect("answers");
        answer.check().expect("upserts");
    }
    (ROWS * BATCHES) as f64 / start.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn updates_per_second() {
    let directory = tempfile::tempdir().expect("a directory");
    for ids in [10_000, 100, 1] {
        let path = directory.path().join(format!("direct-{ids}"));
        let direct = direct_updates(&format!("surrealkv://{}?sync=every", path.display()), ids).await;
        let base = directory.path().join(format!("ours-{ids}"));
        let db = disk(&base);
        let ours = ours(&db, |batch, i| update(batch * ROWS + i, ids)).await;
        db.close().await.expect("closes");
        println!(
            "{ids:6} ids: direct {direct:8.0}, ours {ours:8.0}, {:3.0} %",
            100.0 * ours / direct
        );
    }
}
