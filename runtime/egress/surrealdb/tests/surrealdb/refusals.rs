//! Records that the database refuses are isolated, and the rest is written.

use danube_wasm_model::{
    door::Write,
    message::Operation::{Insert, Upsert},
};
use serde_json::json;

use crate::common::{count, insert, inserts, memory, query, write, write_all};

const POSITIVE: &str = "DEFINE TABLE t SCHEMALESS; DEFINE FIELD n ON t TYPE int ASSERT $value >= 0";

#[tokio::test]
async fn one_failed_assertion_in_500_rows_refuses_one_row() {
    let db = memory();
    query(&db, POSITIVE).await;
    let mut batch = inserts("t", 500);
    batch[317] = insert("t", "317", &json!({"n": -317}));
    for _ in 0..2 {
        let report = write_all(&db, &batch).await;
        let [(317, reason)] = report.refused.as_slice() else {
            panic!("{report:?}")
        };
        assert!(reason.contains("-317") && reason.contains("`n`"), "{reason}");
        assert_eq!(count(&db, "t").await, 499);
    }
}

#[tokio::test]
async fn ordered_writes_are_isolated_too() {
    let db = memory();
    query(&db, POSITIVE).await;
    let upsert = |i: i64| {
        write(
            Upsert,
            "t",
            &i.to_string(),
            5,
            &json!({"n": if i % 10 == 3 { -i } else { i }}),
        )
    };
    let batch: Vec<Write> = (0..40).map(upsert).collect();
    let report = write_all(&db, &batch).await;
    assert_eq!(
        report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        [3, 13, 23, 33]
    );
    assert!(report.refused[0].1.contains("-3"), "{report:?}");
    assert_eq!(count(&db, "t").await, 36);
}

#[tokio::test]
async fn a_refused_write_leaves_no_mark() {
    let db = memory();
    query(&db, POSITIVE).await;
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "a", 9, &json!({"n": -1}))])
            .await
            .refused
            .len(),
        1
    );
    let good = write_all(&db, &[write(Upsert, "t", "a", 5, &json!({"n": 1}))]).await;
    assert_eq!((good.refused.len(), good.unchanged), (0, 0));
}

#[tokio::test]
async fn if_the_first_of_two_inserts_is_refused_the_second_is_written() {
    let db = memory();
    query(&db, POSITIVE).await;
    let report = write_all(
        &db,
        &[insert("t", "a", &json!({"n": -1})), insert("t", "a", &json!({"n": 1}))],
    )
    .await;
    assert_eq!(report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0]);
    assert_eq!(query(&db, "SELECT VALUE n FROM t").await, json!([1]));
}

#[tokio::test]
async fn a_unique_index_refuses_with_its_reason() {
    let db = memory();
    query(
        &db,
        "DEFINE TABLE t SCHEMALESS; DEFINE INDEX u ON t FIELDS email UNIQUE",
    )
    .await;
    let first = [insert("t", "a", &json!({"email": "x@y"}))];
    write_all(&db, &first).await;
    let batch = [
        insert("t", "a", &json!({"email": "x@y"})),
        insert("t", "b", &json!({"email": "x@y"})),
        insert("t", "c", &json!({"email": "z@y"})),
        write(Upsert, "t", "d", 1, &json!({"email": "x@y"})),
    ];
    let report = write_all(&db, &batch).await;
    assert_eq!(
        report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        [1, 3]
    );
    assert!(report.refused[0].1.contains("index"), "{report:?}");
    assert_eq!(report.unchanged, 1, "a is there already");
    assert_eq!(query(&db, "SELECT VALUE email FROM t").await, json!(["x@y", "z@y"]));
}

#[tokio::test]
async fn types_schemas_and_events_refuse_their_records() {
    let db = memory();
    query(
        &db,
        "DEFINE TABLE typed SCHEMAFULL; DEFINE FIELD n ON typed TYPE int;
         DEFINE TABLE t; DEFINE EVENT e ON t WHEN $after.bad THEN { THROW 'not this one' };
         DEFINE TABLE seen AS SELECT * FROM t",
    )
    .await;
    let batch = [
        insert("typed", "1", &json!({"n": "text"})),
        insert("typed", "2", &json!({"n": 2})),
        insert("typed", "3", &json!({"n": 3, "more": 1})),
        insert("t", "4", &json!({"bad": true})),
        insert("t", "5", &json!({"bad": false})),
        insert("seen", "6", &json!({})),
    ];
    let report = write_all(&db, &batch).await;
    assert_eq!(
        report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        [0, 2, 3, 5],
        "{report:?}"
    );
    assert!(report.refused[2].1.contains("not this one"), "{report:?}");
    assert_eq!((count(&db, "typed").await, count(&db, "t").await), (1, 1));
}

#[tokio::test]
async fn invalid_documents_are_refused_with_a_reason() {
    let db = memory();
    let raw = |body: &'static str| Write {
        body: body.into(),
        ..write(Insert, "t", body, 0, &json!({}))
    };
    let batch = [
        raw("[1]"),
        raw("{\"a\":1,\"a\":2}"),
        raw("{"),
        raw("{\"a\":1e999}"),
        insert("", "x", &json!({})),
        insert("t", "", &json!({})),
        insert("_danube_wasm_order", "x", &json!({})),
        insert("t", "good", &json!({})),
    ];
    let report = write_all(&db, &batch).await;
    assert_eq!(
        report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6]
    );
    assert_eq!(count(&db, "t").await, 1);
}

#[tokio::test]
async fn a_missing_table_in_a_strict_database_is_a_configuration_error() {
    use danube_wasm_model::door::{Egress as _, EgressError};
    let db = memory();
    query(&db, "DEFINE DATABASE OVERWRITE test STRICT").await;
    let error = db.write(&inserts("absent", 3)).await.expect_err("no table");
    assert!(
        matches!(&error, EgressError::Configuration { message } if message.contains("absent")),
        "{error}"
    );
}
