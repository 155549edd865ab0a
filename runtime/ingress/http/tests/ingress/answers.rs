//! Every row of the table of answers.

use std::time::Duration;

use danube_wasm_ingress_http::{ContentKind, EventIdSource, RateLimit};
use danube_wasm_model::door::{Outcome, Reply, Violation};
use http::Method;
use serde_json::json;

use crate::support::{Records, Server, request};

#[tokio::test]
async fn accepted_once_durable() {
    let server = Server::start(|_| {}).await;
    server.inbox.then(Outcome::Accepted {
        id: "evt_1".to_owned(),
        records: 3,
        durable: true,
        answer: None,
    });
    let answer = server.post(&["idempotency-key: evt_1"], "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"status": "accepted", "id": "evt_1", "records": 3, "durable": true})
    );

    server.inbox.then(Outcome::Accepted {
        id: "evt_2".to_owned(),
        records: 0,
        durable: false,
        answer: None,
    });
    let answer = server.post(&["idempotency-key: evt_2"], "{}").await;
    assert_eq!(
        answer.json(),
        json!({"status": "accepted", "id": "evt_2", "records": 0, "durable": false})
    );
}

#[tokio::test]
async fn a_components_own_answer_replaces_it() {
    let server = Server::start(|_| {}).await;
    server.inbox.then(Outcome::Accepted {
        id: "evt_1".to_owned(),
        records: 0,
        durable: true,
        answer: Some(Reply {
            status: 202,
            content_type: "text/plain".to_owned(),
            body: "challenge accepted".into(),
        }),
    });
    let answer = server.post(&[], "{}").await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (202, &b"challenge accepted"[..])
    );
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn dead_lettered_is_a_success_to_the_sender() {
    let server = Server::start(|_| {}).await;
    server.inbox.then(Outcome::DeadLettered {
        id: "evt_1".to_owned(),
        durable: true,
    });
    let answer = server.post(&[], "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"status": "dead-lettered", "id": "evt_1", "durable": true})
    );
}

#[tokio::test]
async fn invalid_names_its_violations() {
    let server = Server::start(|_| {}).await;
    server.inbox.then(Outcome::Invalid {
        error: "the event violates its schema".to_owned(),
        violations: vec![Violation {
            path: "/amount".to_owned(),
            message: "is not an integer".to_owned(),
        }],
    });
    let answer = server.post(&[], "{}").await;
    assert_eq!(answer.status, 422);
    let violations = json!([{"path": "/amount", "message": "is not an integer"}]);
    assert_eq!(
        answer.json(),
        json!({"error": "the event violates its schema", "violations": violations})
    );
}

#[tokio::test]
async fn a_failure_tells_the_id_and_nothing_from_inside() {
    let server = Server::start(|_| {}).await;
    for kept in [true, false] {
        server.inbox.then(Outcome::Failed {
            message: "wasm trap: unreachable in handler.rs".to_owned(),
            kept,
        });
        let answer = server.post(&["webhook-id: msg_1"], "{}").await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.json()["id"], "msg_1");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("trap"), "{body}");
        assert_eq!(body.contains("dead letter"), kept, "{body}");
    }
}

