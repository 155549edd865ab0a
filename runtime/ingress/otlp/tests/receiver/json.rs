//! OTLP/JSON that is not as the specification says: refused with the place of the fault, and nothing of the request is taken.

use serde_json::{Value, json};

use crate::{
    JSON,
    support::{
        receiver::start,
        wire::{Answer, Coding, export},
    },
};

fn span(field: &str) -> String {
    format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"name\":\"a\"}},{{{field}}}]}}]}}]}}")
}

fn gauge(point: &str) -> String {
    format!(
        "{{\"resourceMetrics\":[{{\"scopeMetrics\":[{{\"metrics\":[{{\"gauge\":{{\"dataPoints\":[{point}]}}}}]}}]}}]}}"
    )
}

async fn send(path: &str, text: &str) -> (Answer, Vec<Value>) {
    let (receiver, inbox) = start().await;
    let answer = export(&receiver, path, JSON, Coding::None, text.as_bytes()).await;
    let bodies = inbox
        .events()
        .into_iter()
        .map(|event| serde_json::from_slice(&event.payload).expect("JSON"));
    (answer, bodies.collect())
}

async fn refused(path: &str, text: &str) -> String {
    let (answer, bodies) = send(path, text).await;
    assert_eq!((answer.status, bodies.len()), (400, 0), "{text}");
    let status = answer.json();
    assert_eq!(status["code"], 3);
    status["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn what_is_wrong_in_a_span_is_refused_with_its_place() {
    let at = "`resourceSpans[0].scopeSpans[0].spans[1]";
    for (field, place, why) in [
        (
            r#""traceId":"CvdlGRbNQ92ESOshHIAxnA==""#,
            ".traceId`",
            "an id is written in hex",
        ),
        (r#""traceId":[10,247]"#, ".traceId`", "invalid type"),
        (
            r#""kind":"SPAN_KIND_SERVER""#,
            ".kind`",
            "the number of an enum, not its name",
        ),
        (
            r#""start_time_unix_nano":"1""#,
            "",
            "`start_time_unix_nano` is written `startTimeUnixNano` in JSON",
        ),
        (
            r#""startTimeUnixNano":"soon""#,
            ".startTimeUnixNano`",
            "a whole number, or one as text",
        ),
        (r#""startTimeUnixNano":-1"#, ".startTimeUnixNano`", "-1 is out of range"),
        (
            r#""startTimeUnixNano":1.5"#,
            ".startTimeUnixNano`",
            "1.5 is not a whole number",
        ),
        (
            r#""droppedLinksCount":4294967296"#,
            ".droppedLinksCount`",
            "4294967296 is out of range",
        ),
        (r#""name":7"#, ".name`", "expected a string"),
        (r#""name":"a","name":"b""#, "", "`name` is there twice"),
        (r#""events":{}"#, ".events`", "expected a list"),
        (r#""events":[null]"#, ".events[0]`", "expected an object"),
        (
            r#""attributes":[{"key":"a","value":{"boolValue":"true"}}]"#,
            ".attributes[0].value.boolValue`",
            "expected a boolean",
        ),
        (
            r#""attributes":[{"key":"a","value":{"intValue":1,"stringValue":"1"}}]"#,
            ".attributes[0].value",
            "only one of the possible values",
        ),
        (
            r#""attributes":[{"key":"a","value":{"bytesValue":"?"}}]"#,
            ".attributes[0].value.bytesValue`",
            "base64",
        ),
    ] {
        let message = refused("/v1/traces", &span(field)).await;
        assert!(
            message.contains(&format!("{at}{place}")) && message.contains(why),
            "{field}: {message}"
        );
    }
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    for text in ["", "[]", "null", "{", "{} {}", "{\"resourceSpans\":[}"] {
        let message = refused("/v1/traces", text).await;
        assert!(message.starts_with("the body is not OTLP/JSON"), "{text}: {message}");
    }
}

#[tokio::test]
async fn numbers_of_points_that_are_none_are_refused() {
    for point in [
        r#"{"asDouble":"warm"}"#,
        r#"{"asDouble":"inf"}"#,
        r#"{"asDouble":"nan"}"#,
        r#"{"asDouble":true}"#,
        r#"{"asInt":"bad"}"#,
        r#"{"asInt":"1.5"}"#,
        r#"{"asInt":9223372036854775808}"#,
        r#"{"asInt":1,"asDouble":1}"#,
    ] {
        let message = refused("/v1/metrics", &gauge(point)).await;
        assert!(
            message.contains("`resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0]"),
            "{point}: {message}"
        );
    }
}

#[tokio::test]
async fn numbers_are_taken_as_numbers_and_as_text() {
    for (point, name, value) in [
        (r#"{"asDouble":"1.5"}"#, "asDouble", json!(1.5)),
        (r#"{"asDouble":2}"#, "asDouble", json!(2.0)),
        (r#"{"asDouble":"Infinity"}"#, "asDouble", json!("Infinity")),
        (r#"{"asDouble":"NaN"}"#, "asDouble", json!("NaN")),
        (
            r#"{"asInt":"-9223372036854775808"}"#,
            "asInt",
            json!("-9223372036854775808"),
        ),
        (
            r#"{"asInt":9223372036854775807}"#,
            "asInt",
            json!("9223372036854775807"),
        ),
        (r#"{"asInt":1e3}"#, "asInt", json!("1000")),
        (r#"{"asInt":0}"#, "asInt", json!("0")),
    ] {
        let (answer, bodies) = send("/v1/metrics", &gauge(point)).await;
        assert_eq!(answer.status, 200, "{point}: {answer:?}");
        assert_eq!(bodies[0]["gauge"]["dataPoints"][0][name], value, "{point}");
    }
}

#[tokio::test]
async fn null_is_the_default_and_unknown_names_are_ignored() {
    let field = r#""events":null,"status":null,"kind":null,"attributes":[{"key":"a","value":null}],"aNewField":{"x":[1]},"a_b":1"#;
    let (answer, bodies) = send("/v1/traces", &span(field)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(bodies[1], json!({"attributes": [{"key": "a"}]}));
}

/// One bad value in a thousand records: none of them is taken, so the sender can mend it and send all again.
#[tokio::test]
async fn a_fault_in_one_record_refuses_the_request() {
    let mut spans = vec![json!({"name": "a"}); 1000];
    spans[700]["kind"] = json!("SPAN_KIND_SERVER");
    let text = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let message = refused("/v1/traces", &text).await;
    assert!(message.contains("spans[700].kind"), "{message}");
}

/// As deep as the parser goes, and not deeper.
#[tokio::test]
async fn values_that_are_nested_for_ever_are_refused() {
    let deep = |levels: usize| {
        let open = "{\"arrayValue\":{\"values\":[".repeat(levels);
        let close = "]}}".repeat(levels);
        span(&format!("\"attributes\":[{{\"key\":\"a\",\"value\":{open}{close}}}]"))
    };
    let (answer, bodies) = send("/v1/traces", &deep(20)).await;
    assert_eq!((answer.status, bodies.len()), (200, 2));
    for levels in [60, 10_000] {
        assert!(refused("/v1/traces", &deep(levels)).await.contains("recursion limit"));
    }
}
