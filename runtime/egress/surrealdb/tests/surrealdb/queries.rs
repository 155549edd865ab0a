//! Questions of an operator.

use danube_wasm_model::door::QueryError;
use serde_json::json;

use crate::common::{ask, count, done, inserts, memory};

#[tokio::test]
async fn reading_needs_nothing_and_writing_needs_to_be_said() {
    let db = memory();
    done(&db, &inserts("t", 3)).await;
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
    ask(&db, "DELETE t WHERE n = 1").await;
    assert_eq!(count(&db, "t").await, 2);
}

#[tokio::test]
async fn errors_are_shown_where_they_happened() {
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
async fn a_function_that_writes_is_a_write() {
    let db = memory();
    done(&db, &inserts("t", 3)).await;
    ask(&db, "DEFINE FUNCTION fn::clear() { DELETE t }").await;
    assert!(matches!(
        db.query("RETURN fn::clear()", false).await,
        Err(QueryError::ReadOnly { .. })
    ));
    assert_eq!(count(&db, "t").await, 3);
}

#[tokio::test]
async fn the_demos_question_adds_up() {
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
    done(&db, &batch).await;
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
