//! What events are made of exports.

use std::collections::BTreeMap;

use danube_wasm_model::event::Event;
use serde_json::{Value, json};

use crate::{
    JSON, PROTOBUF,
    bodies::{self, GRPC_LOGS},
    support::{
        receiver::{start, start_with},
        wire::{Coding, call_with, export},
    },
};

fn body(event: &Event) -> Value {
    serde_json::from_slice(&event.payload).expect("JSON")
}

fn attributes(event: &Event) -> BTreeMap<&str, &str> {
    let attributes = event.attributes.iter();
    attributes
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

async fn of_json(path: &str, text: &str) -> Vec<Event> {
    let (receiver, inbox) = start().await;
    let answer = export(&receiver, path, JSON, Coding::None, text.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(inbox.requests().len(), 1, "one request is offered at once");
    inbox.events()
}

#[tokio::test]
async fn a_span_is_an_event_with_its_resource_and_scope() {
    let events = of_json("/v1/traces", bodies::TRACES_JSON).await;
    let span = &events[0];
    assert_eq!(span.id, "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331");
    assert_eq!(span.key.as_deref(), Some(&b"0af7651916cd43dd8448eb211c80319c"[..]));
    assert_eq!((&*span.endpoint, span.content_type.as_str()), ("/v1/traces", JSON));
    let body = body(span);
    assert_eq!(body["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(body["startTimeUnixNano"], "1760000000000000001");
    assert_eq!((&body["kind"], &body["status"]["code"]), (&json!(2), &json!(2)));
    assert_eq!(body["attributes"][3]["value"]["bytesValue"], "AAEC/w==");
    assert_eq!(body["scope"]["name"], "checkout");
    assert_eq!(body["resource"]["attributes"][1]["value"]["intValue"], "4711");
    assert_eq!(body["resourceSchemaUrl"], "https://opentelemetry.io/schemas/1.27.0");
    let expected = [
        ("otel.signal", "traces"),
        ("otel.service", "shop"),
        ("otel.scope", "checkout"),
        ("otel.trace-id", "0af7651916cd43dd8448eb211c80319c"),
        ("otel.span-id", "b7ad6b7169203331"),
        ("otel.time-unix-nano", "1760000000250000000"),
    ];
    assert_eq!(attributes(span), BTreeMap::from(expected));
    assert_eq!(events[1].id, "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203333");
}

#[tokio::test]
async fn log_records_are_told_apart_by_the_body_and_their_place_in_it() {
    let events = of_json("/v1/logs", bodies::LOGS_JSON).await;
    let again = of_json("/v1/logs", bodies::LOGS_JSON).await;
    let ids = |events: &[Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&events), ids(&again));
    let (digest, _) = events[0].id.split_once('.').expect("a digest and a number");
    assert_eq!(ids(&events), [0, 1, 2, 3].map(|n| format!("{digest}.{n}")));
    assert_eq!(digest.len(), 32);
    let other = bodies::LOGS_JSON.replace("0500", "0501");
    assert_ne!(
        of_json("/v1/logs", &other).await[2].id,
        events[2].id,
        "another time is another request"
    );
    let keys: Vec<_> = events.iter().map(|event| event.key.as_deref()).collect();
    assert_eq!(keys, [Some(&b"shop"[..]), Some(b"shop"), Some(b"shop"), Some(b"stock")]);
    assert_eq!(attributes(&events[0])["otel.severity"], "WARN");
    assert_eq!(attributes(&events[1])["otel.severity"], "9");
    assert_eq!(
        attributes(&events[1])["otel.time-unix-nano"],
        "1760000000000000900",
        "the observed one"
    );
    assert_eq!(body(&events[3])["body"], json!({}));
}

#[tokio::test]
async fn a_metric_is_an_event_with_all_its_points() {
    let events = of_json("/v1/metrics", bodies::METRICS_JSON).await;
    let kinds: Vec<_> = events
        .iter()
        .map(|event| attributes(event).get("otel.type").copied())
        .collect();
    let expected = ["sum", "gauge", "histogram", "exponential-histogram", "summary"].map(Some);
    assert_eq!(kinds[..5], expected);
    assert_eq!(kinds[5], None, "nothing yet");
    assert_eq!(attributes(&events[0])["otel.metric"], "orders");
    assert_eq!(
        attributes(&events[0])["otel.time-unix-nano"],
        "1760000061000000000",
        "the newest point"
    );
    let points = &body(&events[0])["sum"]["dataPoints"];
    assert_eq!(points[0]["asInt"], "9007199254740993");
    assert_eq!(points[1]["asDouble"], 1.5);
    let gauge = &body(&events[1])["gauge"]["dataPoints"];
    assert_eq!(
        [&gauge[0]["asDouble"], &gauge[1]["asDouble"], &gauge[2]["asDouble"]],
        [&json!("NaN"), &json!("-Infinity"), &json!(21.0)]
    );
    let histogram = &body(&events[2])["histogram"]["dataPoints"][0];
    assert_eq!(
        (&histogram["sum"], &histogram["bucketCounts"]),
        (&json!(0.0), &json!(["1", "2", "0"]))
    );
}

#[tokio::test]
async fn protobuf_and_json_of_one_export_are_the_same_records() {
    let (receiver, inbox) = start().await;
    call_with(&receiver, GRPC_LOGS, Coding::Gzip, &bodies::logs(3)).await;
    let record = |n| json!({"timeUnixNano": "1760000000000000000", "body": {"stringValue": format!("line {n}")}});
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let scope = json!({"logRecords": [record(0), record(1), record(2)]});
    let text = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}).to_string();
    export(&receiver, "/v1/logs", JSON, Coding::None, text.as_bytes()).await;
    let [of_protobuf, of_json] = &inbox.requests()[..] else {
        panic!("two requests")
    };
    for (one, other) in of_protobuf.iter().zip(of_json) {
        assert_eq!(body(one), body(other));
        assert_eq!(one.attributes, other.attributes);
    }
}

#[tokio::test]
async fn a_span_with_invalid_ids_is_told_apart_like_a_log_record() {
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"},{"name":"b","traceId":"00000000000000000000000000000000",
        "spanId":"b7ad6b7169203331"},{"name":"c","traceId":"0af7","spanId":"b7ad6b7169203331"}]}]}]}"#;
    let events = of_json("/v1/traces", text).await;
    let (digest, _) = events[0].id.split_once('.').expect("a digest and a number");
    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(
        ids,
        [format!("{digest}.0"), format!("{digest}.1"), format!("{digest}.2")]
    );
    assert!(events.iter().all(|event| event.key.is_none()));
    assert_eq!(body(&events[2])["traceId"], "0af7");
}

