//! The four operations and their order.

use danube_wasm_model::{
    door::WriteReport,
    message::Operation::{Delete, Insert, Merge, Upsert},
};
use serde_json::{Value, json};

use crate::common::{ask, count, done, insert, inserts, memory, write};

async fn documents(egress: &danube_wasm_egress_surrealdb::SurrealEgress) -> Value {
    ask(egress, "SELECT * OMIT id FROM t").await
}

#[tokio::test]
async fn insert_leaves_what_is_there() {
    let db = memory();
    assert_eq!(
        done(&db, &[insert("t", "a", &json!({"v": 1}))]).await,
        WriteReport::default()
    );
    let again = done(
        &db,
        &[insert("t", "a", &json!({"v": 2})), insert("t", "b", &json!({"v": 3}))],
    )
    .await;
    assert_eq!(
        again,
        WriteReport {
            refused: vec![],
            unchanged: 1
        }
    );
    assert_eq!(documents(&db).await, json!([{"v": 1}, {"v": 3}]));
}

#[tokio::test]
async fn upsert_replaces_the_whole_document() {
    let db = memory();
    done(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 1, "old": true}))]).await;
    done(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 2}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 2}]));
}

#[tokio::test]
async fn merge_sets_the_given_fields_or_creates() {
    let db = memory();
    done(&db, &[write(Merge, "t", "a", 0, &json!({"v": 1, "deep": {"x": 1}}))]).await;
    done(&db, &[write(Merge, "t", "a", 0, &json!({"w": null, "deep": {"y": 2}}))]).await;
    assert_eq!(
        documents(&db).await,
        json!([{"v": 1, "w": null, "deep": {"x": 1, "y": 2}}])
    );
}

#[tokio::test]
async fn delete_removes_and_may_be_repeated() {
    let db = memory();
    done(&db, &[insert("t", "a", &json!({}))]).await;
    for _ in 0..2 {
        done(&db, &[write(Delete, "t", "a", 0, &json!({}))]).await;
        assert_eq!(count(&db, "t").await, 0);
    }
}

#[tokio::test]
async fn a_late_write_loses_against_a_newer_one() {
    let db = memory();
    let newer = done(&db, &[write(Upsert, "t", "a", 20, &json!({"v": "new"}))]).await;
    assert_eq!(newer.unchanged, 0);
    for late in [
        write(Upsert, "t", "a", 19, &json!({"v": "late"})),
        write(Merge, "t", "a", 19, &json!({"w": "late"})),
        write(Delete, "t", "a", 19, &json!({})),
    ] {
        assert_eq!(done(&db, &[late]).await.unchanged, 1);
        assert_eq!(documents(&db).await, json!([{"v": "new"}]));
    }
    assert_eq!(
        done(&db, &[write(Upsert, "t", "a", 20, &json!({"v": "same"}))])
            .await
            .unchanged,
        0
    );
    assert_eq!(documents(&db).await, json!([{"v": "same"}]));
}

#[tokio::test]
async fn a_late_write_does_not_bring_a_deleted_document_back() {
    let db = memory();
    done(&db, &[write(Upsert, "t", "a", 5, &json!({"v": 5}))]).await;
    done(&db, &[write(Delete, "t", "a", 7, &json!({}))]).await;
    for late in [Insert, Upsert, Merge] {
        assert_eq!(
            done(&db, &[write(late, "t", "a", 6, &json!({"v": 6}))]).await.unchanged,
            1,
            "{late:?}"
        );
    }
    assert_eq!(count(&db, "t").await, 0);
    done(&db, &[write(Upsert, "t", "a", 8, &json!({"v": 8}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 8}]));
}

#[tokio::test]
async fn a_delete_of_what_was_never_there_is_remembered() {
    let db = memory();
    done(&db, &[write(Delete, "t", "a", 7, &json!({}))]).await;
    assert_eq!(done(&db, &[write(Upsert, "t", "a", 6, &json!({}))]).await.unchanged, 1);
    done(&db, &[write(Upsert, "t", "a", 7, &json!({"v": 7}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 7}]));
}

#[tokio::test]
async fn without_order_a_write_always_applies() {
    let db = memory();
    done(&db, &[write(Upsert, "t", "a", 20, &json!({"v": 1}))]).await;
    done(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 2}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 2}]));
    assert_eq!(
        done(&db, &[write(Upsert, "t", "a", 19, &json!({"v": 3}))])
            .await
            .unchanged,
        1
    );
}

