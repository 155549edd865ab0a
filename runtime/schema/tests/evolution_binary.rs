//! Avro and Protobuf schemas after one another, and comparisons that could take for ever.

mod support;

use danube_wasm_schema::SchemaType;
use serde_json::json;
use support::{after, breaks, follows};

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"n.A","fields":[{fields}]}}"#)
}

fn field(of: &str) -> String {
    record(&format!(r#"{{"name":"f","type":{of}}}"#))
}

fn with_default(of: &str, default: &str) -> String {
    record(&format!(r#"{{"name":"f","type":{of},"default":{default}}}"#))
}

fn enumeration(symbols: &str) -> String {
    format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]}}"#)
}

#[tokio::test]
async fn avro_follows_its_resolution_rules_through_references() {
    for (old, new) in [
        (field("\"int\""), field(r#"["null","double"]"#)),
        (field("\"string\""), field("\"bytes\"")),
        (field("\"int\""), record("")),
        (record(""), with_default(r#"["null","int"]"#, "null")),
        (field(r#"["int","long"]"#), field("\"double\"")),
        (field(&enumeration("\"A\"")), field(&enumeration("\"B\",\"A\""))),
        (
            field(r#"{"type":"array","items":"int"}"#),
            field(r#"{"type":"array","items":"long"}"#),
        ),
        (
            field(r#"["null","A"]"#),
            record(r#"{"name":"f","type":["null","A"]},{"name":"g","type":"int","default":1}"#),
        ),
        (
            field("\"int\""),
            r#"{"type":"record","name":"m.B","aliases":["n.A"],"fields":[{"name":"g","aliases":["f"],"type":"int"}]}"#
                .to_owned(),
        ),
    ] {
        follows(SchemaType::Avro, &old, &new).await;
    }
}

#[tokio::test]
async fn avro_types_that_cannot_be_resolved_break_with_their_place() {
    let inner = |of: &str| format!(r#"{{"type":"record","name":"I","fields":[{{"name":"x","type":{of}}}]}}"#);
    for (old, new, sentence) in [
        (field("\"long\""), field("\"int\""), "at `#/f`: `long` became `int`"),
        (
            record(""),
            field(r#"["null","int"]"#),
            "at `#/f`: a field without `default` was added",
        ),
        (field(r#"["null","int"]"#), field("\"int\""), "`null` became `int`"),
        (
            field("\"int\""),
            field(r#"["null","string"]"#),
            "no longer has a type that takes `int`",
        ),
        (
            field(&enumeration("\"A\",\"B\"")),
            field(&enumeration("\"A\"")),
            "symbol `B` is gone",
        ),
        (
            field("\"int\""),
            r#"{"type":"record","name":"B","fields":[]}"#.to_owned(),
            "`n.A` became `B`",
        ),
        (
            field("\"long\""),
            field(r#"{"type":"long","logicalType":"timestamp-millis"}"#),
            "`logicalType`, `precision` or `scale` changed",
        ),
        (
            field(r#"{"type":"fixed","name":"F","size":2}"#),
            field(r#"{"type":"fixed","name":"F","size":3}"#),
            "became",
        ),
        // The type changes where it is only referred to, behind a field that the other version does not have.
        (
            record(&format!(
                r#"{{"name":"old","type":{}}},{{"name":"f","type":"I"}}"#,
                inner("\"string\"")
            )),
            record(&format!(
                r#"{{"name":"new","type":{},"default":{{"x":1}}}},{{"name":"f","type":"I"}}"#,
                inner("\"int\"")
            )),
            "at `#/f/x`: `string` became `int`",
        ),
    ] {
        breaks(SchemaType::Avro, &old, &new, sentence).await;
    }
}

#[tokio::test]
async fn protobuf_keeps_numbers_names_and_types() {
    let proto = |body: &str| {
        format!("syntax = \"proto3\"; message A {{ {body} }} enum E {{ ZERO = 0; ONE = 1; }} message B {{ A a = 1; }}")
    };
    for (old, new) in [
        ("", "int32 n = 1;"),
        ("int32 n = 1;", "reserved 1;"),
        ("uint32 n = 1; string s = 2;", "uint64 n = 1; bytes s = 2;"),
        ("int32 n = 1;", "optional int32 n = 1;"),
        ("B b = 1;", "B b = 1; int32 m = 2;"),
        ("oneof o { int32 n = 1; }", "oneof o { int32 n = 1; int32 m = 2; }"),
    ] {
        follows(SchemaType::Protobuf, &proto(old), &proto(new)).await;
    }
    for (old, new, sentence) in [
        ("int32 n = 1;", "", "at `A.n`: the field is gone: write `reserved 1;`"),
        ("int32 n = 1;", "int32 m = 1;", "at `A.n`: field 1 was `n`, and is `m`"),
        (
            "int32 n = 1;",
            "int32 n = 2; reserved 1;",
            "the field's number was 1, and is 2",
        ),
        ("int64 n = 1;", "int32 n = 1;", "`int64` became `int32`"),
        ("int32 n = 1;", "sint32 n = 1;", "`int32` became `sint32`"),
        ("int32 n = 1;", "repeated int32 n = 1;", "single, repeated and map"),
        ("int32 n = 1;", "oneof o { int32 n = 1; }", "a `oneof`"),
        ("E e = 1;", "int32 e = 1;", "`E` became `int32`"),
        ("B b = 1;", "A b = 1;", "at `A.a`: field 1 was `a`, and is `b`"),
    ] {
        breaks(SchemaType::Protobuf, &proto(old), &proto(new), sentence).await;
    }
    let words = |values: &str| format!("syntax = \"proto3\"; message A {{ E e = 1; }} enum E {{ {values} }}");
    follows(
        SchemaType::Protobuf,
        &words("Z = 0; A1 = 1;"),
        &words("Z = 0; A1 = 1; A2 = 2;"),
    )
    .await;
    breaks(
        SchemaType::Protobuf,
        &words("Z = 0; A1 = 1;"),
        &words("Z = 0; A2 = 1;"),
        "value `A1` is gone",
    )
    .await;
    breaks(
        SchemaType::Protobuf,
        &words("Z = 0;"),
        &format!("{}\n// message: B\nmessage B {{ }}", words("Z = 0;")),
        "`A` became `B`",
    )
    .await;
    let old = "syntax = \"proto2\"; message A { optional int32 n = 1; }";
    breaks(
        SchemaType::Protobuf,
        old,
        "syntax = \"proto2\"; message A { required int32 n = 1; }",
        "became `required`",
    )
    .await;
    breaks(
        SchemaType::Protobuf,
        old,
        "syntax = \"proto2\"; message A { optional int32 n = 1; required int32 m = 2; }",
        "was added",
    )
    .await;
}

#[tokio::test]
async fn comparing_ends_whatever_the_schemas_are() {
    let split = |what: &str| {
        let either: Vec<_> = (0..24)
            .map(|n| json!({"anyOf": [{"minLength": n}, {"maxLength": n + 100}]}))
            .collect();
        json!({"allOf": either, "pattern": what}).to_string()
    };
    let reason = after(SchemaType::JsonSchema, &split("a"), &split("b"))
        .await
        .expect_err("2^24 cases");
    assert!(reason.contains("pattern") || reason.contains("too large"), "{reason}");

    let chain = |last: &str| {
        let flat = std::iter::once(format!(r#"{{"type":"record","name":"R0","fields":[{{"name":"x","type":"{last}"}}]}}"#)).chain((1..=40).map(|n| {
            let m = n - 1;
            format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"R{m}"}},{{"name":"b","type":"R{m}"}}]}}"#)
        }));
        format!("[{}]", flat.collect::<Vec<_>>().join(","))
    };
    follows(SchemaType::Avro, &chain("int"), &chain("long")).await;
    breaks(
        SchemaType::Avro,
        &chain("long"),
        &chain("int"),
        "no longer has a type that takes",
    )
    .await;
}
