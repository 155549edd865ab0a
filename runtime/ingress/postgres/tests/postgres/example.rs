//! The example's files against a server, but for the component.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    server::Postgres,
    source::{PostgresProcess as _, Process, example, new_log},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_the_outbox_are_records() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/postgres-outbox");
    let statements = std::fs::read_to_string(folder.join("shop.sql")).expect("its statements");
    // The role is there already.
    postgres.sql(&statements.replace("CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret';", ""));
    let url = format!("postgres://127.0.0.1:{}/shop", postgres.port);
    let config = example(
        &folder.join("pipeline.toml"),
        &[("PG_URL", &url), ("PGPASSWORD", "secret")],
    );
    let log = new_log();
    let process = Process::start_with(&log, config).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO outbox (kind, body) VALUES ('order-paid', '{\"order\": 1}'); DELETE FROM outbox");
    let records = log.records_of("/shop/outbox", 2).await;
    let rows: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(&record.text).expect("JSON"))
        .collect();
    assert_eq!(
        rows[0],
        json!({"id": 1, "kind": "order-placed", "body": {"order": 1, "total": "19.90"}})
    );
    assert_eq!(rows[1], json!({"id": 2, "kind": "order-paid", "body": {"order": 1}}));
    process.stop().await;
}
