//! The four operations and their order.

use danube_wasm_model::{
    RecordId,
    clock::order_at,
    door::{Write, WriteReport},
    message::Operation::{Delete, Insert, Merge, Upsert},
};
use serde_json::{Value, json};

use crate::common::{count, insert, inserts, memory, query, write, write_all};

async fn documents(egress: &danube_wasm_egress_surrealdb::SurrealEgress) -> Value {
    query(egress, "SELECT * OMIT id FROM t").await
}

#[tokio::test]
async fn insert_leaves_an_existing_document() {
    let db = memory();
    assert_eq!(
        write_all(&db, &[insert("t", "a", &json!({"v": 1}))]).await,
        WriteReport::default()
    );
    let again = write_all(
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
    write_all(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 1, "old": true}))]).await;
    write_all(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 2}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 2}]));
}

#[tokio::test]
async fn merge_sets_the_given_fields_or_creates() {
    let db = memory();
    write_all(&db, &[write(Merge, "t", "a", 0, &json!({"v": 1, "deep": {"x": 1}}))]).await;
    write_all(&db, &[write(Merge, "t", "a", 0, &json!({"w": null, "deep": {"y": 2}}))]).await;
    assert_eq!(
        documents(&db).await,
        json!([{"v": 1, "w": null, "deep": {"x": 1, "y": 2}}])
    );
}

#[tokio::test]
async fn delete_removes_a_document_and_may_be_repeated() {
    let db = memory();
    write_all(&db, &[insert("t", "a", &json!({}))]).await;
    for _ in 0..2 {
        write_all(&db, &[write(Delete, "t", "a", 0, &json!({}))]).await;
        assert_eq!(count(&db, "t").await, 0);
    }
}

#[tokio::test]
async fn a_late_write_loses_against_a_newer_one() {
    let db = memory();
    let newer = write_all(&db, &[write(Upsert, "t", "a", 20, &json!({"v": "new"}))]).await;
    assert_eq!(newer.unchanged, 0);
    for late in [
        write(Upsert, "t", "a", 19, &json!({"v": "late"})),
        write(Merge, "t", "a", 19, &json!({"w": "late"})),
        write(Delete, "t", "a", 19, &json!({})),
    ] {
        assert_eq!(write_all(&db, &[late]).await.unchanged, 1);
        assert_eq!(documents(&db).await, json!([{"v": "new"}]));
    }
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "a", 20, &json!({"v": "same"}))])
            .await
            .unchanged,
        0
    );
    assert_eq!(documents(&db).await, json!([{"v": "same"}]));
}

#[tokio::test]
async fn a_late_write_does_not_restore_a_deleted_document() {
    let db = memory();
    write_all(&db, &[write(Upsert, "t", "a", 5, &json!({"v": 5}))]).await;
    write_all(&db, &[write(Delete, "t", "a", 7, &json!({}))]).await;
    for late in [Insert, Upsert, Merge] {
        assert_eq!(
            write_all(&db, &[write(late, "t", "a", 6, &json!({"v": 6}))])
                .await
                .unchanged,
            1,
            "{late:?}"
        );
    }
    assert_eq!(count(&db, "t").await, 0);
    write_all(&db, &[write(Upsert, "t", "a", 8, &json!({"v": 8}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 8}]));
}

#[tokio::test]
async fn deleting_a_missing_document_leaves_a_mark() {
    let db = memory();
    write_all(&db, &[write(Delete, "t", "a", 7, &json!({}))]).await;
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "a", 6, &json!({}))])
            .await
            .unchanged,
        1
    );
    write_all(&db, &[write(Upsert, "t", "a", 7, &json!({"v": 7}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 7}]));
}

#[tokio::test]
async fn without_order_a_write_always_applies() {
    let db = memory();
    write_all(&db, &[write(Upsert, "t", "a", 20, &json!({"v": 1}))]).await;
    write_all(&db, &[write(Upsert, "t", "a", 0, &json!({"v": 2}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 2}]));
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "a", 19, &json!({"v": 3}))])
            .await
            .unchanged,
        1
    );
}

/// Gives a write the id of a record, and with it a record's order.
fn with_record(write: Write, record: &str) -> Write {
    Write {
        record: Some(RecordId::from_broker(record.to_owned())),
        ..write
    }
}

