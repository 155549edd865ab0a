//! The four operations and their order.

use danube_wasm_model::{
    RecordId,
    clock::order_at,
    door::{Write, WriteReport},
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
            unchanged: 1,
            ..WriteReport::default()
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

/// With the order of a record.
fn of_record(write: Write, record: &str) -> Write {
    Write {
        record: Some(RecordId::from_broker(record.to_owned())),
        ..write
    }
}

#[tokio::test]
async fn an_equal_order_applies_for_the_same_record_only() {
    let db = memory();
    let at = order_at(1_764_000_000_000, 5);
    let first = of_record(write(Upsert, "t", "a", at, &json!({"v": 1})), "p/c:e1.0");
    assert_eq!(done(&db, &[first]).await.unchanged, 0);
    let other = of_record(write(Upsert, "t", "a", at, &json!({"v": 2})), "p/c:e2.0");
    assert_eq!(done(&db, &[other]).await.unchanged, 1);
    assert_eq!(documents(&db).await, json!([{"v": 1}]));
    let again = of_record(write(Upsert, "t", "a", at, &json!({"v": 3})), "p/c:e1.0");
    assert_eq!(done(&db, &[again]).await.unchanged, 0);
    let newer = of_record(write(Merge, "t", "a", at + 1, &json!({"w": 4})), "p/c:e2.0");
    assert_eq!(done(&db, &[newer]).await.unchanged, 0);
    assert_eq!(documents(&db).await, json!([{"v": 3, "w": 4}]));
    let late = of_record(write(Delete, "t", "a", at, &json!({})), "p/c:e1.0");
    assert_eq!(done(&db, &[late]).await.unchanged, 1);
    let deleted = of_record(write(Delete, "t", "a", at + 2, &json!({})), "p/c:e3.0");
    assert_eq!(done(&db, &[deleted]).await.unchanged, 0);
    let back = of_record(write(Upsert, "t", "a", at + 1, &json!({})), "p/c:e2.0");
    assert_eq!(done(&db, &[back]).await.unchanged, 1);
    assert_eq!(count(&db, "t").await, 0);
}

#[tokio::test]
async fn marks_in_milliseconds_and_orders_of_records_go_together() {
    let db = memory();
    let now = 1_764_000_000_000;
    // As before records had orders, or by a component that takes the publish time.
    done(&db, &[write(Upsert, "t", "a", now, &json!({"v": "ms"}))]).await;
    let older = of_record(write(Upsert, "t", "a", order_at(now - 1, 9), &json!({})), "p/c:e0.0");
    assert_eq!(done(&db, &[older]).await.unchanged, 1);
    let same = of_record(
        write(Upsert, "t", "a", order_at(now, 0), &json!({"v": "same"})),
        "p/c:e1.0",
    );
    assert_eq!(done(&db, &[same]).await.unchanged, 0);
    // And such a component goes on behind one that takes the record's order.
    for (ms, unchanged) in [(now - 1, 1), (now, 0), (now + 7, 0), (now + 6, 1), (now + 7, 0)] {
        let write = write(Upsert, "t", "a", ms, &json!({"v": ms}));
        assert_eq!(done(&db, &[write]).await.unchanged, unchanged, "{ms}");
    }
    assert_eq!(documents(&db).await, json!([{"v": now + 7}]));
    let other = of_record(
        write(Upsert, "t", "a", order_at(now + 8, 0), &json!({"v": "new"})),
        "p/c:e2.0",
    );
    assert_eq!(done(&db, &[other]).await.unchanged, 0);
    assert_eq!(documents(&db).await, json!([{"v": "new"}]));
}

#[tokio::test]
async fn updates_of_one_document_in_a_batch_are_one_write() {
    let db = memory();
    let at = |i: u64| order_at(1_764_000_000_000, i);
    let updates = |from: u64| {
        let update = |i: u64| of_record(write(Upsert, "t", "a", at(i), &json!({"v": i})), &format!("p/c:e{i}.0"));
        (from..from + 300).map(update).collect::<Vec<_>>()
    };
    assert_eq!(
        done(&db, &updates(0)).await,
        WriteReport {
            refused: vec![],
            unchanged: 299,
            ..WriteReport::default()
        }
    );
    assert_eq!(documents(&db).await, json!([{"v": 299}]));
    // Shuffled, with what is late and what comes again.
    let mut more = updates(200);
    more.reverse();
    done(&db, &more).await;
    assert_eq!(documents(&db).await, json!([{"v": 499}]));
    // More rounds than one script has.
    let merges: Vec<_> = (0..40)
        .map(|i| {
            of_record(
                write(Merge, "t", "a", at(600 + i), &json!({format!("f{i}"): i})),
                "p/c:m.0",
            )
        })
        .collect();
    assert_eq!(done(&db, &merges).await.unchanged, 0);
    let documents = documents(&db).await;
    assert_eq!(
        (&documents[0]["v"], &documents[0]["f0"], &documents[0]["f39"]),
        (&json!(499), &json!(0), &json!(39))
    );
}

#[tokio::test]
async fn where_the_newest_is_refused_the_one_before_it_is_written() {
    let db = memory();
    ask(
        &db,
        "DEFINE TABLE t SCHEMALESS; DEFINE FIELD v ON t TYPE int ASSERT $value < 100",
    )
    .await;
    let at = |i: u64| order_at(1_764_000_000_000, i);
    let update = |i: u64, v: u64| of_record(write(Upsert, "t", "a", at(i), &json!({"v": v})), &format!("p/c:e{i}.0"));
    let batch = [
        update(1, 1),
        update(2, 2),
        update(3, 300),
        write(Upsert, "t", "b", 0, &json!({"v": 4})),
        update(5, 500),
        write(Upsert, "t", "b", 0, &json!({"v": 600})),
    ];
    let report = done(&db, &batch).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!((places, report.unchanged), (vec![2, 4, 5], 1), "{report:?}");
    assert_eq!(documents(&db).await, json!([{"v": 2}, {"v": 4}]));
    done(&db, &[update(4, 7)]).await;
    assert_eq!(documents(&db).await, json!([{"v": 7}, {"v": 4}]));
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
            // Of `gone`, the first is replaced in the same batch.
            unchanged: 3,
            ..WriteReport::default()
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
            unchanged: 1,
            ..WriteReport::default()
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
