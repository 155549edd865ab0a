//! What the changes of tables are, as records.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{
    server::Postgres,
    source::{Change as _, Log, PostgresProcess as _, Process, Record, TOPIC, new_log, table, texts_once},
};

/// A server with these tables, and a source that reads their changes.
async fn reading(statements: &str, tables: &[&str], more: &str) -> Option<(Postgres, Log, Process)> {
    let postgres = Postgres::start("").await?;
    postgres.sql(&format!(
        "{statements}; CREATE PUBLICATION danube FOR ALL TABLES WITH (publish_via_partition_root = true)"
    ));
    let log = new_log();
    let more = format!("snapshot = \"never\"\n{more}");
    let process = Process::start(&log, &table(postgres.port, tables, &more)).await;
    process.streaming(1).await;
    Some((postgres, log, process))
}

fn ops(records: &[Record]) -> Vec<&str> {
    records.iter().map(Record::op).collect()
}

fn json_of(record: &Record) -> Value {
    serde_json::from_str(&record.text).unwrap_or_else(|error| panic!("{}: {error}", record.text))
}

/// A large value that was not changed is not sent, and is not NULL: redpanda-data/connect#3106, bruin-data/ingestr#706.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_that_was_not_changed_is_left_out_and_named() {
    let tables = "CREATE TABLE docs (id int PRIMARY KEY, body text, \"Body 2\" text, n int); \
        ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER \"Body 2\" SET STORAGE EXTERNAL";
    let Some((postgres, log, process)) = reading(tables, &["docs"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO docs VALUES (1, repeat('x', 9000), repeat('y', 9000), 1); UPDATE docs SET n = 2");
    let records = log.records(2).await;
    assert_eq!(ops(&records), ["insert", "update"]);
    assert_eq!(records[0].attribute("change.unchanged"), "");
    assert_eq!(records[1].text, r#"{"id":1,"n":2}"#);
    assert_eq!(records[1].attribute("change.unchanged"), "body,Body 2");
    // The whole old row has them.
    postgres.sql("ALTER TABLE docs REPLICA IDENTITY FULL; UPDATE docs SET n = 3");
    let records = log.records(3).await;
    let row = json_of(&records[2]);
    assert_eq!(row["n"], json!(3));
    assert_eq!(row["body"], json!("x".repeat(9000)));
    assert_eq!(records[2].attribute("change.unchanged"), "");
    assert_eq!(records[2].key, "[1]", "the primary key, not the whole row");
    process.stop().await;
}

/// What the server writes as NULL in an old key means nothing: xtdb/xtdb#5542.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_key_is_a_delete_of_the_old_and_the_row_under_the_new() {
    let tables = "CREATE TABLE orders (id int, part text, note text, PRIMARY KEY (id, part))";
    let Some((postgres, log, process)) = reading(tables, &["orders"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO orders VALUES (1, 'a', 'n'); UPDATE orders SET id = 2; DELETE FROM orders");
    let records = log.records(4).await;
    assert_eq!(ops(&records), ["insert", "delete", "update", "delete"]);
    let texts: Vec<_> = records.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"id":1,"part":"a","note":"n"}"#,
            r#"{"id":1,"part":"a"}"#,
            r#"{"id":2,"part":"a","note":"n"}"#,
            r#"{"id":2,"part":"a"}"#
        ]
    );
    assert_eq!(records[1].key, r#"[1,"a"]"#);
    assert_eq!(records[2].key, r#"[2,"a"]"#);
    assert_eq!(records[1].attribute("change.key-changed"), "true");
    assert_eq!(records[2].attribute("change.old-key"), r#"[1,"a"]"#);
    assert_eq!(records[3].attribute("change.key-changed"), "");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_the_whole_row_as_identity_names_changed_keys_and_deletes_whole_rows() {
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, note text); ALTER TABLE orders REPLICA IDENTITY FULL; \
        CREATE TABLE lines (a int, b int); ALTER TABLE lines REPLICA IDENTITY FULL";
    let Some((postgres, log, process)) = reading(tables, &["orders", "lines"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO orders VALUES (1, 'n'); UPDATE orders SET id = 2; DELETE FROM orders");
    let records = log.records(4).await;
    assert_eq!(ops(&records), ["insert", "delete", "update", "delete"]);
    assert_eq!(records[3].text, r#"{"id":2,"note":"n"}"#);
    // Without a key there is none.
    postgres.sql("INSERT INTO lines VALUES (1, 2); UPDATE lines SET b = 3");
    let records = log.records(6).await;
    assert_eq!(ops(&records[4..]), ["insert", "update"]);
    assert_eq!(records[5].key, "");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_is_an_event_of_each_table() {
    let tables =
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)";
    let Some((postgres, log, process)) = reading(tables, &["a", "b"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO a VALUES (1); TRUNCATE a, b, c; INSERT INTO b VALUES (1)");
    let records = log.records(4).await;
    assert_eq!(ops(&records), ["insert", "truncate", "truncate", "insert"]);
    let mut truncated: Vec<_> = records[1..3]
        .iter()
        .map(|record| record.attribute("pg.table"))
        .collect();
    truncated.sort_unstable();
    assert_eq!(truncated, ["a", "b"]);
    assert_eq!(records[1].text, "{}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_is_not_there() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY)";
    let Some((postgres, log, process)) = reading(tables, &["a"], "").await else {
        return;
    };
    postgres.sql("BEGIN; INSERT INTO a VALUES (1); ROLLBACK");
    postgres.sql("BEGIN; INSERT INTO a VALUES (2); SAVEPOINT s; INSERT INTO a VALUES (3); ROLLBACK TO s; INSERT INTO a VALUES (4); COMMIT");
    assert_eq!(texts_once(&log.records(2).await), [r#"{"id":2}"#, r#"{"id":4}"#]);
    process.stop().await;
}

/// Rows of one COPY have one place in the log.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_copied_in_one_go_are_events_of_their_own() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY)";
    let Some((postgres, log, process)) = reading(tables, &["a"], "").await else {
        return;
    };
    postgres.sql("COPY a FROM stdin;\n1\n2\n3\n4\n\\.\n");
    let records = log.records(4).await;
    let places: HashSet<_> = records.iter().map(|record| record.attribute("pg.lsn")).collect();
    let ids: HashSet<_> = records.iter().map(|record| &record.id).collect();
    assert_eq!((places.len(), ids.len()), (1, 4));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_table_shows_in_the_next_row_and_in_its_version() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY, n int)";
    let Some((postgres, log, process)) = reading(tables, &["a"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO a VALUES (1, 1)");
    postgres.sql("CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE a ADD m mood[] DEFAULT '{sad}', DROP n");
    postgres.sql("INSERT INTO a VALUES (2)");
    postgres.sql("ALTER TABLE a ALTER m TYPE text USING m[1]");
    postgres.sql("INSERT INTO a VALUES (3)");
    let records = log.records(3).await;
    let texts: Vec<_> = records.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"id":1,"n":1}"#,
            r#"{"id":2,"m":["sad"]}"#,
            r#"{"id":3,"m":"{sad}"}"#
        ]
    );
    let versions: HashSet<_> = records
        .iter()
        .map(|record| record.attribute("pg.schema-version"))
        .collect();
    assert_eq!(versions.len(), 3);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_with_their_prefix_in_and_out_of_transactions() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY)";
    let more = format!("messages = [{{ prefix = \"outbox\", danube_topic = \"{TOPIC}\" }}]");
    let Some((postgres, log, process)) = reading(tables, &["a"], &more).await else {
        return;
    };
    postgres.sql("SELECT pg_logical_emit_message(false, 'outbox', 'now')");
    postgres.sql("SELECT pg_logical_emit_message(true, 'other', 'x')");
    postgres.sql("BEGIN; INSERT INTO a VALUES (1); SELECT pg_logical_emit_message(true, 'outbox', 'in it'); COMMIT");
    postgres.sql("BEGIN; SELECT pg_logical_emit_message(true, 'outbox', 'never'); ROLLBACK");
    postgres.sql("INSERT INTO a VALUES (2)");
    let records = log.records(4).await;
    assert_eq!(texts_once(&records), ["now", r#"{"id":1}"#, "in it", r#"{"id":2}"#]);
    assert_eq!(ops(&records), ["message", "insert", "message", "insert"]);
    assert_eq!(records[0].attribute("pg.prefix"), "outbox");
    assert_eq!(records[0].attribute("pg.xid"), "");
    assert_ne!(records[2].attribute("pg.xid"), "");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_partitions_come_under_the_name_of_their_root() {
    let tables = "CREATE TABLE m (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); \
        CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2024-02-01'); \
        CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')";
    let Some((postgres, log, process)) = reading(tables, &["m"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO m VALUES (1, '2024-01-05'), (2, '2024-02-05')");
    // From one partition to the other it is a delete and an insert.
    postgres.sql("UPDATE m SET day = '2024-02-06' WHERE id = 1");
    let records = log.records(4).await;
    assert!(
        records.iter().all(|record| record.attribute("pg.table") == "m"),
        "{records:#?}"
    );
    assert_eq!(ops(&records), ["insert", "insert", "delete", "insert"]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_published_and_not_configured_are_passed_over_and_counted() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)";
    let Some((postgres, log, process)) = reading(tables, &["a"], "").await else {
        return;
    };
    postgres.sql("INSERT INTO other VALUES (1), (2); INSERT INTO a VALUES (1)");
    assert_eq!(texts_once(&log.records(1).await), [r#"{"id":1}"#]);
    assert_eq!(
        process.sum("danube_wasm_postgres_changes_left_out_total", "unrouted"),
        2
    );
    process.stop().await;
}

/// One transaction of more rows than fit, which is not collected: spiceai/spiceai#11616.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_whole_and_in_order() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY, filler text)";
    let Some((postgres, log, process)) = reading(tables, &["a"], "").await else {
        return;
    };
    const ROWS: usize = 40_000;
    postgres.sql(&format!(
        "INSERT INTO a SELECT n, repeat('x', 500) FROM generate_series(1, {ROWS}) n"
    ));
    let records = log.records(ROWS).await;
    let keys: Vec<_> = records.iter().map(|record| record.key.clone()).collect();
    let expected: Vec<_> = (1..=ROWS).map(|id| format!("[{id}]")).collect();
    assert!(keys == expected, "in order, each once");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_of_debezium_has_operation_rows_and_source() {
    let tables = "CREATE TABLE a (id int PRIMARY KEY, n int, body text); ALTER TABLE a ALTER body SET STORAGE EXTERNAL";
    let Some((postgres, log, process)) = reading(tables, &["a"], "envelope = \"debezium\"").await else {
        return;
    };
    postgres.sql("INSERT INTO a VALUES (1, 1, repeat('x', 9000)); UPDATE a SET n = 2; UPDATE a SET id = 3; DELETE FROM a; TRUNCATE a");
    let records = log.records(6).await;
    let changes: Vec<_> = records.iter().map(json_of).collect();
    let of = |name: &str| changes.iter().map(|change| change[name].clone()).collect::<Vec<_>>();
    assert_eq!(
        of("op"),
        [json!("c"), json!("u"), json!("d"), json!("c"), json!("d"), json!("t")]
    );
    assert_eq!(changes[0]["before"], Value::Null);
    assert_eq!(
        changes[1]["after"],
        json!({"id": 1, "n": 2, "body": "__debezium_unavailable_value"})
    );
    assert_eq!(changes[4]["before"], json!({"id": 3, "n": null, "body": null}));
    assert_eq!(changes[4]["after"], Value::Null);
    assert_eq!(
        (&changes[5]["before"], &changes[5]["after"]),
        (&Value::Null, &Value::Null)
    );
    let source = &changes[0]["source"];
    assert_eq!(
        (&source["connector"], &source["db"], &source["schema"], &source["table"]),
        (&json!("postgresql"), &json!("shop"), &json!("public"), &json!("a"))
    );
    assert!(source["lsn"].as_u64().is_some_and(|lsn| lsn > 0), "{source}");
    assert!(
        source["ts_ms"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000),
        "{source}"
    );
    process.stop().await;
}
