use serde_json::Value as Json;

use super::*;
use crate::config::Ordering;

fn spec() -> CollectionSpec {
    CollectionSpec {
        create: false,
        vectors: Vec::new(),
        payload_indexes: Vec::new(),
        tenant_field: None,
        vector_pointer: "/vector".parse().expect("a pointer"),
        payload_pointer: None,
        layout: Layout::Nested,
        ids: IdForm::Uuid,
        ordering: Ordering::Auto,
        inference: false,
        keep_deletes: None,
    }
}

fn read_as(body: &str, spec: &CollectionSpec) -> Result<Document, String> {
    let write = Write {
        target: "c".into(),
        id: "a".to_owned(),
        operation: Operation::Upsert,
        order: 0,
        record: None,
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    };
    read(&write, spec, None)
}

/// As JSON, to be compared.
fn json(value: &Value) -> Json {
    match value.kind.clone().expect("a value") {
        Kind::NullValue(_) => Json::Null,
        Kind::BoolValue(it) => it.into(),
        Kind::IntegerValue(it) => it.into(),
        Kind::DoubleValue(it) => it.into(),
        Kind::StringValue(it) => it.into(),
        Kind::ListValue(list) => list.values.iter().map(json).collect(),
        Kind::StructValue(object) => all(&object.fields),
    }
}

fn all(fields: &HashMap<String, Value>) -> Json {
    let fields = fields.iter().map(|(name, value)| (name.clone(), json(value)));
    Json::Object(fields.collect())
}

#[test]
fn the_payload_is_the_document_without_its_vector() {
    let read = read_as(r#"{"a":1,"vector":[0.1,1e-7],"b":{"c":[null,1.5]}}"#, &spec()).expect("right");
    assert_eq!(all(&read.payload), serde_json::json!({"a": 1, "b": {"c": [null, 1.5]}}));
    assert_eq!(json(&read.vector.expect("a vector")), serde_json::json!([0.1, 1e-7]));
}

/// Vectors have 32 bits: how many digits a number was sent with says nothing.
#[test]
fn numbers_of_vectors_may_have_more_digits_than_a_float() {
    let body = r#"{"vector":{"t":[0.123456789012345678901]},"v":0.5}"#;
    assert!(read_as(body, &spec()).is_ok());
    let refused = read_as(&body.replace("0.5", "0.123456789012345678901"), &spec());
    assert!(refused.expect_err("refused").starts_with("`/v` cannot be stored"));
}

#[test]
fn flat_payloads_have_names_with_dots_and_no_nulls() {
    let spec = CollectionSpec {
        layout: Layout::Flat,
        payload_pointer: Some("/payload".parse().expect("a pointer")),
        ..spec()
    };
    let body = r#"{"payload":{"a":{"b":{"c":1},"n":null},"l":[1,[2],{"x":3},null,"y"]},"_danube_metadata":{"danube_topic":"/t"}}"#;
    let read = read_as(body, &spec).expect("right");
    let expected = serde_json::json!({"a.b.c": 1, "l": [1, "y"], "_danube_topic": "/t"});
    assert_eq!(all(&read.payload), expected);
}
