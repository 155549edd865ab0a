//! The rows that were there before, and where the changes begin.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::support::{
    server::Postgres,
    source::{Change as _, PostgresProcess as _, Process, SLOT, new_log, table, texts_once},
};

const ORDERS: &str = "CREATE TABLE orders (id int PRIMARY KEY, note text); CREATE PUBLICATION danube FOR TABLE orders; \
    GRANT SELECT ON orders TO danube;";

fn row(id: u32, note: &str) -> String {
    format!(r#"{{"id":{id},"note":"{note}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_that_are_there_come_first_and_then_the_changes() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(&format!("{ORDERS} INSERT INTO orders VALUES (1, 'a'), (2, 'b')"));
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["orders"], "")).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO orders VALUES (3, 'c'); UPDATE orders SET note = 'B' WHERE id = 2; DELETE FROM orders WHERE id = 1");
    let records = log.records(5).await;
    let ops: Vec<_> = records.iter().map(|record| record.op()).collect();
    assert_eq!(ops, ["read", "read", "insert", "update", "delete"]);
    let texts: Vec<_> = records.iter().map(|record| record.text.clone()).collect();
    assert_eq!(
        texts,
        [
            row(1, "a"),
            row(2, "b"),
            row(3, "c"),
            row(2, "B"),
            r#"{"id":1}"#.to_owned()
        ]
    );
    let keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["[1]", "[2]", "[3]", "[2]", "[1]"]);
    assert_eq!(process.sum("danube_wasm_postgres_snapshot_rows_total", ""), 2);
    process.stop().await;
    assert_eq!(
        postgres.sql("SELECT slot_name, temporary FROM pg_replication_slots"),
        format!("{SLOT}|f"),
        "the slot stays, and no other"
    );
}

/// Positions that are read before the slot exists lose what is committed in between: Hornetlabs/synchdb#256.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_while_the_snapshot_is_taken_comes_once() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(&format!(
        "{ORDERS} INSERT INTO orders SELECT n, 'before' FROM generate_series(1, 3000) n"
    ));
    let (log, postgres) = (new_log(), Arc::new(postgres));
    let (writer, stop) = (postgres.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    // One row a transaction, from before the snapshot until the changes are read.
    let writing = tokio::task::spawn_blocking(move || {
        let mut last = 3000;
        while !stopped.load(Ordering::Acquire) {
            let rows = last + 1..=last + 50;
            let statements: String = rows
                .map(|id| format!("INSERT INTO orders VALUES ({id}, 'meanwhile');\n"))
                .collect();
            writer.sql(&statements);
            last += 50;
        }
        last
    });
    postgres
        .until("the writer has begun", "SELECT count(*) > 3000 FROM orders", "t")
        .await;
    let process = Process::start(&log, &table(postgres.port, &["orders"], "")).await;
    process.streaming(1).await;
    log.until("a change is read", |records| {
        records.iter().any(|record| record.op() == "insert")
    })
    .await;
    stop.store(true, Ordering::Release);
    let last = writing.await.expect("written");
    let records = log.records(last).await;
    let mut keys: Vec<_> = records.iter().map(|record| record.key.clone()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!((records.len(), keys.len()), (last, last));
    assert!(records.iter().filter(|record| record.op() == "read").count() > 3000);
    process.stop().await;
}

/// A slot that counts as read before all rows are durable loses the rest at a crash: redpanda-data/connect PR #4584. A snapshot that is
/// taken again without what was committed since leaves the rows that were deleted meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_cut_off_is_taken_again_behind_what_was_committed_since() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(&format!(
        "{ORDERS} INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 500) n"
    ));
    let log = new_log();
    let table = table(postgres.port, &["orders"], "");
    let slots = "SELECT slot_name, temporary FROM pg_replication_slots";
    for round in 0..2 {
        let process = Process::start(&log, &table).await;
        process.shut();
        danube_wasm_testkit::until("all rows are under way", || {
            (process.sum("danube_wasm_postgres_snapshot_rows_total", "") == 500 - round).then_some(())
        })
        .await;
        process.kill().await;
        let (changed, deleted, moved) = (7 + round, 17 + round, 27 + round);
        postgres.sql(&format!(
            "UPDATE orders SET note = 'y' WHERE id = {changed}; DELETE FROM orders WHERE id = {deleted}; \
             UPDATE orders SET id = id + 1000 WHERE id = {moved}"
        ));
        assert_eq!(postgres.sql(slots), format!("{SLOT}|f"), "it keeps what is committed");
    }
    let process = Process::start(&log, &table).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO orders VALUES (501, 'z')");
    let records = log
        .until("the last row is in the log", |records| {
            records.iter().any(|record| record.key == "[501]")
        })
        .await;
    let of = |id: usize| {
        let key = format!("[{id}]");
        records
            .iter()
            .filter(move |record| record.key == key)
            .collect::<Vec<_>>()
    };
    let ops = |id: usize| of(id).iter().map(|record| record.op()).collect::<Vec<_>>();
    for round in 0..2 {
        assert_eq!(ops(17 + round), ["delete"]);
        assert_eq!(ops(27 + round), ["delete"]);
        assert_eq!(ops(1027 + round), ["update", "read"]);
        assert_eq!(ops(7 + round), ["update", "read"]);
        assert_eq!(
            of(7 + round)[1].text,
            row(7 + u32::try_from(round).expect("small"), "y")
        );
    }
    for id in (1..=500).filter(|id| ![7, 8, 17, 18, 27, 28].contains(id)) {
        assert_eq!(ops(id), ["read"], "{id}");
    }
    assert_eq!(ops(501), ["insert"]);
    for id in 1..=1028 {
        let orders: Vec<_> = of(id).iter().map(|record| record.order).collect();
        assert!(orders.is_sorted(), "{id}: {orders:?}");
    }
    assert_eq!(postgres.sql(slots), format!("{SLOT}|f"), "the slot stays, and no other");
    process.stop().await;
}