#[tokio::test]
async fn orders_use_all_their_bits() {
    let db = memory();
    done(&db, &[write(Upsert, "t", "a", u64::MAX, &json!({"v": 1}))]).await;
    assert_eq!(
        done(&db, &[write(Upsert, "t", "a", u64::MAX - 1, &json!({"v": 2}))])
            .await
            .unchanged,
        1
    );
    done(&db, &[write(Upsert, "t", "a", u64::MAX, &json!({"v": 3}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 3}]));
}

#[tokio::test]
async fn orders_belong_to_a_table_and_an_id() {
    let db = memory();
    done(&db, &[write(Upsert, "t", "a", 9, &json!({"v": 9}))]).await;
    let others = [
        write(Upsert, "u", "a", 1, &json!({})),
        write(Upsert, "t", "b", 1, &json!({})),
    ];
    assert_eq!(done(&db, &others).await.unchanged, 0);
}

#[tokio::test]
async fn writes_of_one_document_in_a_batch_apply_in_turn() {
    let db = memory();
    let batch = [
        insert("t", "twice", &json!({"v": "first"})),
        insert("t", "twice", &json!({"v": "second"})),
        write(Upsert, "t", "a", 0, &json!({"v": 1})),
        insert("t", "lone", &json!({"v": 0})),
        write(Merge, "t", "a", 0, &json!({"w": 2})),
        write(Upsert, "t", "gone", 3, &json!({})),
        write(Delete, "t", "gone", 4, &json!({})),
        write(Upsert, "t", "gone", 3, &json!({"late": true})),
        write(Delete, "t", "back", 0, &json!({})),
        insert("t", "back", &json!({"v": "back"})),
    ];
    let expected = json!([{"v": 1, "w": 2}, {"v": "back"}, {"v": 0}, {"v": "first"}]);
    assert_eq!(
        done(&db, &batch).await,
        WriteReport {
            refused: vec![],
            unchanged: 2
        }
    );
    assert_eq!(documents(&db).await, expected);
    done(&db, &batch).await;
    assert_eq!(documents(&db).await, expected, "again changes nothing");
}

#[tokio::test]
async fn a_batch_may_be_repeated_whole_or_in_part() {
    let db = memory();
    let batch = inserts("t", 1000);
    assert_eq!(done(&db, &batch[..400]).await.unchanged, 0);
    assert_eq!(done(&db, &batch).await.unchanged, 400);
    assert_eq!(done(&db, &batch).await.unchanged, 1000);
    assert_eq!(count(&db, "t").await, 1000);
    assert_eq!(
        ask(&db, "RETURN math::sum(SELECT VALUE n FROM t)").await,
        json!(499_500)
    );
}

#[tokio::test]
async fn a_batch_may_name_tables_that_are_there_and_tables_that_are_not() {
    let db = memory();
    done(&db, &[insert("t", "a", &json!({}))]).await;
    let batch = [
        insert("new", "a", &json!({})),
        insert("t", "a", &json!({})),
        write(Delete, "absent", "a", 1, &json!({})),
        insert("newer", "a", &json!({})),
    ];
    assert_eq!(
        done(&db, &batch).await,
        WriteReport {
            refused: vec![],
            unchanged: 1
        }
    );
    assert_eq!((count(&db, "new").await, count(&db, "newer").await), (1, 1));
}

#[tokio::test]
async fn more_than_one_statement_holds_is_written() {
    let db = memory();
    assert_eq!(done(&db, &inserts("t", 2500)).await, WriteReport::default());
    assert_eq!(count(&db, "t").await, 2500);
}

#[tokio::test]
async fn an_empty_batch_is_done() {
    assert_eq!(done(&memory(), &[]).await, WriteReport::default());
}

#[tokio::test]
async fn lanes_may_write_at_the_same_time() {
    let db = memory();
    let mut lanes = Vec::new();
    for lane in 0..4 {
        let db = std::sync::Arc::clone(&db);
        lanes.push(tokio::spawn(async move {
            for i in 0..10 {
                let write = |id: &str| write(Upsert, "t", id, i + 1, &json!({"lane": lane, "i": i}));
                done(&db, &[write("shared"), write(&format!("{lane}"))]).await;
            }
        }));
    }
    for lane in lanes {
        lane.await.expect("the lane ends");
    }
    assert_eq!(count(&db, "t").await, 5);
    assert_eq!(ask(&db, "SELECT VALUE i FROM t").await, json!([9, 9, 9, 9, 9]));
}
