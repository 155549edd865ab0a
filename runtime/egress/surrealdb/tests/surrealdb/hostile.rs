//! Names and values that look like statements.

use danube_wasm_egress_surrealdb::{DatetimeField, DatetimeForm};
use danube_wasm_model::message::Operation::{Delete, Insert, Merge, Upsert};
use serde_json::{Value, json};

use crate::common::{count, insert, inserts, memory, options, query, write, write_all};

const NAMES: [&str; 20] = [
    "a;DROP TABLE t",
    "`; REMOVE TABLE t; `",
    "back`tick",
    "⟨angle⟩",
    "⟩⟨",
    "it's",
    "\"quoted\"",
    "back\\slash",
    "a-b",
    "a:b",
    "a.b.c",
    "123",
    "-1",
    "018f4b0e-7d0c-7b3e-9d3c-0a1b2c3d4e5f",
    "rand()",
    "$table",
    "[1, 2]",
    "..",
    "漢字 ünï 🦀",
    "null",
];

#[tokio::test]
async fn ids_stay_text() {
    let db = memory();
    for operation in [Insert, Upsert, Merge] {
        let batch: Vec<_> = NAMES
            .iter()
            .map(|id| write(operation, "t", id, 1, &json!({"name": id})))
            .collect();
        assert_eq!(write_all(&db, &batch).await.refused, []);
        let mut names: Vec<_> = NAMES.to_vec();
        names.sort_unstable();
        assert_eq!(query(&db, "SELECT VALUE name FROM t ORDER BY name").await, json!(names));
        let kinds = query(
            &db,
            "RETURN array::distinct(SELECT VALUE type::is_string(record::id(id)) FROM t)",
        )
        .await;
        assert_eq!(kinds, json!([true]));
        let same = query(&db, "RETURN array::distinct(SELECT VALUE record::id(id) = name FROM t)").await;
        assert_eq!(same, json!([true]));
    }
    let batch: Vec<_> = NAMES.iter().map(|id| write(Delete, "t", id, 2, &json!({}))).collect();
    write_all(&db, &batch).await;
    assert_eq!(count(&db, "t").await, 0);
}

#[tokio::test]
async fn table_names_are_kept_literally() {
    let db = memory();
    write_all(&db, &inserts("t", 3)).await;
    for operation in [Insert, Upsert] {
        let batch: Vec<_> = NAMES
            .iter()
            .map(|table| write(operation, table, "x", 1, &json!({"at": table})))
            .collect();
        assert_eq!(write_all(&db, &batch).await.refused, []);
        assert_eq!(write_all(&db, &batch).await.refused, []);
    }
    let tables = query(&db, "RETURN object::keys((INFO FOR DB).tables)").await;
    let tables: Vec<_> = tables
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for name in NAMES {
        assert!(tables.contains(&name), "{name} is not among {tables:?}");
    }
    assert_eq!(tables.len(), NAMES.len() + 2, "and `t`, and the marks: {tables:?}");
    assert_eq!(count(&db, "t").await, 3);
}

#[tokio::test]
async fn long_ids_and_control_characters_survive() {
    let db = memory();
    let ids = [
        "x".repeat(512),
        "nul\0nul".to_owned(),
        "nul\0".to_owned(),
        "nul".to_owned(),
        "line\nfeed".to_owned(),
    ];
    let batch: Vec<_> = ids
        .iter()
        .map(|id| write(Upsert, "t", id, 1, &json!({"name": id})))
        .collect();
    assert_eq!(write_all(&db, &batch).await.refused, []);
    let plain: Vec<_> = ids.iter().map(|id| insert("u", id, &json!({"name": id}))).collect();
    assert_eq!(write_all(&db, &plain).await.refused, []);
    assert_eq!(write_all(&db, &plain).await.unchanged, ids.len());
    for table in ["t", "u"] {
        assert_eq!(count(&db, table).await, 5);
        let same = query(
            &db,
            &format!("RETURN array::distinct(SELECT VALUE record::id(id) = name FROM {table})"),
        )
        .await;
        assert_eq!(same, json!([true]));
    }
}

