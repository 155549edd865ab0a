//! What an event holds.

use std::sync::{Arc, Mutex};

use danube_wasm_ingress_http::{
    ContentKind, ContentKinds, EventIdSource, IdReuse, MissingId, Observer, RequestSpan, TrustedProxies,
};
use danube_wasm_model::{
    clock::now_ms,
    door::{Outcome, Reply},
};
use http::{HeaderName, Method};

use crate::support::Server;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn everything_that_the_request_said() {
    let server = Server::start(|_| {}).await;
    let before = now_ms();
    let headers = [
        "Content-Type: application/json; charset=utf-8",
        "User-Agent: shop/1.0",
        "X-Twice: a",
        "X-Twice: b",
        "Authorization: Bearer secret",
        "Cookie: session=secret",
        "Proxy-Authorization: Basic secret",
        "X-Api-Key: secret",
        "Stripe-Signature: t=1,v1=secret",
        "X-Hub-Signature-256: sha256=secret",
        "X-Forwarded-For: 6.6.6.6",
        &format!("traceparent: {TRACE}"),
    ];
    assert_eq!(
        server
            .send("POST", "/hook?a=1&b=%20", &headers, r#"{"a":1}"#)
            .await
            .status,
        200
    );

    let event = &server.inbox.events()[0];
    assert_eq!(&*event.endpoint, "/hook");
    assert_eq!(event.payload, r#"{"a":1}"#);
    assert_eq!(event.content_type, "application/json; charset=utf-8");
    assert_eq!(event.key, None);
    assert!((before..=now_ms()).contains(&event.received_ms));
    assert_eq!(event.traceparent.as_deref(), Some(TRACE));
    let attributes: Vec<_> = event.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let expected = [
        ("method", "POST"),
        ("path", "/hook"),
        ("query", "a=1&b=%20"),
        ("client-ip", "127.0.0.1"),
    ];
    assert_eq!(attributes, expected);
    assert_eq!(value(&event.headers, "user-agent"), Some("shop/1.0"));
    assert_eq!(event.headers.iter().filter(|(name, _)| name == "x-twice").count(), 2);
    assert!(!format!("{:?}", event.headers).contains("secret"));
}

#[tokio::test]
async fn only_what_is_wanted() {
    let server = Server::start(|endpoint| {
        endpoint.headers = false;
        endpoint.attributes = false;
    })
    .await;
    server.post(&["user-agent: shop/1.0"], "{}").await;
    let event = &server.inbox.events()[0];
    assert!(event.headers.is_empty() && event.attributes.is_empty());
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy() {
    let server = Server::start_with(
        |options| options.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]),
        |_| {},
    )
    .await;
    server
        .post(&["x-forwarded-for: 6.6.6.6, 192.0.2.7, 127.0.0.9"], "{}")
        .await;
    assert_eq!(
        value(&server.inbox.events()[0].attributes, "client-ip"),
        Some("192.0.2.7")
    );
}

#[tokio::test]
async fn ids_from_well_known_headers_in_order() {
    let server = Server::start(|_| {}).await;
    let (key, webhook, delivery) = ("Idempotency-Key: k", "Webhook-Id: w", "X-GitHub-Delivery: d");
    for (headers, id) in [
        (&[delivery, webhook, key][..], "k"),
        (&[delivery, webhook], "w"),
        (&[delivery], "d"),
    ] {
        assert_eq!(server.post(headers, "{}").await.json()["id"], id);
    }
    let minted = server.post(&[], "{}").await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(minted.len(), 32);
    assert_ne!(
        server.post(&[], "{}").await.json()["id"],
        minted.as_str(),
        "a retry without an id is a new event"
    );
    let ids: Vec<_> = server.inbox.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids[..4], ["k", "w", "d", &minted]);
}

