//! What a request becomes.

use danube_connector::{
    ProducerConfig,
    testing::{Incoming, Published, SourceHarness},
};
use webhook_source::WebhookSource;

const SETTINGS: &str = r#"{
    "endpoints": [
        {"path": "/webhooks/orders", "danube_topic": "/shop/orders", "partitions": 4, "key_pointer": "/customer/id",
         "rate_per_second": 100},
        {"path": "/webhooks/any", "danube_topic": "/shop/any", "reliable_dispatch": false}
    ],
    "config": {}
}"#;

fn request(path: &str, body: &str) -> Incoming {
    Incoming {
        content_type: "application/json".into(),
        received: 1_734_948_000_123,
        attributes: vec![
            ("method".into(), "POST".into()),
            ("client-ip".into(), "192.0.2.7".into()),
        ],
        headers: vec![("user-agent".into(), "Stripe/1.0".into())],
        ..Incoming::new(path, body)
    }
}

fn record(settings: &str, event: Incoming) -> Published {
    let mut source = SourceHarness::<WebhookSource>::new(settings).expect("valid settings");
    let mut polled = source.poll(&[event]).expect("polled");
    assert!(polled.refused.is_empty(), "{:?}", polled.refused);
    polled.records.remove(0)
}

#[test]
fn a_body_goes_to_its_endpoints_topic_as_it_was() {
    for body in [r#"{ "amount" : 1.50 }"#, "not JSON", ""] {
        let record = record(SETTINGS, request("/webhooks/any", body));
        assert_eq!(record.topic, "/shop/any");
        assert_eq!(record.payload, body.as_bytes());
        assert!(record.forwarded, "the body crosses once");
    }
}

#[test]
fn topics_are_asked_for_as_the_endpoints_say() {
    let source = SourceHarness::<WebhookSource>::new(SETTINGS).expect("valid settings");
    let mut any = ProducerConfig::new("/shop/any");
    any.reliable_dispatch = false;
    let orders = ProducerConfig::new("/shop/orders").with_partitions(4);
    assert_eq!(source.producer_configs().expect("valid"), [orders, any]);
}

#[test]
fn a_record_carries_what_is_known_of_its_request() {
    let record = record(SETTINGS, request("/webhooks/any", "{}"));
    let pairs: Vec<_> = record
        .attributes
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("webhook.source", "under-test"),
            ("webhook.endpoint", "/webhooks/any"),
            ("webhook.timestamp", "2024-12-23T10:00:00.123Z"),
            ("webhook.ip", "192.0.2.7"),
            ("webhook.user_agent", "Stripe/1.0"),
            ("webhook.content_type", "application/json"),
        ]
    );
}

#[test]
fn what_a_request_does_not_have_is_left_out() {
    let record = record(SETTINGS, Incoming::new("/webhooks/any", "{}"));
    let names: Vec<_> = record.attributes.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["webhook.source", "webhook.endpoint", "webhook.timestamp"]);
}

#[test]
fn metadata_can_be_switched_off() {
    let settings = r#"{"endpoints": [{"path": "/a", "danube_topic": "/n/t"}], "config": {"include_metadata": false}}"#;
    assert!(record(settings, request("/a", "{}")).attributes.is_empty());
}

#[test]
fn the_key_is_the_events_whatever_the_body_says() {
    let event = |key: &str| Incoming {
        key: key.into(),
        ..request("/webhooks/orders", r#"{"customer": {"id": "cus_1"}}"#)
    };
    assert_eq!(record(SETTINGS, event("k")).key.as_deref(), Some("k"));
    assert_eq!(record(SETTINGS, event("")).key, None);
}

#[test]
fn an_event_of_a_strange_endpoint_is_refused() {
    let mut source = SourceHarness::<WebhookSource>::new(SETTINGS).expect("valid settings");
    let polled = source.poll(&[request("/x", "{}"), request("/webhooks/any", "{}")]);
    let polled = polled.expect("the batch goes on");
    assert_eq!((polled.refused.len(), polled.records.len()), (1, 1));
}
