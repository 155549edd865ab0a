//! What a record is given of its request, and which of several topics it goes to.

use danube_connector::{
    Column, Config, ProducerConfig, SourceConnector as _,
    testing::{Incoming, Polled, Published, SourceHarness},
};
use webhook_source::WebhookSource;

const ROUTED: &str = r#"{"endpoints": [{"path": "/github", "danube_topic": "/github/other", "partitions": 2,
    "route": {"header": "x-github-event", "topics": {"push": "/github/push", "ping": "/github/other", "*": "/github/other"}}}],
    "config": {"include_metadata": false}}"#;

fn settings(endpoint: &str) -> String {
    format!(
        r#"{{"endpoints": [{{"path": "/a", "danube_topic": "/n/t", {endpoint}}}], "config": {{"include_metadata": false}}}}"#
    )
}

fn request(path: &str, body: &str) -> Incoming {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Incoming {
        attributes: pairs(&[
            ("method", "POST"),
            ("path.tenant", "acme"),
            ("query.site", "Berlin \"1\""),
        ]),
        headers: pairs(&[("x-github-event", "push"), ("x-other", "o")]),
        ..Incoming::new(path, body)
    }
}

fn poll(settings: &str, event: Incoming) -> Polled {
    let mut source = SourceHarness::<WebhookSource>::new(settings).expect("valid settings");
    source.poll(&[event]).expect("polled")
}

fn record(settings: &str, event: Incoming) -> Published {
    let mut polled = poll(settings, event);
    assert!(polled.refused.is_empty(), "{:?}", polled.refused);
    polled.records.remove(0)
}

#[test]
fn a_header_says_which_topic() {
    let event = |kind: &str| Incoming {
        headers: vec![("x-github-event".into(), kind.into())],
        ..request("/github", "{}")
    };
    assert_eq!(record(ROUTED, event("push")).topic, "/github/push");
    assert_eq!(record(ROUTED, event("star")).topic, "/github/other");
    let none = Incoming {
        headers: Vec::new(),
        ..request("/github", "{}")
    };
    assert_eq!(record(ROUTED, none).topic, "/github/other");
    assert!(record(ROUTED, event("push")).forwarded, "the body crosses once");
}

#[test]
fn every_topic_of_a_route_is_asked_for_once() {
    let source = SourceHarness::<WebhookSource>::new(ROUTED).expect("valid settings");
    let topics = ["/github/other", "/github/push"].map(|topic| ProducerConfig::new(topic).with_partitions(2));
    assert_eq!(source.producer_configs().expect("they agree"), topics);
}

#[test]
fn a_value_of_the_document_says_which_topic() {
    let settings =
        settings(r#""route": {"pointer": "/data/kind", "topics": {"a": "/n/a", "7": "/n/seven", "true": "/n/yes"}}"#);
    for (kind, topic) in [("\"a\"", "/n/a"), ("7", "/n/seven"), ("true", "/n/yes")] {
        let body = format!(r#"{{"data": {{"kind": {kind}}}}}"#);
        assert_eq!(record(&settings, request("/a", &body)).topic, topic);
    }
    for (body, why) in [
        (
            r#"{"data": {"kind": "b"}}"#,
            "/data/kind of the body is `b`, for which this endpoint has no topic",
        ),
        (r#"{"data": {"kind": null}}"#, "has nothing"),
        ("not JSON", "has nothing"),
    ] {
        let refused = poll(&settings, request("/a", body)).refused;
        assert!(refused[0].message.contains(why), "{refused:?}");
    }
}

#[test]
fn parts_of_the_request_become_attributes() {
    let settings = settings(
        r#""include": {"headers": ["x-github-event", "x-none"], "query": ["site"], "path": ["tenant"], "into": null}"#,
    );
    let record = record(&settings, request("/a", "not JSON"));
    assert!(record.forwarded);
    let pairs: Vec<_> = record.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(
        pairs,
        [
            "webhook.header.x-github-event=push",
            "webhook.query.site=Berlin \"1\"",
            "webhook.path.tenant=acme"
        ]
    );
}

#[test]
fn parts_of_the_request_go_into_the_document() {
    let settings = settings(
        r#""include": {"headers": ["x-github-event"], "query": ["site"], "path": ["tenant"], "into": "/_request"}"#,
    );
    let made = record(&settings, request("/a", r#"{ "amount" : 1.50 }"#));
    assert_eq!(
        String::from_utf8_lossy(&made.payload),
        r#"{"amount":1.50,"_request":{"headers":{"x-github-event":"push"},"path":{"tenant":"acme"},"query":{"site":"Berlin \"1\""}}}"#
    );
    let forged = record(
        &settings,
        request("/a", r#"{"_request":{"headers":{"x-github-event":"forged"}}}"#),
    );
    assert!(
        !String::from_utf8_lossy(&forged.payload).contains("forged"),
        "the sender's own is replaced"
    );
    for body in ["[1]", "7", "not JSON"] {
        let refused = poll(&settings, request("/a", body)).refused;
        assert!(
            refused[0].message.contains("`include`") && refused[0].message.contains("/_request"),
            "{refused:?}"
        );
    }
}

#[test]
fn only_what_is_needed_crosses_the_sandbox() {
    let wants = |settings: &str| {
        let source = WebhookSource::initialize(Config::new("under-test", settings)).expect("valid settings");
        source.wants()
    };
    assert_eq!(wants(&settings(r#""include": {}"#)), [Column::Keys]);
    assert_eq!(wants(ROUTED), [Column::Headers, Column::Keys]);
    let path = settings(r#""include": {"path": ["tenant"]}"#);
    assert_eq!(wants(&path), [Column::Attributes, Column::Keys]);
}