#[tokio::test]
async fn a_payloads_own_id_in_and_out_are_stored_under_other_names() {
    let db = memory();
    let body = json!({"id": "other:1", "in": "person:1", "out": 2, "_id": 3});
    for operation in [Insert, Upsert, Merge] {
        write_all(&db, &[write(operation, "t", "mine", 0, &body)]).await;
        let stored = query(&db, "SELECT * FROM t").await;
        assert_eq!(
            stored,
            json!([{"id": "t:mine", "_id": "other:1", "_in": "person:1", "_out": 2, "__id": 3}]),
            "{operation:?}"
        );
    }
    let edge = query(&db, "RETURN (INFO FOR DB).tables.t CONTAINS 'RELATION'").await;
    assert_eq!(edge, json!(false));
}

#[tokio::test]
async fn values_come_back_as_they_were_sent() {
    let db = memory();
    let body = json!({
        "int": i64::MIN, "max": i64::MAX, "float": 0.1, "tiny": 5e-324, "huge": 1.7976931348623157e308,
        "null": null, "bool": true, "text": "2026-01-01T00:00:00Z", "record": "person:1", "uuid": NAMES[13],
        "duration": "1h", "quote": "'; DELETE t; --", "nested": [[], {}, [{"a.b": {"": [null]}}]],
        "point": {"type": "Point", "coordinates": [1.5, 2.5]}, "$x": 1, "unicode": "\u{0}\u{1F980}",
    });
    for operation in [Insert, Upsert] {
        let id = format!("{operation:?}");
        assert_eq!(
            write_all(&db, &[write(operation, "t", &id, 0, &body)]).await.refused,
            []
        );
        let stored = query(&db, &format!("SELECT * OMIT id FROM ONLY t:{id}")).await;
        assert_eq!(stored, body);
    }
    let kinds = query(
        &db,
        "RETURN (SELECT VALUE [text, record, uuid, duration].all(|$v| type::is_string($v)) FROM t)",
    )
    .await;
    assert_eq!(kinds, json!([true, true]));
}

#[tokio::test]
async fn large_and_precise_numbers_become_decimals() {
    let db = memory();
    let mut wanted = insert("t", "a", &json!({}));
    wanted.body = r#"{"u":18446744073709551615,"d":0.12345678901234567891,"big":123456789012345678901234567}"#.into();
    assert_eq!(write_all(&db, &[wanted]).await.refused, []);
    let stored = query(
        &db,
        "SELECT VALUE [<string> u, <string> d, <string> big, type::is_decimal(u)] FROM ONLY t:a",
    )
    .await;
    assert_eq!(
        stored,
        json!([
            "18446744073709551615",
            "0.12345678901234567891",
            "123456789012345678901234567",
            true
        ])
    );
}

#[tokio::test]
async fn declared_fields_become_datetimes() {
    let mut options = options("mem://", std::path::Path::new("/"));
    options.datetime_fields = vec![DatetimeField {
        path: vec!["_timestamp".to_owned()],
        form: DatetimeForm::Rfc3339,
    }];
    let db = danube_wasm_egress_surrealdb::Connections::new().egress(options);
    let body = json!({"_timestamp": "2026-11-23T20:00:00.123Z", "other": "2026-11-23T20:00:00Z"});
    write_all(&db, &[insert("t", "a", &body)]).await;
    let kinds = query(
        &db,
        "SELECT VALUE [type::is_datetime(_timestamp), type::is_datetime(other)] FROM ONLY t:a",
    )
    .await;
    assert_eq!(kinds, json!([true, false]));
    assert_eq!(
        query(&db, "SELECT VALUE _timestamp FROM ONLY t:a").await,
        json!("2026-11-23T20:00:00.123Z")
    );
    let bad = write_all(&db, &[insert("t", "b", &json!({"_timestamp": "soon"}))]).await;
    assert!(bad.refused[0].1.contains("_timestamp"), "{bad:?}");
}

#[tokio::test]
async fn deep_documents_do_not_exhaust_the_stack() {
    let db = memory();
    // With the document around it, the deepest nesting that is accepted.
    let deep = (0..99).fold(json!(1), |inner, i| {
        if i % 2 == 0 {
            json!([inner])
        } else {
            json!({ "d": inner })
        }
    });
    for operation in [Insert, Upsert, Merge] {
        let report = write_all(
            &db,
            &[write(
                operation,
                "t",
                &format!("{operation:?}"),
                0,
                &json!({ "deep": deep }),
            )],
        )
        .await;
        assert_eq!(report.refused, [], "{operation:?}");
    }
    assert_eq!(query(&db, "SELECT VALUE deep FROM t").await, json!([deep, deep, deep]));
}
