//! Every committed row is a record, whoever is killed, and one that comes again is the same record.

use std::collections::{HashMap, HashSet};

use danube_wasm_pipeline::Status;

use danube_wasm_testkit::Cable;

use crate::support::{
    server::Postgres,
    source::{PostgresProcess as _, Process, Record, SLOT, new_log, table},
};

const TABLE: &str =
    "CREATE TABLE a (id int PRIMARY KEY, n int); GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a";

async fn server() -> Option<Postgres> {
    let postgres = Postgres::start("").await?;
    postgres.sql(TABLE);
    Some(postgres)
}

fn changes(port: u16) -> String {
    table(port, &["a"], "snapshot = \"never\"")
}

fn insert(postgres: &Postgres, ids: std::ops::RangeInclusive<u32>) {
    let statements: String = ids.map(|id| format!("INSERT INTO a VALUES ({id}, 0);\n")).collect();
    postgres.sql(&statements);
}

/// Rows from 1 to the last, in their order, each under one id: what comes twice has the id that it had.
fn assert_rows(records: &[Record], last: u32) {
    let mut ids = HashMap::new();
    let mut keys = Vec::new();
    for record in records {
        match ids.insert(record.key.clone(), record.id.clone()) {
            Some(before) => assert_eq!(before, record.id, "{} comes again under another id", record.key),
            None => keys.push(record.key.clone()),
        }
    }
    let expected: Vec<_> = (1..=last).map(|id| format!("[{id}]")).collect();
    assert_eq!(keys, expected);
}