#[tokio::test]
async fn ids_from_where_the_endpoint_says() {
    let header = EventIdSource::Header(HeaderName::from_static("x-order"));
    let server = Server::start(|endpoint| endpoint.event_id = header).await;
    let sent = &["x-order: o-1", "idempotency-key: ignored"];
    assert_eq!(server.post(sent, "{}").await.json()["id"], "o-1");

    let pointer = EventIdSource::JsonPointer("/data/0/id".parse().unwrap());
    let server = Server::start(|endpoint| endpoint.event_id = pointer).await;
    assert_eq!(server.post(&[], r#"{"data":[{"id":42}]}"#).await.json()["id"], "42");
    let minted = server.post(&["idempotency-key: ignored"], "{}").await.json()["id"].clone();
    assert_eq!(minted.as_str().unwrap().len(), 32, "absent: minted");

    let server = Server::start(|endpoint| endpoint.event_id = EventIdSource::Minted).await;
    assert_ne!(
        server.post(&["idempotency-key: ignored"], "{}").await.json()["id"],
        "ignored"
    );
}

#[tokio::test]
async fn handshakes_by_get() {
    let server = Server::start(|endpoint| endpoint.methods = vec![Method::GET, Method::POST]).await;
    server.inbox.then(Outcome::Accepted {
        id: "x".to_owned(),
        records: 0,
        durable: true,
        answer: Some(Reply {
            status: 200,
            content_type: "text/plain".to_owned(),
            body: "1158201444".into(),
        }),
    });
    let answer = server.send("GET", "/hook?hub.challenge=1158201444", &[], "").await;
    assert_eq!(answer.body, b"1158201444");
    let event = &server.inbox.events()[0];
    assert!(event.payload.is_empty());
    assert_eq!(value(&event.attributes, "method"), Some("GET"));
    assert_eq!(value(&event.attributes, "query"), Some("hub.challenge=1158201444"));
}

/// Begins a span for each request, and notes whose child it is and how it ended.
#[derive(Default)]
struct Tracer(Arc<Mutex<Vec<String>>>);

struct Span(Arc<Mutex<Vec<String>>>);

impl Observer for Tracer {
    fn begin(&self, endpoint: &str, traceparent: Option<&str>) -> Option<Box<dyn RequestSpan>> {
        self.0
            .lock()
            .unwrap()
            .push(format!("begin {endpoint} under {traceparent:?}"));
        Some(Box::new(Span(self.0.clone())))
    }
}

impl RequestSpan for Span {
    fn traceparent(&self) -> Option<String> {
        Some(TRACE.to_owned())
    }

    fn finish(self: Box<Self>, status: u16) {
        self.0.lock().unwrap().push(format!("finish {status}"));
    }
}

#[tokio::test]
async fn a_span_follows_the_request() {
    let tracer = Tracer::default();
    let log = tracer.0.clone();
    let server = Server::start_with(|options| options.observer = Arc::new(tracer), |_| {}).await;
    let callers = TRACE.replace("b7-01", "b8-00");
    server.post(&[&format!("traceparent: {callers}")], "{}").await;
    server.post(&["traceparent: 00-nonsense"], "").await;
    server.send("POST", "/elsewhere", &[], "{}").await;
    assert_eq!(server.inbox.events()[0].traceparent.as_deref(), Some(TRACE));
    let expected = [
        &format!("begin /hook under Some(\"{callers}\")"),
        "finish 200",
        "begin /hook under None",
        "finish 400",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_key_is_known_before_the_event_is_offered() {
    let server = Server::start(|endpoint| {
        endpoint.key = Some("/customer/id".parse().unwrap());
        endpoint.content = ContentKind::Any.into();
    })
    .await;
    // The last one is long enough to be worked on elsewhere.
    let long = format!(r#"{{"customer":{{"id":"long"}},"more":"{}"}}"#, "x".repeat(300_000));
    for (body, key) in [
        (r#"{"customer":{"id":"cus_1"}}"#, Some("cus_1")),
        (r#"{"customer":{"id":1.50}}"#, Some("1.50")),
        (r#"{"customer":{}}"#, None),
        ("not JSON", None),
        (&long, Some("long")),
    ] {
        assert_eq!(server.post(&[], body).await.status, 200);
        let event = server.inbox.events().pop().unwrap();
        assert_eq!(event.key.as_deref(), key.map(str::as_bytes), "{body:.40}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_json() {
    let server = Server::start(|endpoint| {
        endpoint.event_id = EventIdSource::JsonPointer("/id".parse().unwrap());
    })
    .await;
    let answer = server.post(&[], "\u{feff}{\"id\":\"a\"}").await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &"a".into()));
    assert_eq!(server.inbox.events()[0].payload, r#"{"id":"a"}"#);
    assert_eq!(server.post(&[], "\u{feff}\u{feff}{}").await.status, 400);

    let server = Server::start(|endpoint| endpoint.content = ContentKind::Any.into()).await;
    for (content_type, kept) in [("text/plain", true), ("application/json", false)] {
        let headers = [&*format!("content-type: {content_type}")];
        assert_eq!(server.post(&headers, "\u{feff}7").await.status, 200);
        let event = server.inbox.events().pop().unwrap();
        assert_eq!(event.payload == "7", !kept, "{content_type}");
    }
}

#[derive(Default)]
struct Reused(Mutex<Vec<String>>);

impl Observer for Reused {
    fn id_reused(&self, endpoint: &str) {
        self.0.lock().unwrap().push(endpoint.to_owned());
    }
}

#[tokio::test]
async fn another_body_under_an_id_that_was_taken_is_counted_and_refused_where_asked() {
    for (id_reuse, status) in [(IdReuse::Accept, 200), (IdReuse::Reject, 409)] {
        let reused = Arc::new(Reused::default());
        let server = Server::start_with(
            |options| options.observer = reused.clone(),
            |endpoint| endpoint.id_reuse = id_reuse,
        )
        .await;
        let key = ["idempotency-key: k"];
        // What was refused was not taken: its sender corrects it.
        server.inbox.then(Outcome::Invalid {
            error: "no".to_owned(),
            violations: Vec::new(),
        });
        assert_eq!(server.post(&key, "[0]").await.status, 422);
        for _ in 0..2 {
            assert_eq!(server.post(&key, "[1]").await.status, 200);
        }
        assert!(reused.0.lock().unwrap().is_empty());
        let answer = server.post(&key, "[2]").await;
        assert_eq!((answer.status, &answer.json()["id"]), (status, &"k".into()));
        assert_eq!(*reused.0.lock().unwrap(), ["/hook"]);
        assert_eq!(server.inbox.count(), if status == 200 { 4 } else { 3 });
        // Without an id of the sender's, every event is another.
        assert_eq!(server.post(&[], "[3]").await.status, 200);
        assert_eq!(server.post(&[], "[4]").await.status, 200);
        assert_eq!(reused.0.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_event_without_an_id_is_refused_where_asked() {
    for (source, place) in [
        (EventIdSource::WellKnown, "idempotency-key"),
        (
            EventIdSource::Header(HeaderName::from_static("x-id")),
            "header x-id is missing",
        ),
        (EventIdSource::JsonPointer("/id".parse().unwrap()), "nothing at /id"),
    ] {
        let server = Server::start(|endpoint| {
            endpoint.event_id = source.clone();
            endpoint.missing_id = MissingId::Reject;
            endpoint.content = ContentKinds::new([ContentKind::Json, ContentKind::Ndjson]);
        })
        .await;
        for (content_type, body) in [
            ("application/json", "{}"),
            ("application/x-ndjson", "{\"id\":\"a\"}\n{}"),
        ] {
            let headers = [&*format!("content-type: {content_type}")];
            let answer = server.post(&headers, body).await;
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(answer.status == 400 && error.contains(place), "{content_type}: {error}");
        }
        assert_eq!(server.inbox.count(), 0);
        let headers = ["idempotency-key: k", "x-id: k", "content-type: application/x-ndjson"];
        assert_eq!(
            server.post(&headers, "{\"id\":\"a\"}\n{\"id\":\"b\"}").await.status,
            200
        );
        assert_eq!(server.inbox.count(), 2);
    }
}
