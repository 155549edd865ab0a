//! What a body is, and how many events are in it.

use danube_wasm_ingress_http::{ContentKind, ContentKinds, EventIdSource, IdReuse, limits};
use danube_wasm_model::{
    OnInvalid,
    door::{Outcome, Violation},
};
use serde_json::json;

use crate::support::{Server, accepted};

async fn server(kinds: &[ContentKind]) -> Server {
    Server::start(|endpoint| endpoint.content = ContentKinds::new(kinds.iter().copied())).await
}

fn payloads(server: &Server) -> Vec<String> {
    let events = server.inbox.events();
    events
        .iter()
        .map(|event| String::from_utf8_lossy(&event.payload).into_owned())
        .collect()
}

fn ids(server: &Server) -> Vec<String> {
    server.inbox.events().iter().map(|event| event.id.clone()).collect()
}

const FORM: &str = "content-type: application/x-www-form-urlencoded";
const NDJSON: &str = "content-type: application/x-ndjson";

#[tokio::test]
async fn a_form_becomes_json() {
    let server = server(&[ContentKind::Json, ContentKind::Form]).await;
    assert_eq!(server.post(&[FORM], "a=1&b=x+y&a=2").await.status, 200);
    assert_eq!(
        server
            .post(&[FORM], "payload=%7B%22ref%22%3A%22main%22%7D")
            .await
            .status,
        200
    );
    assert_eq!(server.post(&[], "{\"a\":1}").await.status, 200);
    assert_eq!(
        payloads(&server),
        [r#"{"a":["1","2"],"b":"x y"}"#, r#"{"ref":"main"}"#, "{\"a\":1}"]
    );
    let events = server.inbox.events();
    assert_eq!(
        events[0].content_type, "application/json",
        "what the payload is, not what the request was"
    );
    let answer = server.post(&[FORM], "a=%FF").await;
    assert_eq!((answer.status, answer.error().contains("field 1")), (400, true));
}

#[tokio::test]
async fn ids_and_keys_are_found_in_what_a_form_becomes() {
    let server = Server::start(|endpoint| {
        endpoint.content = ContentKind::Form.into();
        endpoint.event_id = EventIdSource::JsonPointer("/MessageSid".parse().unwrap());
        endpoint.key = Some("/From".parse().unwrap());
    })
    .await;
    assert_eq!(server.post(&[FORM], "MessageSid=SM1&From=%2B4930").await.status, 200);
    let event = &server.inbox.events()[0];
    assert_eq!((event.id.as_str(), event.key.as_deref()), ("SM1", Some(&b"+4930"[..])));
}

#[tokio::test]
async fn each_line_is_an_event() {
    let server = server(&[ContentKind::Ndjson]).await;
    let answer = server
        .post(&[NDJSON, "idempotency-key: batch-7"], "{\"n\":1}\n\n[2]\r\n\"three\"")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"status": "accepted", "events": 3, "records": 3, "durable": true})
    );
    assert_eq!(payloads(&server), ["{\"n\":1}", "[2]", "\"three\""]);
    assert_eq!(ids(&server), ["batch-7#0", "batch-7#1", "batch-7#2"]);
    assert_eq!(server.inbox.events()[0].content_type, "application/json");

    server.post(&[NDJSON], "1\n2").await;
    let minted = &ids(&server)[3..];
    let (first, second) = (minted[0].strip_suffix("#0"), minted[1].strip_suffix("#1"));
    assert!(first.is_some_and(|id| id.len() == 32) && first == second, "{minted:?}");
}

