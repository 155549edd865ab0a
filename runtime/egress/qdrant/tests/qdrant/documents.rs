//! Payloads: every value is stored as it is, or refused by its pointer.

use danube_wasm_model::message::Operation::Insert;
use serde_json::{Value, json};

use crate::support::{
    done, refusal,
    server::{Server, collection, is_same},
    sink, text, write,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";

#[tokio::test]
async fn every_value_that_a_payload_can_hold_is_stored_as_it_is() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let values = [
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "0",
        "0.1",
        "-1.5e-300",
        "1.7976931348623157e308",
        "5e-324",
        "1e22",
        "true",
        "null",
        "\"\"",
        "[]",
        "{}",
        "[[],{},[null,[1,\"x\"]]]",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00 ünï 漢\"",
        "\"2016-12-31T23:59:60Z\"",
        "\"0001-01-01\"",
        "\"9999-12-31T23:59:59.999999999Z\"",
        "{\"a.b\":{\"\":1,\"a/b\":2}}",
    ];
    let mut writes: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            write(
                &name,
                Insert,
                &i.to_string(),
                &format!("{{\"v\":{value},\"vector\":[1,1]}}"),
            )
        })
        .collect();
    let long = "x".repeat(1 << 20);
    writes.push(write(
        &name,
        Insert,
        "long",
        &format!("{{\"v\":\"{long}\",\"vector\":[1,1]}}"),
    ));
    done(&sink, &writes).await;
    let points = server.points(&name).await;
    for (i, value) in values.iter().enumerate() {
        let expected: Value = serde_json::from_str(value).expect("JSON");
        let stored = &points[&i.to_string()].own()["v"];
        assert!(is_same(stored, &expected), "{value}: {stored}");
    }
    assert_eq!(points["long"].own()["v"], json!(long));
}

#[tokio::test]
async fn every_other_value_is_refused_by_its_pointer() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    for (body, expected) in [
        (
            r#"{"a":[{"b":18446744073709551615}]}"#,
            "`/a/0/b` cannot be stored: 18446744073709551615 is beyond",
        ),
        (
            r#"{"a/b":9223372036854775808}"#,
            "`/a~1b` cannot be stored: 9223372036854775808",
        ),
        (
            r#"{"n":-9223372036854775809}"#,
            "`/n` cannot be stored: -9223372036854775809",
        ),
        (
            r#"{"n":12345678901234567.89}"#,
            "`/n` cannot be stored: the number 12345678901234567.89 has more digits",
        ),
        (r#"{"n":1e400}"#, "`/n` cannot be stored"),
        (
            r#"{"s":["\ud800"]}"#,
            "`/s/0` cannot be stored: it is not valid JSON: unexpected end of hex escape",
        ),
        (r#"{"k":1,"k":2}"#, "`/k` cannot be stored: the key appears twice"),
        (r#"{"_order_hi":1}"#, "`/_order_hi` is a name of this sink's own"),
        (r#"{"_id":"other"}"#, "`/_id` is a name of this sink's own"),
        ("[1]", "the document is not a JSON object"),
        ("{", "the document cannot be stored: it is not valid JSON"),
        ("{} {}", "trailing characters"),
    ] {
        let body = body.replacen(
            '{',
            if body.starts_with("{\"") {
                "{\"vector\":[1,1],"
            } else {
                "{"
            },
            1,
        );
        let why = refusal(&sink, write(&name, Insert, "a", &body)).await;
        assert!(why.contains(expected), "{body}: {why}");
    }
    // A document's own `_id` that is the same.
    done(&sink, &[write(&name, Insert, "7", r#"{"_id":7,"vector":[1,1]}"#)]).await;
}

/// A decoder of Protobuf takes a hundred levels, which are three for one of JSON: beyond them no server says what is wrong.
#[tokio::test]
async fn a_document_at_the_limit_of_depth_is_stored_and_one_level_more_is_refused() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let nested = |depth: usize| {
        let body = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        format!("{{\"vector\":[1,1],{}", &body[1..])
    };
    let deepest = danube_wasm_egress_qdrant::limits::DOCUMENT_DEPTH_MAX;
    done(&sink, &[write(&name, Insert, "a", &nested(deepest))]).await;
    let why = refusal(&sink, write(&name, Insert, "b", &nested(deepest + 1))).await;
    assert!(why.contains("nested deeper than 30"), "{why}");
    let point = server.points(&name).await["a"].own();
    let pointer = "/a".repeat(deepest);
    assert_eq!(point.pointer(&pointer), Some(&json!(1)));
}
