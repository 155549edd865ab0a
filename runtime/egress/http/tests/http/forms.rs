//! What a request looks like.

use danube_wasm_model::{door::Egress as _, message::Operation};

use crate::support::{inserts, one, report, server::Server, sink, write};

#[tokio::test]
async fn a_record_is_the_body_of_a_request_as_it_is() {
    let server = Server::start(|_, _| 204.into()).await;
    let sink = sink(&one(&server.url("/hooks?x=1"), ""));
    let body = "{\"n\": 12345678901234567890.10, \"s\":\"\\ud83d\\ude00\", \"a\":[ ]}";
    let done = report(&sink, &[write(Operation::Insert, "e-1", body)]).await;
    assert_eq!(done, Default::default());
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/hooks?x=1"));
    assert_eq!(seen.text(), body);
    assert_eq!(seen.header("content-type"), "application/json");
    assert!(seen.header("user-agent").starts_with("danube-wasm/"));
    assert_eq!(
        (seen.header("x-danube-id"), seen.header("x-danube-order")),
        ("e-1", "7")
    );
    let id = seen.header("webhook-id");
    assert!(id.starts_with("msg_") && id.len() == 36, "{id}");
    assert_eq!(seen.header("idempotency-key"), format!("\"{id}\""));
    assert!(
        seen.headers.get("webhook-signature").is_none(),
        "nothing was to be signed"
    );
    assert!(seen.headers.get("accept-encoding").is_none(), "nothing is decoded");
}

#[tokio::test]
async fn each_operation_has_its_method_and_a_delete_says_what_by_its_url() {
    let server = Server::start(|_, _| 204.into()).await;
    let sink = sink(&one(&server.url("/docs/{id}"), ""));
    for operation in [
        Operation::Insert,
        Operation::Upsert,
        Operation::Merge,
        Operation::Delete,
    ] {
        assert!(sink.accepts("a", operation));
        report(&sink, &[write(operation, "../7?/", "{}")]).await;
    }
    let seen = server.seen();
    let lines: Vec<_> = seen.iter().map(|seen| (seen.method.as_str(), seen.text())).collect();
    assert_eq!(lines, [("POST", "{}"), ("PUT", "{}"), ("PATCH", "{}"), ("DELETE", "")]);
    assert!(seen.iter().all(|seen| seen.path == "/docs/..%2F7%3F%2F"), "{seen:?}");
    assert!(seen[3].headers.get("content-type").is_none());
}

#[tokio::test]
async fn a_method_of_the_endpoint_stands_for_all_but_deletes() {
    let server = Server::start(|_, _| 204.into()).await;
    let sink = sink(&one(&server.url("/docs"), "method = \"PATCH\""));
    assert!(!sink.accepts("a", Operation::Delete), "its URL has no id");
    report(&sink, &[write(Operation::Upsert, "7", "{}")]).await;
    assert_eq!(server.seen()[0].method, "PATCH");
}

#[tokio::test]
async fn an_id_that_is_another_path_is_refused_by_name() {
    let server = Server::start(|_, _| 204.into()).await;
    let sink = sink(&one(&server.url("/docs/{id}"), ""));
    let report = report(&sink, &[write(Operation::Upsert, "..", "{}")]).await;
    assert!(report.refused[0].1.contains("another path"), "{report:?}");
    assert!(server.seen().is_empty());
}

/// A request of three records, with an id in each.
async fn batch(keys: &str, body: &str) -> (String, String) {
    let server = Server::start(|_, _| 200.into()).await;
    let sink = sink(&one(&server.url("/bulk"), keys));
    let mut writes = inserts(2);
    writes.push(write(Operation::Insert, "2", body));
    let done = report(&sink, &writes).await;
    assert_eq!(done, Default::default());
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    (seen[0].text().to_owned(), seen[0].header("content-type").to_owned())
}

#[tokio::test]
async fn several_records_are_an_array_lines_or_wrapped() {
    let pretty = "{\n  \"n\": \"a\\nb\"\n}";
    let json = "application/json".to_owned();
    let array = batch("batch = \"array\"", pretty).await;
    assert_eq!(array, (format!("[{{\"n\":0}},{{\"n\":1}},{pretty}]"), json.clone()));
    let lines = batch("batch = \"ndjson\"", pretty).await;
    assert_eq!(lines.0, "{\"n\":0}\n{\"n\":1}\n{   \"n\": \"a\\nb\" }\n");
    assert_eq!(lines.1, "application/x-ndjson");
    let wrapped = batch("batch = \"wrapped\"\nwrap_field = \"events\"", pretty).await;
    assert_eq!(
        wrapped,
        (format!("{{\"events\":[{{\"n\":0}},{{\"n\":1}},{pretty}]}}"), json)
    );
}

#[tokio::test]
async fn each_record_of_several_has_its_id_where_the_file_says() {
    let (body, _) = batch("batch = \"array\"\nid_field = \"event\"", "{\"event\": 1, \"n\": 2}").await;
    let records: Vec<serde_json::Value> = serde_json::from_str(&body).expect("JSON");
    let ids: std::collections::HashSet<_> = records.iter().map(|record| record["event"].as_str()).collect();
    assert_eq!(ids.len(), 3, "{body}");
    assert!(
        ids.iter().all(|id| id.is_some_and(|id| id.starts_with("msg_"))),
        "{body}"
    );
    assert_eq!(records[2]["n"], 2);
}

#[tokio::test]
async fn a_request_holds_as_many_records_and_bytes_as_the_file_says() {
    let server = Server::start(|_, _| 200.into()).await;
    let sink = sink(&one(&server.url("/"), "batch = \"array\"\nrequest_records = 4"));
    report(&sink, &inserts(10)).await;
    let mut sizes: Vec<_> = server
        .bodies()
        .iter()
        .map(|body| {
            serde_json::from_str::<Vec<serde_json::Value>>(body)
                .expect("an array")
                .len()
        })
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 4, 4]);
}

#[tokio::test]
async fn a_record_that_is_no_json_is_refused_and_its_neighbours_are_sent() {
    let server = Server::start(|_, _| 200.into()).await;
    let sink = sink(&one(&server.url("/"), "batch = \"array\""));
    let mut writes = inserts(3);
    writes[1].body = "{\"n\":1}, {".into();
    let report = report(&sink, &writes).await;
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].0, 1);
    assert!(report.refused[0].1.contains("not JSON"), "{report:?}");
    assert_eq!(server.bodies(), ["[{\"n\":0},{\"n\":2}]"]);
}

#[tokio::test]
async fn headers_of_the_file_are_in_every_request() {
    let server = Server::start(|_, _| 200.into()).await;
    let keys =
        "content_type = \"application/cloudevents+json\"\nheaders = { X-Source = \"danube\", accept = \"text/plain\" }";
    let sink = sink(&one(&server.url("/"), keys));
    report(&sink, &inserts(1)).await;
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.header("x-source"), seen.header("accept")),
        ("danube", "text/plain")
    );
    assert_eq!(seen.header("content-type"), "application/cloudevents+json");
}