#[tokio::test]
async fn with_split_request_an_export_is_one_event_as_it_was_sent() {
    let (receiver, inbox) = start_with("split = \"request\"").await;
    let sent = bodies::logs(3);
    call_with(&receiver, GRPC_LOGS, Coding::Gzip, &sent).await;
    export(&receiver, "/v1/logs", PROTOBUF, Coding::Zstd, &sent).await;
    export(&receiver, "/v1/logs", JSON, Coding::None, bodies::LOGS_JSON.as_bytes()).await;
    export(&receiver, "/v1/logs", JSON, Coding::None, b"{\"resourceLogs\":[{}]}").await;
    let events = inbox.events();
    assert_eq!(events.len(), 3, "an export of nothing is no event");
    assert_eq!((&events[0].payload[..], &events[1].payload[..]), (&sent[..], &sent[..]));
    assert_eq!(events[0].id, events[1].id, "whatever transport a retry takes");
    assert_eq!(events[0].id.len(), 32);
    assert_eq!(events[0].content_type, PROTOBUF);
    assert_eq!(events[0].key.as_deref(), Some(&b"shop"[..]));
    let expected = [("otel.signal", "logs"), ("otel.service", "shop"), ("otel.records", "3")];
    assert_eq!(attributes(&events[0]), BTreeMap::from(expected));
    assert_eq!(
        (events[2].content_type.as_str(), &events[2].payload[..]),
        (JSON, bodies::LOGS_JSON.as_bytes())
    );
    assert_eq!(events[2].key, None, "its records are of two services");
}

#[tokio::test]
async fn a_signal_may_be_split_in_another_way_than_the_others() {
    let (receiver, inbox) = start_with("").await;
    drop((receiver, inbox));
    let table = crate::support::receiver::TABLE.replace("\"/otel/logs\" }", "\"/otel/logs\", split = \"request\" }");
    let inbox = crate::support::inbox::Inbox::new();
    let host = crate::support::receiver::Host::default();
    let receiver = host
        .start(&table, inbox.clone())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    export(&receiver, "/v1/logs", PROTOBUF, Coding::None, &bodies::logs(3)).await;
    export(&receiver, "/v1/traces", PROTOBUF, Coding::None, &bodies::traces(3)).await;
    let counts: Vec<_> = inbox.requests().iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 3]);
}
