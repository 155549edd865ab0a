//! How long a server waits for a sign of its reader: while that has no room, and when it is gone with its network. The server of these
//! tests waits for 3 seconds instead of a minute, which is what the line asks it for.

use std::fs;

use crate::support::{
    line::Line,
    server::Postgres,
    source::{PostgresProcess as _, Process, SLOT, new_log, table, texts_once},
};

const TABLE: &str = "CREATE TABLE a (id int PRIMARY KEY, filler text); GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a";

fn changes(line: &Line) -> String {
    table(line.port, &["a"], "snapshot = \"never\"\nstatus_interval_secs = 1")
}

/// MaterializeInc/materialize#6827, 2ndQuadrant/bdr#233, spiceai/spiceai#11616: a transaction that took longer than the server waits was
/// begun again, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_takes_longer_than_the_server_waits_is_not_begun_again() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(TABLE);
    let line = Line::to(postgres.port).await;
    let log = new_log();
    let process = Process::start(&log, &changes(&line)).await;
    process.streaming(1).await;
    assert_eq!(line.asked(), 1);
    process.shut();
    // More than is taken ahead and what sockets hold.
    const ROWS: usize = 8_000;
    postgres.sql(&format!(
        "INSERT INTO a SELECT n, repeat('x', 10000) FROM generate_series(1, {ROWS}) n"
    ));
    let waits = "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'walsender'";
    postgres
        .until("the server cannot send any more", waits, "WalSenderWriteData")
        .await;
    let since = postgres.sql("SELECT clock_timestamp()");
    let hears = format!("SELECT reply_time > '{since}'::timestamptz + interval '9 s' FROM pg_stat_replication");
    postgres
        .until("it has heard of us for three times as long", &hears, "t")
        .await;
    assert_eq!(
        postgres.sql(waits),
        "WalSenderWriteData",
        "all the while it could not send"
    );
    process.open();
    let keys: Vec<_> = log.records(ROWS).await.into_iter().map(|record| record.key).collect();
    let expected: Vec<_> = (1..=ROWS).map(|id| format!("[{id}]")).collect();
    assert!(keys == expected, "in order, each once");
    assert_eq!(process.sum("danube_wasm_postgres_connections_total", ""), 1);
    process.stop().await;
}

/// PeerDB-io/peerdb PR 3682: a server without a time-out of its own took a reader that was gone for there, and nobody could read the
/// slot.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_gone_with_its_network_lets_go_of_the_slot() {
    let Some(postgres) = Postgres::start("wal_sender_timeout = 0").await else {
        return;
    };
    postgres.sql(TABLE);
    let line = Line::to(postgres.port).await;
    let log = new_log();
    let process = Process::start(&log, &changes(&line)).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO a VALUES (1)");
    log.records(1).await;
    let reader = format!("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    let gone = postgres.sql(&reader);
    line.goes_dead().await;
    process.kill().await;
    postgres.sql("INSERT INTO a VALUES (2)");
    let process = Process::start(&log, &changes(&line)).await;
    process.streaming(1).await;
    assert_ne!(postgres.sql(&reader), gone);
    let said = fs::read_to_string(postgres.file("log")).expect("its log");
    assert!(
        said.contains("terminating walsender process due to replication timeout"),
        "{said}"
    );
    let texts = texts_once(&log.records(2).await);
    assert_eq!(texts, [r#"{"id":1,"filler":null}"#, r#"{"id":2,"filler":null}"#]);
    process.stop().await;
}