#[tokio::test]
async fn an_array_is_a_list_where_the_endpoint_says_so() {
    let server = Server::start(|endpoint| {
        endpoint.content = ContentKind::JsonList.into();
        endpoint.event_id = EventIdSource::JsonPointer("/eventId".parse().unwrap());
        endpoint.key = Some("/objectId".parse().unwrap());
    })
    .await;
    let body = r#"[{"eventId":1,"objectId":7}, {"eventId":2,"objectId":8}, {"objectId":9}]"#;
    assert_eq!(server.post(&[], body).await.json()["events"], 3);
    let events = server.inbox.events();
    let keys: Vec<_> = events.iter().map(|event| event.key.as_deref().unwrap()).collect();
    assert_eq!(keys, [b"7", b"8", b"9"]);
    let ids = ids(&server);
    assert_eq!(ids[..2], ["1", "2"]);
    assert!(
        ids[2].ends_with("#2"),
        "an item without an id has that of its request: {ids:?}"
    );
    assert_eq!(
        server.post(&[], "{\"eventId\":3}").await.json()["id"],
        "3",
        "anything else is one event"
    );
    assert_eq!(server.post(&[], "[]").await.json()["events"], 0);

    let plain = self::server(&[ContentKind::Json]).await;
    plain.post(&[], body).await;
    assert_eq!(payloads(&plain), [body]);
}

/// What offers it refuses it, as it refuses what a component does.
#[tokio::test]
async fn of_an_endpoint_that_keeps_dead_letters_a_broken_event_is_offered_as_refused() {
    let server = Server::start(|endpoint| {
        endpoint.content = ContentKinds::new([ContentKind::JsonList, ContentKind::Ndjson, ContentKind::CloudEvents]);
        endpoint.on_invalid = OnInvalid::DeadLetter;
    })
    .await;
    let refused = |place: usize| {
        let event = &server.inbox.events()[place];
        event.refusal.as_ref().map(|refusal| refusal.error.clone())
    };
    let dead_letter = |id: &str| Outcome::DeadLettered {
        id: id.to_owned(),
        durable: true,
    };
    server.inbox.then(accepted("b#0"));
    server.inbox.then(dead_letter("b#1"));
    let answer = server
        .post(&[NDJSON, "idempotency-key: b"], "{\"n\":1}\n{\"n\":\n{\"n\":3}")
        .await;
    assert_eq!(answer.status, 200);
    let dead_lettered = &answer.json()["dead_lettered"];
    assert_eq!(dead_lettered, &json!([{"index": 1, "id": "b#1"}]));
    assert_eq!(payloads(&server), ["{\"n\":1}", "{\"n\":", "{\"n\":3}"]);
    assert_eq!((refused(0), refused(2)), (None, None));
    assert!(refused(1).is_some_and(|why| why.starts_with("the event is not JSON: ")));
    assert_eq!(server.inbox.events()[1].content_type, "application/x-ndjson");

    let batch = "content-type: application/cloudevents-batch+json";
    assert_eq!(server.post(&[batch], "[{\"specversion\":\"1.0\"}]").await.status, 200);
    assert!(refused(3).is_some_and(|why| !why.is_empty()));
    let answer = server.post(&[], "[{\"a\":1},").await;
    assert_eq!(answer.status, 400, "no list: nobody knows where its items end");
    assert_eq!(server.post(&[], "{\"a\":").await.status, 400, "no list");
    assert_eq!(server.inbox.count(), 4);
}