fn rows(records: &[Record]) -> usize {
    records.iter().map(|record| &record.key).collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_loses_no_row() {
    let Some(mut postgres) = server().await else { return };
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    for round in 1..=3 {
        insert(&postgres, (round - 1) * 100 + 1..=round * 100);
        if round == 2 {
            process.shut();
        }
        postgres.kill_and_restart().await;
        process.open();
        process.streaming(1 + round as usize).await;
    }
    insert(&postgres, 301..=310);
    let records = log.until("all rows are there", |records| rows(records) >= 310).await;
    assert_rows(&records, 310);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_loses_no_row() {
    let Some(postgres) = server().await else { return };
    let (log, cable) = (new_log(), Cable::to(postgres.port).await);
    let process = Process::start(&log, &changes(cable.port)).await;
    process.streaming(1).await;
    for cut in 1..=4 {
        insert(&postgres, (cut - 1) * 200 + 1..=cut * 200);
        log.until("some rows are there", |records| rows(records) >= cut as usize * 150)
            .await;
        cable.cut().await;
        process.streaming(1 + cut as usize).await;
    }
    let records = log.until("all rows are there", |records| rows(records) >= 800).await;
    assert_rows(&records, 800);
    process.stop().await;
}

/// Killed between the log's commit and the server's hearing of it: what comes again has the ids that it had.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_again_after_a_kill_are_the_same_events() {
    let Some(postgres) = server().await else { return };
    let log = new_log();
    let mut times = 0;
    for round in 1..=5 {
        // The server hears of nothing before half a minute.
        let table = format!("{}\nstatus_interval_secs = 30", changes(postgres.port));
        let process = Process::start(&log, &table).await;
        process.streaming(1).await;
        insert(&postgres, (round - 1) * 20 + 1..=round * 20);
        let records = log
            .until("the rows are durable", |records| rows(records) >= round as usize * 20)
            .await;
        times = records.len();
        process.kill().await;
    }
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    insert(&postgres, 101..=101);
    let records = log.until("all rows are there", |records| rows(records) >= 101).await;
    assert_rows(&records, 101);
    assert!(times >= 100);
    process.stop().await;
}

/// As after a kill between the log's commit and the server's hearing of it, but for all changes and each time.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_that_comes_again_is_the_same_event() {
    let Some(postgres) = server().await else { return };
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    postgres.sql(&format!("SELECT pg_copy_logical_replication_slot('{SLOT}', 'before')"));
    postgres.sql("COPY a FROM stdin;\n1\t0\n2\t0\n3\t0\n\\.\n");
    postgres.sql(
        "BEGIN; UPDATE a SET n = 1; UPDATE a SET id = 9 WHERE id = 1; DELETE FROM a WHERE id = 2; COMMIT; TRUNCATE a",
    );
    let first = log.until("all changes are there", |records| records.len() >= 10).await;
    process.stop().await;
    postgres
        .until(
            "nobody reads it",
            "SELECT bool_or(active) FROM pg_replication_slots",
            "f",
        )
        .await;
    postgres.sql(&format!(
        "SELECT pg_drop_replication_slot('{SLOT}'); SELECT pg_copy_logical_replication_slot('before', '{SLOT}')"
    ));
    let process = Process::start(&log, &changes(postgres.port)).await;
    let both = log
        .until("all changes are there again", |records| records.len() >= 20)
        .await;
    assert_eq!(both.len(), 20);
    assert_eq!(first, both[10..], "ids, keys, texts and attributes");
    let ids: HashSet<_> = first.iter().map(|record| &record.id).collect();
    assert_eq!(ids.len(), 10);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_told_only_of_what_is_durable() {
    let Some(postgres) = server().await else { return };
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    process.shut();
    insert(&postgres, 1..=5);
    let written = postgres.sql("SELECT pg_current_wal_lsn()");
    let is_behind =
        format!("SELECT confirmed_flush_lsn < '{written}' FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    // Long enough for what is under way to be told if it were wrongly.
    postgres.sql("SELECT pg_sleep(2)");
    assert_eq!(postgres.sql(&is_behind), "t");
    process.open();
    postgres.until("the server hears of it", &is_behind, "f").await;
    assert_rows(&log.records(5).await, 5);
    assert!(process.sum("danube_wasm_postgres_flush_position_bytes", "") > 0);
    process.stop().await;
}

/// A quiet table in a busy database keeps the log for ever: redpanda-data/connect#3198, risingwavelabs/risingwave#16697.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_confirmed_while_our_tables_are_quiet() {
    let Some(postgres) = Postgres::start("wal_sender_timeout = 2s").await else {
        return;
    };
    postgres.sql(TABLE);
    postgres.sql("CREATE TABLE busy (id int, filler text)");
    let log = new_log();
    let table = format!("{}\nstatus_interval_secs = 1", changes(postgres.port));
    let process = Process::start(&log, &table).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO busy SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n");
    let written = postgres.sql("SELECT pg_current_wal_lsn()");
    let is_told =
        format!("SELECT confirmed_flush_lsn >= '{written}' FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    postgres
        .until("the server may forget what others wrote", &is_told, "t")
        .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_confirms_what_is_durable_and_a_start_reads_on() {
    let Some(postgres) = server().await else { return };
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    insert(&postgres, 1..=10);
    log.records(10).await;
    process.stop().await;
    insert(&postgres, 11..=20);
    let process = Process::start(&log, &changes(postgres.port)).await;
    let records = log.records(20).await;
    assert_eq!(records.len(), 20, "nothing comes again");
    assert_rows(&records, 20);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let Some(mut postgres) = server().await else { return };
    postgres.kill();
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    let why = process.waits().await;
    assert!(why.contains("cannot be reached"), "{why}");
    postgres.restart().await;
    process.streaming(1).await;
    process.status("it runs", |status| *status == Status::Running).await;
    process.stop().await;
}

/// apache/flink-cdc#2538: the slot moved past what was not kept yet. The server's own signs are of a place behind that.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_not_confirmed_past_rows_that_are_not_durable() {
    let Some(postgres) = server().await else { return };
    postgres.sql("CREATE TABLE busy (id int, filler text)");
    let log = new_log();
    let table = format!("{}\nstatus_interval_secs = 1", changes(postgres.port));
    let process = Process::start(&log, &table).await;
    process.streaming(1).await;
    process.shut();
    insert(&postgres, 1..=5);
    let ours = postgres.sql("SELECT pg_current_wal_lsn()");
    postgres.sql("INSERT INTO busy SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n");
    let others = postgres.sql("SELECT pg_current_wal_lsn()");
    let is_sent = format!("SELECT sent_lsn >= '{others}' FROM pg_stat_replication");
    postgres.until("the server has read so far", &is_sent, "t").await;
    // Each sign of ours asks for one of the server's, which says how far that is: some of both.
    let since = postgres.sql("SELECT clock_timestamp()");
    let hears = format!("SELECT reply_time > '{since}'::timestamptz + interval '4 s' FROM pg_stat_replication");
    postgres.until("the server has heard of us since", &hears, "t").await;
    let is_behind = |lsn: &str| {
        format!("SELECT confirmed_flush_lsn < '{lsn}' FROM pg_replication_slots WHERE slot_name = '{SLOT}'")
    };
    assert_eq!(postgres.sql(&is_behind(&ours)), "t");
    process.kill().await;
    let process = Process::start(&log, &table).await;
    assert_rows(&log.records(5).await, 5);
    postgres
        .until("the server may forget all of it", &is_behind(&others), "f")
        .await;
    process.stop().await;
}

/// risingwavelabs/risingwave#14060: what is before the confirmed place in the log was taken for known. A transaction begins to write
/// before others and is committed after them.
#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_the_confirmed_place_that_are_committed_later_come() {
    let Some(postgres) = server().await else { return };
    postgres.sql("GRANT ALL ON a TO danube");
    let settings = format!(
        "host=127.0.0.1 port={} user=danube password=secret dbname=shop",
        postgres.port
    );
    let connected = tokio_postgres::connect(&settings, tokio_postgres::NoTls).await;
    let (writer, connection) = connected.expect("a session");
    tokio::spawn(connection);
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    let first = "BEGIN; INSERT INTO a VALUES (101, 0), (102, 0)";
    writer.batch_execute(first).await.expect("it is written");
    insert(&postgres, 1..=5);
    log.records(5).await;
    let written = postgres.sql("SELECT pg_current_wal_lsn()");
    let is_behind =
        format!("SELECT confirmed_flush_lsn < '{written}' FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    postgres.until("the server hears of the others", &is_behind, "f").await;
    process.kill().await;
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    let last = "INSERT INTO a VALUES (103, 0); COMMIT";
    writer.batch_execute(last).await.expect("it is committed");
    let records = log.records(8).await;
    let keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["[1]", "[2]", "[3]", "[4]", "[5]", "[101]", "[102]", "[103]"]);
    let is_before = format!("SELECT '{}'::pg_lsn < '{written}'", records[5].attribute("pg.lsn"));
    assert_eq!(
        postgres.sql(&is_before),
        "t",
        "it was written before what was confirmed"
    );
    process.stop().await;
}

/// For alerts that do not name a kind of source.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_keeps_is_told_as_of_every_source() {
    let Some(postgres) = server().await else { return };
    let log = new_log();
    let process = Process::start(&log, &changes(postgres.port)).await;
    process.streaming(1).await;
    process.shut();
    insert(&postgres, 1..=1_000);
    let slot = format!("stream=\"{SLOT}\"");
    let name = "danube_wasm_source_retained_bytes";
    danube_wasm_testkit::until("what the slot keeps is told", || {
        (process.sum(name, &slot) > 10_000).then_some(())
    })
    .await;
    process.open();
    log.until("all rows are there", |records| rows(records) >= 1_000).await;
    process.stop().await;
}
