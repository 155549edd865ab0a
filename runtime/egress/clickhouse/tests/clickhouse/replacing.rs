//! ReplacingMergeTree: each id is once in the table, whatever comes again, late or otherwise grouped.

use serde_json::json;

use crate::support::{Database, delete, done, inserts, report, upsert};

const COLUMNS: &str = "id String, n UInt32, _order UInt64, _deleted UInt8";
const ENGINE: &str = "ReplacingMergeTree(_order, _deleted) ORDER BY id";
const MAPPING: &str = "id_column = \"id\"";

async fn prepared(test: &str) -> Option<Database> {
    let database = Database::new(test).await?;
    database.create("t", COLUMNS, ENGINE).await;
    Some(database)
}

async fn numbers(database: &Database) -> Vec<(String, u64)> {
    let rows = database.rows("SELECT id, n FROM {db}.t FINAL ORDER BY id").await;
    rows.iter()
        .map(|row| {
            (
                row["id"].as_str().expect("text").to_owned(),
                row["n"].as_u64().expect("a number"),
            )
        })
        .collect()
}

fn n(value: u64) -> String {
    json!({ "n": value }).to_string()
}

#[tokio::test]
async fn rows_that_come_again_in_other_groups_are_once_in_the_table() {
    let Some(database) = prepared("again").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    let writes = inserts(0..3000);
    done(&sink, &writes[..2000]).await;
    done(&sink, &writes[1000..]).await;
    done(&database.sink(MAPPING), &writes[500..1700]).await;
    assert_eq!(
        database.value("SELECT count(), sum(n) FROM {db}.t FINAL").await,
        "3000\t4498500"
    );
    database.run(&format!("OPTIMIZE TABLE {}.t FINAL", database.name)).await;
    assert_eq!(
        database.value("SELECT count(), sum(n) FROM {db}.t").await,
        "3000\t4498500"
    );
}

#[tokio::test]
async fn the_highest_order_of_an_id_remains_whatever_comes_when() {
    let Some(database) = prepared("orders").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    // Above 2^53, where floats are equal.
    let order = |tick| (1_u64 << 60) + tick;
    done(&sink, &[upsert("a", order(2), &n(2)), upsert("b", order(1), &n(1))]).await;
    done(&sink, &[upsert("a", order(1), &n(1)), upsert("b", order(2), &n(2))]).await;
    assert_eq!(numbers(&database).await, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    // Of one batch, only the newest is sent.
    done(
        &sink,
        &[
            upsert("a", order(5), &n(5)),
            upsert("a", order(4), &n(4)),
            upsert("a", order(3), &n(3)),
        ],
    )
    .await;
    assert_eq!(numbers(&database).await[0], ("a".to_owned(), 5));
    assert_eq!(
        database
            .value("SELECT count() FROM {db}.t WHERE _order IN (3, 4)")
            .await,
        "0"
    );
}

#[tokio::test]
async fn a_late_write_does_not_bring_back_what_was_deleted() {
    let Some(database) = prepared("deletes").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    done(&sink, &[upsert("a", 5, &n(5)), upsert("b", 5, &n(5))]).await;
    done(&sink, &[delete("a", 7), upsert("c", 1, &n(1))]).await;
    done(&sink, &[upsert("a", 6, &n(6))]).await;
    let left = [("b".to_owned(), 5), ("c".to_owned(), 1)];
    assert_eq!(numbers(&database).await, left);
    database.run(&format!("OPTIMIZE TABLE {}.t FINAL", database.name)).await;
    assert_eq!(numbers(&database).await, left);
    done(&sink, &[upsert("a", 8, &n(8))]).await;
    assert_eq!(numbers(&database).await[0], ("a".to_owned(), 8));
    // The row is there, and says what it is.
    done(&sink, &[delete("b", 9)]).await;
    assert_eq!(
        database
            .value("SELECT _order, _deleted FROM {db}.t WHERE id = 'b' AND _order = 9")
            .await,
        "9\t1"
    );
}

#[tokio::test]
async fn an_older_write_counts_if_the_newer_one_of_its_batch_is_refused() {
    let Some(database) = Database::new("superseded").await else {
        return;
    };
    database
        .create("t", &format!("{COLUMNS}, CONSTRAINT small CHECK n < 100"), ENGINE)
        .await;
    let sink = database.sink(MAPPING);
    let writes = [
        upsert("a", 1, &n(1)),
        upsert("a", 2, &n(2)),
        // By the sink, before it is sent.
        upsert("a", 3, &n(1 << 40)),
        // By the server.
        upsert("a", 4, &n(100)),
        upsert("b", 1, &n(7)),
    ];
    let report = report(&sink, &writes).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [2, 3], "{report:?}");
    assert_eq!(numbers(&database).await, [("a".to_owned(), 2), ("b".to_owned(), 7)]);
}

#[tokio::test]
async fn deletes_are_refused_where_they_could_not_replace_a_row() {
    let Some(database) = Database::new("no_deletes").await else {
        return;
    };
    let columns = "tenant UInt8, id String, n UInt32, _order UInt64, _deleted UInt8";
    database
        .create(
            "t",
            columns,
            "ReplacingMergeTree(_order, _deleted) ORDER BY (tenant, id)",
        )
        .await;
    let sink = database.sink(MAPPING);
    let report = report(&sink, &[delete("a", 1), upsert("b", 1, "{\"tenant\":1,\"n\":2}")]).await;
    let [(0, reason)] = report.refused.as_slice() else {
        panic!("{report:?}")
    };
    assert!(
        reason.contains("takes no deletes: it is sorted by `tenant, id`"),
        "{reason}"
    );
    assert_eq!(numbers(&database).await, [("b".to_owned(), 2)]);
}

#[tokio::test]
async fn sorting_keys_made_of_the_id_are_filled_by_a_delete_too() {
    let Some(database) = Database::new("bucketed").await else {
        return;
    };
    let columns = "bucket UInt8 MATERIALIZED cityHash64(id) % 16, id String, n UInt32, ver UInt64, gone UInt8";
    let engine = "ReplacingMergeTree(ver, gone) PARTITION BY bucket ORDER BY (bucket, id)";
    database.create("t", columns, engine).await;
    let sink = database.sink(MAPPING);
    let all: Vec<_> = (0..100).map(|i| upsert(&format!("k{i}"), 1, &n(i))).collect();
    done(&sink, &all).await;
    let gone: Vec<_> = (0..50).map(|i| delete(&format!("k{i}"), 2)).collect();
    done(&sink, &gone).await;
    assert_eq!(
        database.value("SELECT count(), min(n) FROM {db}.t FINAL").await,
        "50\t50"
    );
    database.run(&format!("OPTIMIZE TABLE {}.t FINAL", database.name)).await;
    assert_eq!(
        database.value("SELECT count(), min(n) FROM {db}.t FINAL").await,
        "50\t50"
    );
}
