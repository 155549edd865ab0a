//! Documents to rows of tables as the server describes them.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_model::{FieldNode, FieldType, FieldTypes, RecordId};

use super::*;
use crate::{
    config::ColumnSource,
    layout::tests::{table, with_id},
    server::TableInfo,
    value::Conversion,
};

fn write(operation: Operation, id: &str, body: &str) -> Write {
    Write {
        target: "t".into(),
        id: id.to_owned(),
        operation,
        order: 7,
        record: Some(RecordId::from_broker("r".to_owned())),
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    }
}

fn events(columns: &[(&str, &str)]) -> TableInfo {
    table("MergeTree ORDER BY tuple()", "", "", columns)
}

fn make(info: TableInfo, options: &TableOptions, body: &str) -> Result<Row, String> {
    let layout = Layout::new(info, options).expect("a layout");
    let maker = RowMaker {
        layout: &layout,
        options,
    };
    maker.make(&write(Operation::Upsert, "a", body))
}

#[test]
fn a_field_fills_the_column_of_its_name_whatever_their_order() {
    let columns = &[
        ("a", "UInt8"),
        ("b", "String"),
        ("c", "Nullable(UInt8)"),
        ("d", "UInt8 DEFAULT 3"),
    ];
    let row = make(events(columns), &TableOptions::default(), r#"{"b":"x","a":1}"#).expect("a row");
    assert_eq!(row.bytes, b"\x01\x01x\x01");
    assert_eq!(row.left_out, [3]);
}

#[test]
fn what_is_unknown_or_missing_is_refused_by_name() {
    let columns = &[("a", "UInt8"), ("b", "String")];
    let refused = |body: &str| make(events(columns), &TableOptions::default(), body).expect_err(body);
    let said = refused(r#"{"a":1,"b":"x","c/d":2}"#);
    assert!(said.starts_with("`/c~1d` is 2, and the table has no column"), "{said}");
    let said = refused(r#"{"a":1}"#);
    assert!(said.starts_with("`/b` is missing, and column `b` String"), "{said}");
    assert_eq!(
        refused(r#"{"a":300,"b":"x"}"#),
        "`/a` is 300, which column `a` UInt8 does not hold: it is not from 0 to 255"
    );
    let said = refused(r#"{"a":null,"b":"x"}"#);
    assert!(
        said.starts_with("`/a` is null, which column `a` UInt8") && said.contains("not Nullable"),
        "{said}"
    );
}

#[test]
fn unknown_fields_are_dropped_or_kept_as_the_file_says() {
    let columns = &[("a", "UInt8"), ("rest", "String")];
    let with = |unknown_fields| TableOptions {
        unknown_fields,
        ..TableOptions::default()
    };
    let rest = UnknownFields::Column("rest".to_owned());
    let row = make(events(columns), &with(rest.clone()), r#"{"x":[1, 2],"a":1,"rest":3}"#).expect("a row");
    assert_eq!(row.bytes, b"\x01\x15{\"x\":[1, 2],\"rest\":3}");
    let row = make(events(columns), &with(rest), r#"{"a":1}"#).expect("a row");
    assert_eq!(row.bytes, b"\x01\x02{}");
    let row = make(events(&columns[..1]), &with(UnknownFields::Drop), r#"{"x":2,"a":1}"#).expect("a row");
    assert_eq!(row.bytes, b"\x01");
}

#[test]
fn pointers_fill_columns_from_anywhere() {
    let options = TableOptions {
        columns: vec![ColumnSource {
            column: "name".to_owned(),
            pointer: "/customer/names/0".parse().expect("a pointer"),
        }],
        ..TableOptions::default()
    };
    let columns = &[("a", "UInt8"), ("name", "String")];
    let row = make(
        events(columns),
        &options,
        r#"{"a":1,"customer":{"names":["x"],"other":2}}"#,
    )
    .expect("a row");
    assert_eq!(row.bytes, b"\x01\x01x");
    let said = make(events(columns), &options, r#"{"a":1,"customer":{"names":[5]}}"#).expect_err("refused");
    assert!(
        said.starts_with("`/customer/names/0` is 5, which column `name` String"),
        "{said}"
    );
    let said = make(events(columns), &options, r#"{"a":1}"#).expect_err("refused");
    assert!(said.starts_with("`/customer/names/0` is missing"), "{said}");
}

const KEYED: &[(&str, &str)] = &[("id", "String"), ("n", "UInt8"), ("ver", "UInt64"), ("gone", "UInt8")];

fn keyed() -> TableInfo {
    table("ReplacingMergeTree(ver, gone) ORDER BY id", "id", "", KEYED)
}

#[test]
fn id_order_and_deletes_come_from_the_write() {
    let options = with_id("id");
    let row = make(keyed(), &options, r#"{"n":5,"id":"a"}"#).expect("a row");
    assert_eq!(row.bytes, b"\x01a\x05\x07\0\0\0\0\0\0\0\0");
    let layout = Layout::new(keyed(), &options).expect("a layout");
    let maker = RowMaker {
        layout: &layout,
        options: &options,
    };
    let tombstone = maker.make(&write(Operation::Delete, "a", "ignored")).expect("a row");
    assert_eq!(tombstone.bytes, b"\x01a\x07\0\0\0\0\0\0\0\x01");
    assert_eq!(
        (tombstone.left_out, tombstone.key),
        (vec![1], b"\x01a\x07\0\0\0\0\0\0\0".to_vec())
    );
}

#[test]
fn a_field_that_its_column_would_lose_is_refused() {
    for (body, says) in [
        (
            r#"{"n":5,"id":"b"}"#,
            "`/id` is \"b\", which column `id` String does not hold: the column gets the write's id, \"a\"",
        ),
        (
            r#"{"n":5,"ver":8}"#,
            "`/ver` is 8, which column `ver` UInt64 does not hold: the column gets the write's order, 7",
        ),
        (r#"{"n":5,"gone":1}"#, "name another `deleted_column`"),
    ] {
        let said = make(keyed(), &with_id("id"), body).expect_err(body);
        assert!(said.contains(says), "{said}");
    }
    assert!(
        make(keyed(), &with_id("id"), r#"{"n":5,"ver":7,"gone":0}"#).is_ok(),
        "they say the same"
    );
}

#[test]
fn ids_are_those_of_the_column_or_refused() {
    let numbers = table("MergeTree ORDER BY id", "id", "", &[("id", "UInt8")]);
    let layout = Layout::new(numbers, &with_id("id")).expect("a layout");
    let options = with_id("id");
    let maker = RowMaker {
        layout: &layout,
        options: &options,
    };
    assert_eq!(
        maker
            .make(&write(Operation::Insert, "7", r#"{"id":7}"#))
            .expect("a row")
            .bytes,
        [7]
    );
    let said = maker.make(&write(Operation::Insert, "x", "{}")).expect_err("refused");
    assert!(
        said.starts_with("the write's id is \"x\", which column `id` UInt8"),
        "{said}"
    );
}

#[test]
fn a_nested_is_arrays_or_objects_of_equal_length() {
    let columns = &[("n.a", "Array(UInt8)"), ("n.b", "Array(String)")];
    let rows = [
        r#"{"n.a":[1,2],"n.b":["x","y"]}"#,
        r#"{"n":{"a":[1,2],"b":["x","y"]}}"#,
        r#"{"n":[{"a":1,"b":"x"},{"b":"y","a":2}]}"#,
    ];
    for body in rows {
        let row = make(events(columns), &TableOptions::default(), body).expect(body);
        assert_eq!(row.bytes, b"\x02\x01\x02\x02\x01x\x01y", "{body}");
    }
    for (body, says) in [
        (
            r#"{"n":{"a":[1,2],"b":["x"]}}"#,
            "`/n` has 2 values for column `n.a` Array(UInt8) and 1 for `n.b`",
        ),
        (r#"{"n":[{"a":1,"b":"x"},{"a":300,"b":"y"}]}"#, "`/n/1/a` is 300"),
        (r#"{"n":[{"a":1}]}"#, "its member `b` is missing"),
        (r#"{"n":[{"a":1,"b":"x","c":1}]}"#, "`/n/0/c` is 1"),
        (r#"{"n":{"c":[]}}"#, "`/n/c` is []"),
        (r#"{"n":5}"#, "neither an object of arrays"),
    ] {
        let said = make(events(columns), &TableOptions::default(), body).expect_err(body);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn missing_fields_are_filled_where_the_file_says_so() {
    let options = TableOptions {
        fill_missing: true,
        conversion: Conversion::default(),
        ..TableOptions::default()
    };
    let row = make(events(&[("a", "UInt8"), ("b", "String")]), &options, r#"{"b":"x"}"#).expect("a row");
    assert_eq!((row.bytes, row.left_out), (b"\x01x".to_vec(), vec![0]));
}

#[test]
fn a_document_without_any_column_is_refused() {
    let columns = &[("a", "UInt8 DEFAULT 1")];
    let said = make(events(columns), &TableOptions::default(), "{}").expect_err("refused");
    assert!(said.contains("no field for any column"), "{said}");
}

#[test]
fn numbers_that_are_dates_by_the_messages_schema_are_dates() {
    let columns = &[("day", "Date32"), ("at", "Array(DateTime64(3))"), ("n", "Int32")];
    let members = [("day", 1), ("at", 2), ("n", 4)].map(|(name, node)| (name.to_owned(), node));
    let nodes = vec![
        FieldNode::Object(HashMap::from(members)),
        FieldNode::Value(FieldType::Date),
        FieldNode::Array(3),
        FieldNode::Value(FieldType::Timestamp { per_second: 1_000_000 }),
        FieldNode::Other,
    ];
    let layout = Layout::new(events(columns), &TableOptions::default()).expect("a layout");
    let maker = RowMaker {
        layout: &layout,
        options: &TableOptions::default(),
    };
    let mut write = write(Operation::Insert, "a", r#"{"day":-1,"at":[1500000],"n":5}"#);
    assert!(maker.make(&write).expect_err("without a schema").contains("`epoch`"));
    write.types = FieldTypes::of(nodes).map(Arc::new);
    let mut expected = (-1_i32).to_le_bytes().to_vec();
    expected.push(1);
    expected.extend_from_slice(&1_500_i64.to_le_bytes());
    expected.extend_from_slice(&5_i32.to_le_bytes());
    assert_eq!(maker.make(&write).expect("a row").bytes, expected);
}