#[tokio::test]
async fn an_equal_order_applies_only_to_the_same_record() {
    let db = memory();
    let at = order_at(1_764_000_000_000, 5);
    let first = with_record(write(Upsert, "t", "a", at, &json!({"v": 1})), "p/c:e1.0");
    assert_eq!(write_all(&db, &[first]).await.unchanged, 0);
    let other = with_record(write(Upsert, "t", "a", at, &json!({"v": 2})), "p/c:e2.0");
    assert_eq!(write_all(&db, &[other]).await.unchanged, 1);
    assert_eq!(documents(&db).await, json!([{"v": 1}]));
    let again = with_record(write(Upsert, "t", "a", at, &json!({"v": 3})), "p/c:e1.0");
    assert_eq!(write_all(&db, &[again]).await.unchanged, 0);
    let newer = with_record(write(Merge, "t", "a", at + 1, &json!({"w": 4})), "p/c:e2.0");
    assert_eq!(write_all(&db, &[newer]).await.unchanged, 0);
    assert_eq!(documents(&db).await, json!([{"v": 3, "w": 4}]));
    let late = with_record(write(Delete, "t", "a", at, &json!({})), "p/c:e1.0");
    assert_eq!(write_all(&db, &[late]).await.unchanged, 1);
    let deleted = with_record(write(Delete, "t", "a", at + 2, &json!({})), "p/c:e3.0");
    assert_eq!(write_all(&db, &[deleted]).await.unchanged, 0);
    let back = with_record(write(Upsert, "t", "a", at + 1, &json!({})), "p/c:e2.0");
    assert_eq!(write_all(&db, &[back]).await.unchanged, 1);
    assert_eq!(count(&db, "t").await, 0);
}

#[tokio::test]
async fn orders_of_components_and_of_records_are_compared_by_milliseconds() {
    let db = memory();
    let now = 1_764_000_000_000;
    // As written before records had orders, or by a component that uses the publish time.
    write_all(&db, &[write(Upsert, "t", "a", now, &json!({"v": "ms"}))]).await;
    let older = with_record(write(Upsert, "t", "a", order_at(now - 1, 9), &json!({})), "p/c:e0.0");
    assert_eq!(write_all(&db, &[older]).await.unchanged, 1);
    let same = with_record(
        write(Upsert, "t", "a", order_at(now, 0), &json!({"v": "same"})),
        "p/c:e1.0",
    );
    assert_eq!(write_all(&db, &[same]).await.unchanged, 0);
    // Such a component also continues after one that uses the record's order.
    for (ms, unchanged) in [(now - 1, 1), (now, 0), (now + 7, 0), (now + 6, 1), (now + 7, 0)] {
        let write = write(Upsert, "t", "a", ms, &json!({"v": ms}));
        assert_eq!(write_all(&db, &[write]).await.unchanged, unchanged, "{ms}");
    }
    assert_eq!(documents(&db).await, json!([{"v": now + 7}]));
    let other = with_record(
        write(Upsert, "t", "a", order_at(now + 8, 0), &json!({"v": "new"})),
        "p/c:e2.0",
    );
    assert_eq!(write_all(&db, &[other]).await.unchanged, 0);
    assert_eq!(documents(&db).await, json!([{"v": "new"}]));
}

#[tokio::test]
async fn updates_of_one_document_in_a_batch_are_one_write() {
    let db = memory();
    let at = |i: u64| order_at(1_764_000_000_000, i);
    let updates = |from: u64| {
        let update = |i: u64| with_record(write(Upsert, "t", "a", at(i), &json!({"v": i})), &format!("p/c:e{i}.0"));
        (from..from + 300).map(update).collect::<Vec<_>>()
    };
    assert_eq!(
        write_all(&db, &updates(0)).await,
        WriteReport {
            refused: vec![],
            unchanged: 299,
            ..WriteReport::default()
        }
    );
    assert_eq!(documents(&db).await, json!([{"v": 299}]));
    // Shuffled, with late writes and repeated ones.
    let mut more = updates(200);
    more.reverse();
    write_all(&db, &more).await;
    assert_eq!(documents(&db).await, json!([{"v": 499}]));
    // More rounds than one script has.
    let merges: Vec<_> = (0..40)
        .map(|i| {
            with_record(
                write(Merge, "t", "a", at(600 + i), &json!({format!("f{i}"): i})),
                "p/c:m.0",
            )
        })
        .collect();
    assert_eq!(write_all(&db, &merges).await.unchanged, 0);
    let documents = documents(&db).await;
    assert_eq!(
        (&documents[0]["v"], &documents[0]["f0"], &documents[0]["f39"]),
        (&json!(499), &json!(0), &json!(39))
    );
}

