//! A slot that is not where this source left it is never passed over in silence.

use std::process::Stdio;

use danube_wasm_testkit::{servers::Server, until};

use crate::support::{
    server::Postgres,
    source::{Change as _, Log, PostgresProcess as _, Process, SLOT, new_log, table, texts_once},
};

const TABLE: &str = "CREATE TABLE a (id int PRIMARY KEY); GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a; \
    INSERT INTO a VALUES (1)";

/// A server whose slot was read up to the first row, and nobody reads it now.
async fn read_and_left() -> Option<(Postgres, Log)> {
    let postgres = Postgres::start("").await?;
    postgres.sql(TABLE);
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["a"], "")).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO a VALUES (2)");
    log.records(2).await;
    process.stop().await;
    postgres
        .until("nobody reads it", "SELECT active FROM pg_replication_slots", "f")
        .await;
    Some((postgres, log))
}

async fn gap(postgres: &Postgres, log: &Log) -> String {
    let process = Process::start(log, &table(postgres.port, &["a"], "")).await;
    let why = process.failed().await;
    process.stop().await;
    assert!(why.contains("on_slot_lost = \"snapshot\""), "{why}");
    why
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_dropped_stops_the_source() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    let confirmed = postgres.confirmed(SLOT);
    postgres.sql(&format!(
        "SELECT pg_drop_replication_slot('{SLOT}'); INSERT INTO a VALUES (3)"
    ));
    let why = gap(&postgres, &log).await;
    assert!(
        why.contains(&format!(
            "the slot `{SLOT}` is gone; it was confirmed up to {confirmed}"
        )),
        "{why}"
    );
}

/// DBZ-5739: debezium/debezium PR #3970.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_made_again_stops_the_source() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    postgres.sql(&format!(
        "SELECT pg_drop_replication_slot('{SLOT}'); INSERT INTO a VALUES (3); \
         SELECT pg_create_logical_replication_slot('{SLOT}', 'pgoutput')"
    ));
    let why = gap(&postgres, &log).await;
    assert!(why.contains("was dropped and made again, or advanced"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_advanced_behind_our_back_stops_the_source() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    postgres.sql("INSERT INTO a VALUES (3)");
    postgres.sql(&format!(
        "SELECT pg_replication_slot_advance('{SLOT}', pg_current_wal_lsn())"
    ));
    let confirmed = postgres.confirmed(SLOT);
    let why = gap(&postgres, &log).await;
    assert!(why.contains(&format!("stands at {confirmed}")), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_whose_log_the_server_dropped_stops_the_source() {
    let Some(postgres) =
        Postgres::start("max_slot_wal_keep_size = 1MB\nmin_wal_size = 32MB\nmax_wal_size = 32MB").await
    else {
        return;
    };
    postgres.sql(TABLE);
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["a"], "")).await;
    process.streaming(1).await;
    process.stop().await;
    postgres.sql("CREATE TABLE filler (t text)");
    for _ in 0..4 {
        postgres.sql("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 20000); SELECT pg_switch_wal(); CHECKPOINT");
    }
    postgres
        .until(
            "the slot is lost",
            "SELECT wal_status FROM pg_replication_slots",
            "lost",
        )
        .await;
    let why = gap(&postgres, &log).await;
    assert!(why.contains("can no longer serve the slot"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_system_at_the_same_address_stops_the_source() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    drop(postgres);
    let Some(other) = Postgres::start("").await else {
        return;
    };
    other.sql(TABLE);
    other.sql(&format!(
        "SELECT pg_create_logical_replication_slot('{SLOT}', 'pgoutput')"
    ));
    let why = gap(&other, &log).await;
    assert!(why.contains("another system"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_slot_is_answered_with_a_new_snapshot_where_the_operator_says_so() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    postgres.sql(&format!(
        "SELECT pg_drop_replication_slot('{SLOT}'); INSERT INTO a VALUES (3)"
    ));
    let process = Process::start(&log, &table(postgres.port, &["a"], "on_slot_lost = \"snapshot\"")).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO a VALUES (4)");
    let records = log
        .until("the last row is there", |records| {
            records.iter().any(|record| record.key == "[4]")
        })
        .await;
    assert!(
        records
            .iter()
            .any(|record| record.key == "[3]" && record.op() == "read"),
        "{records:#?}"
    );
    process.stop().await;
}

/// A snapshot cannot be joined to a slot that stands somewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_this_source_has_not_read_is_taken_only_without_a_snapshot() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(TABLE);
    postgres.sql(&format!(
        "SELECT pg_create_logical_replication_slot('{SLOT}', 'pgoutput')"
    ));
    postgres.sql("INSERT INTO a VALUES (2)");
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["a"], "")).await;
    let why = process.failed().await;
    assert!(
        why.contains("`snapshot = \"never\"`") || why.contains("snapshot = \"never\""),
        "{why}"
    );
    process.stop().await;
    let process = Process::start(&log, &table(postgres.port, &["a"], "snapshot = \"never\"")).await;
    assert_eq!(
        texts_once(&log.records(1).await),
        [r#"{"id":2}"#],
        "from where it stands"
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_somebody_else_reads_is_waited_for_and_the_reader_is_named() {
    let Some((postgres, log)) = read_and_left().await else {
        return;
    };
    let mut reader = postgres.program("pg_recvlogical");
    reader
        .args([
            "--slot",
            SLOT,
            "--start",
            "-f",
            "/dev/null",
            "-o",
            "proto_version=1",
            "-o",
            "publication_names=danube",
        ])
        .stdout(Stdio::null());
    let reader = Server::start(&mut reader);
    postgres
        .until("it is read", "SELECT active FROM pg_replication_slots", "t")
        .await;
    let process = Process::start(&log, &table(postgres.port, &["a"], "")).await;
    let why = process.waits().await;
    assert!(
        why.contains("is in use by process") && why.contains("pg_recvlogical"),
        "{why}"
    );
    drop(reader);
    until("it is read on", || {
        (process.sum("danube_wasm_postgres_connections_total", "") > 0).then_some(())
    })
    .await;
    process.stop().await;
}
