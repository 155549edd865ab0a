//! An operator's queries.

use danube_wasm_model::door::QueryError;
use serde_json::json;

use crate::common::{count, inserts, memory, query, write_all};

#[tokio::test]
async fn queries_are_read_only_unless_write_is_set() {
    let db = memory();
    write_all(&db, &inserts("t", 3)).await;
    let answers = db
        .query("SELECT VALUE n FROM t; RETURN 1 + 1", false)
        .await
        .expect("reads");
    assert_eq!(answers, [json!([0, 1, 2]), json!(2)]);
    for surql in [
        "CREATE t",
        "UPDATE t SET n = 9",
        "DELETE t",
        "DEFINE TABLE u",
        "REMOVE TABLE t",
        "{ DELETE t }",
    ] {
        let error = db.query(surql, false).await.expect_err(surql);
        assert!(matches!(error, QueryError::ReadOnly { .. }), "{surql}: {error}");
        assert_eq!(count(&db, "t").await, 3);
    }
    query(&db, "DELETE t WHERE n = 1").await;
    assert_eq!(count(&db, "t").await, 2);
}

#[tokio::test]
async fn errors_are_returned_in_place_of_their_statements_result() {
    let db = memory();
    let answers = db.query("RETURN 1; THROW 'no'; RETURN 3", false).await.expect("runs");
    assert_eq!((&answers[0], &answers[2]), (&json!(1), &json!(3)));
    assert!(
        answers[1]["error"].as_str().is_some_and(|error| error.contains("no")),
        "{answers:?}"
    );
    assert!(matches!(
        db.query("SELECT FROM", true).await,
        Err(QueryError::Syntax(_))
    ));
}

#[tokio::test]
async fn a_call_of_a_database_function_counts_as_a_write() {
    let db = memory();
    write_all(&db, &inserts("t", 3)).await;
    query(&db, "DEFINE FUNCTION fn::clear() { DELETE t }").await;
    assert!(matches!(
        db.query("RETURN fn::clear()", false).await,
        Err(QueryError::ReadOnly { .. })
    ));
    assert_eq!(count(&db, "t").await, 3);
}

#[tokio::test]
async fn the_demos_query_returns_sums() {
    let db = memory();
    let event = |i: u32| {
        if i.is_multiple_of(3) {
            "payment.failed"
        } else {
            "payment.succeeded"
        }
    };
    let batch: Vec<_> = (0..100)
        .map(|i| crate::common::insert("stripe_payments", &i.to_string(), &json!({"event": event(i)})))
        .collect();
    write_all(&db, &batch).await;
    let answer = db
        .query(
            "SELECT event, count() AS total FROM stripe_payments GROUP BY event",
            false,
        )
        .await
        .expect("reads");
    assert_eq!(
        answer,
        [json!([{"event": "payment.failed", "total": 34}, {"event": "payment.succeeded", "total": 66}])]
    );
}
