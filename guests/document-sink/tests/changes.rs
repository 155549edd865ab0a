//! What a message that is a change of a row does to the row's document.

use danube_connector::{
    Operation,
    testing::{Delivered, Processed, SinkHarness, Written},
};
use document_sink::DocumentSink;
use serde_json::json;

const ORDER: u64 = 77;

struct Row<'a> {
    payload: &'a str,
    key: &'a str,
    attributes: &'a [(&'a str, &'a str)],
}

fn process(id: (&str, &str), row: &Row<'_>) -> Processed {
    let mut mapping =
        json!({ "topic": "/shop/stock", "subscription": "rows", "table": "stock", "include_danube_metadata": false });
    mapping[id.0] = id.1.into();
    let settings = json!({ "topic_mappings": [mapping], "config": {} }).to_string();
    let attributes = row.attributes.iter();
    let message = Delivered {
        key: row.key.into(),
        attributes: attributes
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        order: ORDER,
        ..Delivered::new("/shop/stock", row.payload)
    };
    let mut sink = SinkHarness::<DocumentSink>::new(&settings).expect("valid settings");
    sink.process_batch(&[message]).expect("processed")
}

fn write(id: (&str, &str), row: &Row<'_>) -> Written {
    let mut processed = process(id, row);
    assert!(processed.refused.is_empty(), "{:?}", processed.refused);
    processed.writes.remove(0)
}

fn refusal(row: &Row<'_>) -> String {
    let mut processed = process(("id_pointer", "/id"), row);
    assert!(processed.writes.is_empty(), "{:?}", processed.writes);
    processed.refused.remove(0).message
}

fn row<'a>(attributes: &'a [(&'a str, &'a str)]) -> Row<'a> {
    Row {
        payload: r#"{"id": 7, "name": "bolt"}"#,
        key: "[7]",
        attributes,
    }
}

#[test]
fn each_kind_of_change_does_what_was_done_to_the_row() {
    for id in [("id_pointer", "/id"), ("id_from", "key")] {
        for (name, operation) in [
            ("read", Operation::Upsert),
            ("insert", Operation::Upsert),
            ("update", Operation::Upsert),
            ("delete", Operation::Delete),
            ("message", Operation::Upsert),
        ] {
            let write = write(id, &row(&[("change.op", name)]));
            assert_eq!((write.operation, write.order), (operation, ORDER), "{name}");
            assert_eq!(write.id.as_deref(), Some("7"), "{id:?}");
            assert_eq!(write.payload.is_empty(), operation == Operation::Delete, "{name}");
        }
    }
}

#[test]
fn an_update_that_lacks_values_merges_and_one_that_also_has_a_new_key_is_refused() {
    let unchanged = ("change.unchanged", "body,Body 2");
    let update = ("change.op", "update");
    let merged = write(("id_pointer", "/id"), &row(&[update, unchanged]));
    assert_eq!((merged.operation, merged.order), (Operation::Merge, ORDER));
    let refused = refusal(&row(&[update, unchanged, ("change.key-changed", "true")]));
    assert!(
        refused.contains("body, Body 2") && refused.contains("REPLICA IDENTITY FULL"),
        "{refused}"
    );
    let whole = write(("id_pointer", "/id"), &row(&[update, ("change.key-changed", "true")]));
    assert_eq!(whole.operation, Operation::Upsert);
}

#[test]
fn a_truncation_and_a_change_that_nobody_knows_are_refused() {
    let truncated = refusal(&row(&[("change.op", "truncate")]));
    assert!(truncated.contains("truncation"), "{truncated}");
    let unknown = refusal(&row(&[("change.op", "upend")]));
    assert!(unknown.contains("`change.op` is `upend`"), "{unknown}");
}

#[test]
fn without_an_id_each_change_is_a_document_of_its_own() {
    let change = row(&[("change.op", "delete")]);
    let write = write(("storage_mode", "Document"), &change);
    assert_eq!((write.operation, write.id), (Operation::Insert, None));
    assert_eq!(write.payload, change.payload.as_bytes());
}

#[test]
fn an_id_is_the_key_or_the_only_value_of_a_key_that_is_a_list() {
    for (key, id) in [
        ("order-7", "order-7"),
        ("[7]", "7"),
        ("[-7.5]", "-7.5"),
        ("[\"\\u00fc x\"]", "ü x"),
        ("[7,\"x\"]", "[7,\"x\"]"),
        ("[null]", "[null]"),
        ("[]", "[]"),
        ("7", "7"),
    ] {
        let row = Row { key, ..row(&[]) };
        assert_eq!(write(("id_from", "key"), &row).id.as_deref(), Some(id), "{key}");
    }
    let keyless = Row { key: "", ..row(&[]) };
    let refused = process(("id_from", "key"), &keyless).refused.remove(0).message;
    assert!(refused.contains("has no key"), "{refused}");
}

#[test]
fn a_deletion_by_key_needs_no_payload() {
    let tombstone = Row {
        payload: "",
        key: "order-7",
        attributes: &[("change.op", "delete")],
    };
    let write = write(("id_from", "key"), &tombstone);
    assert_eq!(
        (write.operation, write.id.as_deref()),
        (Operation::Delete, Some("order-7"))
    );
}