#[tokio::test]
async fn of_a_list_with_a_broken_event_nothing_is_taken() {
    let server = server(&[ContentKind::JsonList, ContentKind::Ndjson]).await;
    let answer = server.post(&[NDJSON], "{\"n\":1}\n{\"n\":\n{\"n\":3}\nnull,").await;
    assert_eq!(answer.status, 400);
    let json = answer.json();
    assert_eq!(
        (&json["refused"][0]["index"], &json["refused"][1]["index"]),
        (&json!(1), &json!(3))
    );
    assert!(
        json["refused"][0]["error"]
            .as_str()
            .unwrap()
            .starts_with("the event is not JSON"),
        "{json}"
    );
    let deep = format!("[1,{}{}]", "[".repeat(127), "]".repeat(127));
    assert_eq!(server.post(&[], deep).await.status, 200);
    let deep = format!("[1,{}{}]", "[".repeat(128), "]".repeat(128));
    let answer = server.post(&[], deep).await;
    assert_eq!(
        (answer.status, answer.error().contains("event 1 of the request")),
        (400, true)
    );
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn the_answer_names_the_events_at_fault() {
    let server = server(&[ContentKind::Ndjson]).await;
    let invalid = Outcome::Invalid {
        error: "the body violates schema `s`".to_owned(),
        violations: vec![Violation {
            path: "/n".to_owned(),
            message: "is not a number".to_owned(),
        }],
    };
    let not_now = || Outcome::Unavailable {
        message: "another event of its request is refused".to_owned(),
        retry_after: std::time::Duration::from_secs(1),
    };
    for outcome in [not_now(), invalid, not_now()] {
        server.inbox.then(outcome);
    }
    let answer = server.post(&[NDJSON], "1\n\"x\"\n3").await;
    assert_eq!((answer.status, answer.header("retry-after")), (422, None));
    let json = answer.json();
    assert_eq!(json["error"], "1 of 3 events are refused: none of the request is taken");
    assert_eq!(json["refused"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &json["refused"][0]["index"],
            &json["refused"][0]["violations"][0]["path"]
        ),
        (&json!(1), &json!("/n"))
    );

    for outcome in [not_now(), not_now()] {
        server.inbox.then(outcome);
    }
    let answer = server.post(&[NDJSON], "1\n2").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));

    server.inbox.then(Outcome::DeadLettered {
        id: "a#0".to_owned(),
        durable: true,
    });
    let answer = server.post(&[NDJSON, "webhook-id: a"], "1\n2").await;
    assert_eq!(
        (answer.status, answer.json()["dead_lettered"][0]["id"].as_str()),
        (200, Some("a#0"))
    );

    server.inbox.then(Outcome::Failed {
        message: "a secret of the component".to_owned(),
        kept: true,
    });
    let answer = server.post(&[NDJSON], "1").await;
    assert_eq!((answer.status, answer.error().contains("secret")), (500, false));
}

#[tokio::test]
async fn a_list_has_at_most_so_many_events() {
    let server = Server::start(|endpoint| {
        endpoint.content = ContentKind::Ndjson.into();
        endpoint.headers = false;
        endpoint.attributes = false;
    })
    .await;
    let lines = |n: usize| "1\n".repeat(n);
    let answer = server.post(&[NDJSON], lines(limits::EVENTS_PER_REQUEST_MAX)).await;
    assert_eq!(answer.json()["events"], limits::EVENTS_PER_REQUEST_MAX);
    let answer = server.post(&[NDJSON], lines(limits::EVENTS_PER_REQUEST_MAX + 1)).await;
    assert_eq!((answer.status, answer.error().contains("10000 events")), (413, true));
}

#[tokio::test]
async fn the_headers_of_a_list_are_not_copied_without_end() {
    let server = server(&[ContentKind::Ndjson]).await;
    let long = format!("x-long: {}", "a".repeat(20 << 10));
    let answer = server.post(&[NDJSON, &long], "1\n".repeat(5_000)).await;
    assert_eq!((answer.status, answer.error().contains("shorter headers")), (413, true));
    assert_eq!(server.post(&[NDJSON, &long], "1\n".repeat(500)).await.status, 200);
}

