//! Inserts of rows of many partitions.

use crate::support::{Database, done, insert};

async fn stored(test: &str, columns: &str, partition: &str, rows: usize, body: impl Fn(usize) -> String) {
    let Some(database) = Database::new(test).await else {
        return;
    };
    database
        .create("t", columns, &format!("MergeTree PARTITION BY {partition} ORDER BY id"))
        .await;
    let sink = database.sink("id_column = \"id\"");
    let writes: Vec<_> = (0..rows).map(|i| insert(&i.to_string(), &body(i))).collect();
    done(&sink, &writes).await;
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t").await,
        format!("{rows}\t{rows}")
    );
}

/// The server takes 100 partitions an insert.
#[tokio::test]
async fn rows_of_more_partitions_than_an_insert_may_have_are_divided_by_column() {
    stored("plain", "id String, k UInt16", "k", 2000, |i| {
        format!("{{\"k\":{}}}", i % 250)
    })
    .await;
}

#[tokio::test]
async fn rows_of_more_partitions_than_an_insert_may_have_are_halved_where_a_function_makes_them() {
    stored("months", "id String, d Date", "toYYYYMM(d)", 1500, |i| {
        format!("{{\"d\":\"{}-{:02}-15\"}}", 1980 + i % 40, 1 + i % 12)
    })
    .await;
}