#[tokio::test]
async fn unavailable_says_when_to_come_back_and_nothing_from_inside() {
    let server = Server::start(|_| {}).await;
    server.inbox.then(Outcome::Unavailable {
        message: "broker at 10.0.0.5 refused the connection".to_owned(),
        retry_after: Duration::from_millis(2_500),
    });
    let answer = server.post(&[], "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("3")));
    assert!(!answer.error().contains("10.0.0.5"));
}

#[tokio::test]
async fn an_outcome_that_takes_too_long_is_not_awaited() {
    let server = Server::limited(|limits| {
        limits.body_read_ms_max = 100;
        limits.request_ms_max = 200;
    })
    .await;
    server.inbox.shut();
    let answer = server.post(&["webhook-id: msg_1"], "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json()["id"], "msg_1");
    server.inbox.holds(1).await;
}

#[tokio::test]
async fn paths_are_compared_as_they_were_sent() {
    let server = Server::start(|endpoint| endpoint.path = "/a%20b".to_owned()).await;
    assert_eq!(server.send("POST", "/a%20b?x=1", &[], "{}").await.status, 200);
    for path in ["/", "/a%20b/", "/A%20b", "/a+b", "/a%20b%20"] {
        let answer = server.send("POST", path, &[], "{}").await;
        assert_eq!(
            (answer.status, answer.error().contains("no endpoint")),
            (404, true),
            "{path}"
        );
    }
    assert_eq!(server.inbox.count(), 1);
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let server = Server::start(|endpoint| endpoint.methods = vec![Method::POST, Method::PUT]).await;
    for method in ["GET", "DELETE", "OPTIONS", "BREW"] {
        let answer = server.send(method, "/hook", &[], "").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST, PUT")),
            "{method}"
        );
    }
    assert_eq!(server.send("PUT", "/hook", &[], "{}").await.status, 200);
}

#[tokio::test]
async fn json_is_needed_where_json_is_taken() {
    let server = Server::start(|_| {}).await;
    for kind in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
    ] {
        let answer = server.post(&[&format!("content-type: {kind}")], r#"{"a":[1]}"#).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
    assert_eq!(
        server.post(&[], "[]").await.status,
        200,
        "no media type is taken for JSON"
    );
    for kind in ["text/plain", "application/x-www-form-urlencoded", "json", "+json"] {
        let answer = server.post(&[&format!("content-type: {kind}")], "{}").await;
        assert_eq!(
            (answer.status, answer.error().contains("takes JSON")),
            (415, true),
            "{kind}"
        );
    }
    for body in ["", "{", "{}{}", "event=1", "\u{feff}"] {
        let answer = server.post(&["content-type: application/json"], body).await;
        assert_eq!(
            (answer.status, answer.error().contains("not JSON")),
            (400, true),
            "{body}"
        );
    }
    assert_eq!(server.inbox.count(), 4);
}

#[tokio::test]
async fn anything_is_taken_where_anything_is() {
    let server = Server::start(|endpoint| endpoint.content = ContentKind::Any.into()).await;
    let answer = server
        .post(&["content-type: application/octet-stream"], [0, 159, 146, 150])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.inbox.events()[0].payload, [0, 159, 146, 150].as_slice());
}

#[tokio::test]
async fn requests_over_the_rate_are_told_to_wait() {
    let server = Server::start(|endpoint| endpoint.rate = Some(RateLimit::try_new(1, Some(2)).unwrap())).await;
    let mut client = server.connect().await;
    let mut statuses = Vec::new();
    // One a second is let through, so that not every one of so many can be.
    while statuses.len() < 100 && statuses.last() != Some(&429) {
        client.send(request("POST", "/hook", &[], b"{}")).await;
        let answer = client.answer().await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        statuses.push(answer.status);
    }
    assert_eq!((&statuses[..2], statuses.last()), (&[200, 200][..], Some(&429)));
    assert_eq!(
        server.inbox.count(),
        statuses.len() - 1,
        "what was refused was not offered"
    );
}

#[tokio::test]
async fn ids_that_cannot_be_are_named() {
    let server = Server::start(|_| {}).await;
    for header in ["idempotency-key: ", &format!("webhook-id: {}", "x".repeat(257))] {
        let answer = server.post(&[header], "{}").await;
        let name = header.split(':').next().unwrap();
        assert_eq!((answer.status, answer.error().contains(name)), (400, true), "{header}");
    }
    let longest = "x".repeat(256);
    let answer = server.post(&[&format!("webhook-id: {longest}")], "{}").await;
    assert_eq!(answer.json()["id"], longest);

    let pointer = "/data/id".parse().unwrap();
    let server = Server::start(|endpoint| endpoint.event_id = EventIdSource::JsonPointer(pointer)).await;
    for body in [
        r#"{"data":{"id":null}}"#,
        r#"{"data":{"id":""}}"#,
        r#"{"data":{"id":"a","id":"b"}}"#,
    ] {
        let answer = server.post(&[], body).await;
        assert_eq!(
            (answer.status, answer.error().contains("/data/id")),
            (400, true),
            "{body}"
        );
    }
    assert_eq!(
        server.post(&[], r#"{"data":{"id":"evt_1"}}"#).await.json()["id"],
        "evt_1"
    );
    assert_eq!(server.inbox.count(), 1);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client.send("hello\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
    client.closed().await;
}

#[tokio::test]
async fn the_observer_hears_of_every_request() {
    let records = Records::new();
    let observer = records.clone();
    let server = Server::start_with(|options| options.observer = observer, |_| {}).await;
    server.post(&[], r#"{"a":1}"#).await;
    server.post(&[], "").await;
    server.send("POST", "/secret/path", &[], "{}").await;
    records.holds("/hook", 200, 7).await;
    records.holds("/hook", 400, 0).await;
    records.holds("unknown", 404, 0).await;

    // A caller that goes away is reported too; its event was offered and goes on.
    server.inbox.shut();
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    server.inbox.holds(2).await;
    drop(client);
    records.holds("/hook", 499, 2).await;
}