/// The snapshot has the row as it was before the transaction, which wrote before the slot began and was committed behind that.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_over_the_beginning_of_the_slot_is_newer_than_the_snapshot() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(&format!(
        "{ORDERS} GRANT ALL ON orders TO danube; INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 9) n"
    ));
    let session = async || {
        let settings = format!(
            "host=127.0.0.1 port={} user=danube password=secret dbname=shop",
            postgres.port
        );
        let connected = tokio_postgres::connect(&settings, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("a session");
        tokio::spawn(connection);
        client
    };
    let (old, middle, young) = (session().await, session().await, session().await);
    // A slot waits for what is under way, and then for what began meanwhile; what begins during that it does not wait for.
    let write = async |session: &tokio_postgres::Client, statement: &str| {
        let begin = format!("BEGIN; {statement}; SELECT pg_current_xact_id()::xid::text");
        let answers = session.simple_query(&begin).await.expect("it is written");
        let xid = answers.iter().find_map(|answer| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        xid.expect("its number")
    };
    let commit = async |session: &tokio_postgres::Client| session.batch_execute("COMMIT").await.expect("committed");
    let waits =
        |xid: &str| format!("SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid::text = '{xid}'");
    let xid = write(&old, "INSERT INTO orders VALUES (100, 'old')").await;
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["orders"], "")).await;
    postgres.until("the slot waits for the first", &waits(&xid), "1").await;
    let xid = write(&middle, "INSERT INTO orders VALUES (101, 'middle')").await;
    commit(&old).await;
    postgres.until("and for the second", &waits(&xid), "1").await;
    write(
        &young,
        "UPDATE orders SET note = 'y' WHERE id = 7; DELETE FROM orders WHERE id = 8; UPDATE orders SET note = 'z' WHERE id = 7",
    )
    .await;
    commit(&middle).await;
    process.streaming(1).await;
    commit(&young).await;
    let records = log.records(14).await;
    let of = |key: &str| {
        let mut of: Vec<_> = records.iter().filter(|record| record.key == key).collect();
        of.sort_by_key(|record| record.order);
        of.iter().map(|record| record.text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("[7]"), [row(7, "x"), row(7, "y"), row(7, "z")]);
    assert_eq!(of("[8]"), [row(8, "x").as_str(), r#"{"id":8}"#]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_only_changes_are_read() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(&format!("{ORDERS} INSERT INTO orders VALUES (1, 'a')"));
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["orders"], "snapshot = \"never\"")).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO orders VALUES (2, 'b')");
    assert_eq!(texts_once(&log.records(1).await), [row(2, "b")]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_column_lists_of_the_publication_hold_for_the_snapshot_too() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, note text, secret text, twice int GENERATED ALWAYS AS (id * 2) STORED); \
         GRANT SELECT ON orders TO danube; CREATE PUBLICATION danube FOR TABLE orders (id, note) WHERE (id < 10); \
         INSERT INTO orders VALUES (1, 'a', 's'), (11, 'no', 's')",
    );
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["orders"], "")).await;
    process.streaming(1).await;
    postgres.sql("INSERT INTO orders VALUES (12, 'no', 's'), (2, 'b', 's')");
    assert_eq!(texts_once(&log.records(2).await), [row(1, "a"), row(2, "b")]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publication_is_made_where_that_is_asked_for() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql("SET ROLE danube; CREATE SCHEMA s; CREATE TABLE s.\"Odd Name\" (id int PRIMARY KEY, \"a\"\"b\" int)");
    postgres.sql("INSERT INTO s.\"Odd Name\" VALUES (1, 2)");
    let log = new_log();
    let table = table(
        postgres.port,
        &["s.Odd Name"],
        "create_publication = true\npublication = \"it's \\\"odd\\\"\"",
    );
    let process = Process::start(&log, &table).await;
    process.streaming(1).await;
    postgres.sql("UPDATE s.\"Odd Name\" SET \"a\"\"b\" = 3");
    let records = log.records(2).await;
    assert_eq!(texts_once(&records), [r#"{"id":1,"a\"b":2}"#, r#"{"id":1,"a\"b":3}"#]);
    process.stop().await;
}