#[tokio::test]
async fn an_id_that_is_there_twice_in_a_list_is_told() {
    let start = |id_reuse| {
        Server::start(move |endpoint| {
            endpoint.content = ContentKind::Ndjson.into();
            endpoint.event_id = EventIdSource::JsonPointer("/id".parse().unwrap());
            endpoint.id_reuse = id_reuse;
        })
    };
    let server = start(IdReuse::Reject).await;
    let answer = server.post(&[NDJSON], "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":2}").await;
    assert_eq!((answer.status, server.inbox.count()), (409, 0));
    assert_eq!(
        server.post(&[NDJSON], "{\"id\":1}\n{\"id\":1}").await.status,
        200,
        "the same twice is a retry"
    );
    assert_eq!(
        server.post(&[NDJSON], "{\"id\":2}\n{\"id\":1,\"n\":3}").await.status,
        409,
        "of an earlier request"
    );
    let server = start(IdReuse::Accept).await;
    assert_eq!(
        server
            .post(&[NDJSON], "{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":2}")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn text_stays_text_and_is_utf8() {
    let server = server(&[ContentKind::Text]).await;
    for (media_type, body) in [
        ("text/plain", "hello"),
        ("text/csv", "a,b\n1,2\n"),
        ("application/xml", "<a/>"),
    ] {
        assert_eq!(
            server
                .post(&[&format!("content-type: {media_type}")], body)
                .await
                .status,
            200
        );
        let event = server.inbox.events().pop().unwrap();
        assert_eq!(
            (&event.payload[..], event.content_type.as_str()),
            (body.as_bytes(), media_type)
        );
    }
    let answer = server.post(&["content-type: text/plain"], b"ab\xff").await;
    assert_eq!((answer.status, answer.error().contains("byte 2")), (400, true));
}

#[tokio::test]
async fn what_is_not_taken_is_told_what_is() {
    let server = server(&[ContentKind::Json, ContentKind::Form]).await;
    let answer = server.post(&["content-type: text/plain"], "x").await;
    assert_eq!(answer.status, 415);
    assert!(answer.error().contains("`application/json`") && answer.error().contains("x-www-form-urlencoded"));
    let answer = server
        .post(&["content-type: multipart/form-data; boundary=x"], "--x--")
        .await;
    assert_eq!(
        (
            answer.status,
            answer.error().starts_with("multipart bodies are not read here")
        ),
        (415, true)
    );
}

#[tokio::test]
async fn a_cloudevent_is_the_same_in_each_mode() {
    let server = server(&[ContentKind::CloudEvents]).await;
    let binary = [
        "ce-specversion: 1.0",
        "ce-id: 7",
        "ce-source: /shop",
        "ce-type: order.paid",
        "content-type: application/json",
    ];
    assert_eq!(server.post(&binary, "{\"n\":1}").await.json()["id"], "/shop 7");
    let event = r#"{"specversion":"1.0","id":"7","source":"/shop","type":"order.paid","datacontenttype":"application/json","data":{"n":1}}"#;
    let structured = "content-type: application/cloudevents+json; charset=utf-8";
    assert_eq!(server.post(&[structured], event).await.json()["id"], "/shop 7");
    let batched = "content-type: application/cloudevents-batch+json";
    assert_eq!(server.post(&[batched], format!("[{event}]")).await.json()["events"], 1);
    for taken in server.inbox.events() {
        assert_eq!(taken.id, "/shop 7");
        assert_eq!(taken.content_type, "application/cloudevents+json");
        let payload: serde_json::Value = serde_json::from_slice(&taken.payload).unwrap();
        assert_eq!(payload, serde_json::from_str::<serde_json::Value>(event).unwrap());
        assert!(
            taken.headers.contains(&("ce-type".to_owned(), "order.paid".to_owned())),
            "{taken:?}"
        );
    }
    let answer = server
        .post(
            &[structured],
            r#"{"specversion":"0.3","id":"7","source":"/shop","type":"t"}"#,
        )
        .await;
    assert_eq!((answer.status, answer.error().contains("`specversion`")), (400, true));
    let answer = server.post(&[batched], format!("[{event},{{}}]")).await;
    assert_eq!(
        (answer.status, answer.json()["refused"][0]["index"].as_u64()),
        (400, Some(1))
    );
    assert_eq!(server.post(&[batched], event).await.status, 400, "a batch is an array");
    assert_eq!(server.post(&["content-type: application/json"], "{}").await.status, 415);
    assert_eq!(server.inbox.count(), 3);
}