#[tokio::test]
async fn if_the_newest_write_is_refused_the_one_before_it_is_written() {
    let db = memory();
    query(
        &db,
        "DEFINE TABLE t SCHEMALESS; DEFINE FIELD v ON t TYPE int ASSERT $value < 100",
    )
    .await;
    let at = |i: u64| order_at(1_764_000_000_000, i);
    let update = |i: u64, v: u64| with_record(write(Upsert, "t", "a", at(i), &json!({"v": v})), &format!("p/c:e{i}.0"));
    let batch = [
        update(1, 1),
        update(2, 2),
        update(3, 300),
        write(Upsert, "t", "b", 0, &json!({"v": 4})),
        update(5, 500),
        write(Upsert, "t", "b", 0, &json!({"v": 600})),
    ];
    let report = write_all(&db, &batch).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!((places, report.unchanged), (vec![2, 4, 5], 1), "{report:?}");
    assert_eq!(documents(&db).await, json!([{"v": 2}, {"v": 4}]));
    write_all(&db, &[update(4, 7)]).await;
    assert_eq!(documents(&db).await, json!([{"v": 7}, {"v": 4}]));
}

#[tokio::test]
async fn orders_use_all_their_bits() {
    let db = memory();
    write_all(&db, &[write(Upsert, "t", "a", u64::MAX, &json!({"v": 1}))]).await;
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "a", u64::MAX - 1, &json!({"v": 2}))])
            .await
            .unchanged,
        1
    );
    write_all(&db, &[write(Upsert, "t", "a", u64::MAX, &json!({"v": 3}))]).await;
    assert_eq!(documents(&db).await, json!([{"v": 3}]));
}

#[tokio::test]
async fn each_table_and_id_has_its_own_mark() {
    let db = memory();
    write_all(&db, &[write(Upsert, "t", "a", 9, &json!({"v": 9}))]).await;
    let others = [
        write(Upsert, "u", "a", 1, &json!({})),
        write(Upsert, "t", "b", 1, &json!({})),
    ];
    assert_eq!(write_all(&db, &others).await.unchanged, 0);
}

#[tokio::test]
async fn writes_of_one_document_in_a_batch_apply_in_order() {
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
        write_all(&db, &batch).await,
        WriteReport {
            refused: vec![],
            // Of `gone`, the first write is superseded in the same batch.
            unchanged: 3,
            ..WriteReport::default()
        }
    );
    assert_eq!(documents(&db).await, expected);
    write_all(&db, &batch).await;
    assert_eq!(documents(&db).await, expected, "again changes nothing");
}

#[tokio::test]
async fn a_batch_may_be_repeated_whole_or_in_part() {
    let db = memory();
    let batch = inserts("t", 1000);
    assert_eq!(write_all(&db, &batch[..400]).await.unchanged, 0);
    assert_eq!(write_all(&db, &batch).await.unchanged, 400);
    assert_eq!(write_all(&db, &batch).await.unchanged, 1000);
    assert_eq!(count(&db, "t").await, 1000);
    assert_eq!(
        query(&db, "RETURN math::sum(SELECT VALUE n FROM t)").await,
        json!(499_500)
    );
}

#[tokio::test]
async fn a_batch_may_name_existing_and_missing_tables() {
    let db = memory();
    write_all(&db, &[insert("t", "a", &json!({}))]).await;
    let batch = [
        insert("new", "a", &json!({})),
        insert("t", "a", &json!({})),
        write(Delete, "absent", "a", 1, &json!({})),
        insert("newer", "a", &json!({})),
    ];
    assert_eq!(
        write_all(&db, &batch).await,
        WriteReport {
            refused: vec![],
            unchanged: 1,
            ..WriteReport::default()
        }
    );
    assert_eq!((count(&db, "new").await, count(&db, "newer").await), (1, 1));
}

#[tokio::test]
async fn a_batch_larger_than_one_statement_is_written() {
    let db = memory();
    assert_eq!(write_all(&db, &inserts("t", 2500)).await, WriteReport::default());
    assert_eq!(count(&db, "t").await, 2500);
}

#[tokio::test]
async fn an_empty_batch_succeeds() {
    assert_eq!(write_all(&memory(), &[]).await, WriteReport::default());
}

#[tokio::test]
async fn concurrent_batches_are_all_written() {
    let db = memory();
    let mut lanes = Vec::new();
    for lane in 0..4 {
        let db = std::sync::Arc::clone(&db);
        lanes.push(tokio::spawn(async move {
            for i in 0..10 {
                let write = |id: &str| write(Upsert, "t", id, i + 1, &json!({"lane": lane, "i": i}));
                write_all(&db, &[write("shared"), write(&format!("{lane}"))]).await;
            }
        }));
    }
    for lane in lanes {
        lane.await.expect("the lane ends");
    }
    assert_eq!(count(&db, "t").await, 5);
    assert_eq!(query(&db, "SELECT VALUE i FROM t").await, json!([9, 9, 9, 9, 9]));
}
