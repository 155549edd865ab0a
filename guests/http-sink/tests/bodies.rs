//! What a message becomes.

use danube_connector::{
    ConsumerConfig, Error, Operation, SubscriptionType,
    testing::{Delivered, Processed, SinkHarness, Written},
};
use http_sink::HttpSink;
use serde_json::{Value, json};

/// Its place among all records.
const ORDER: u64 = (1_705_004_567_089 << 16) | 3;

fn settings(more: Value) -> String {
    let mut mapping = json!({ "topic": "/shop/orders", "subscription": "hooks", "endpoint": "orders" });
    let fields = mapping.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({ "topic_mappings": [mapping], "config": {} }).to_string()
}

fn process(more: Value, payload: &[u8]) -> Processed {
    let message = Delivered {
        id: "p/c:evt_1.0".into(),
        order: ORDER,
        ..Delivered::new("/shop/orders", payload)
    };
    let mut sink = SinkHarness::<HttpSink>::new(&settings(more)).expect("valid settings");
    sink.process_batch(&[message]).expect("processed")
}

fn write(more: Value, payload: &str) -> Written {
    let mut processed = process(more, payload.as_bytes());
    assert!(processed.refused.is_empty(), "{:?}", processed.refused);
    processed.writes.remove(0)
}

fn body(template: Value, payload: &str) -> String {
    String::from_utf8(write(json!({ "body": template }), payload).payload).expect("text")
}

fn refusal(more: Value, payload: &[u8]) -> String {
    let mut processed = process(more, payload);
    assert!(processed.writes.is_empty(), "{:?}", processed.writes);
    processed.refused.remove(0).message
}

#[test]
fn a_message_is_sent_as_it_is() {
    for payload in [&b"{\"a\": 1.50 }"[..], b"text", b"\xff\x00", b""] {
        let processed = process(json!({}), payload);
        let write = &processed.writes[0];
        assert!(write.forwarded);
        assert_eq!((write.payload.as_slice(), write.target.as_str()), (payload, "orders"));
        assert_eq!(
            (write.operation, write.id.as_deref(), write.order),
            (Operation::Insert, None, 0)
        );
    }
}

#[test]
fn with_an_id_it_is_an_upsert_of_that_document() {
    let write = write(json!({ "id_pointer": "/order/id" }), r#"{"order": {"id": 42}}"#);
    assert!(write.forwarded);
    assert_eq!(
        (write.operation, write.id.as_deref(), write.order),
        (Operation::Upsert, Some("42"), ORDER)
    );
}

#[test]
fn a_message_without_a_usable_id_is_refused() {
    for (payload, says) in [
        (&br#"{"x": 1}"#[..], "points at nothing"),
        (br#"{"id": ""}"#, "an empty string"),
        (br#"{"id": 1.5}"#, "points at 1.5"),
        (br#"{"id": null}"#, "points at null"),
        (b"hello", "not JSON"),
        (b"\xff", "not JSON"),
    ] {
        let said = refusal(json!({ "id_pointer": "/id" }), payload);
        assert!(said.contains(says) && said.contains("`/id`"), "{said}");
    }
}

#[test]
fn a_pointer_alone_is_the_value_as_it_was_written() {
    let template = json!({ "amount": "{/amount}", "who": "{/customer}", "all": "{}", "fixed": [1, null, "x"] });
    let message = r#"{"amount": 12345678901234567890.10, "customer": {"name": "Ä\"b"}}"#;
    assert_eq!(
        body(template, message),
        format!(
            "{{\"all\":{message},\"amount\":12345678901234567890.10,\"fixed\":[1,null,\"x\"],\"who\":{{\"name\": \"Ä\\\"b\"}}}}"
        )
    );
}

#[test]
fn pointers_in_a_text_are_written_out() {
    let template = json!({ "text": "Order {/id} of {/customer/name}: {/lines} {{{/paid}}}" });
    let message = r#"{"id": 7, "customer": {"name": "A \"B\" \u0043\n"}, "lines": [1, {"a":2}], "paid": true}"#;
    let body: Value = serde_json::from_str(&body(template, message)).expect("JSON");
    assert_eq!(body["text"], "Order 7 of A \"B\" C\n: [1, {\"a\":2}] {true}");
}

#[test]
fn names_and_texts_are_quoted() {
    assert_eq!(
        body(json!({ "a\"b": "", "c": "{{\"" }), "{}"),
        r#"{"a\"b":"","c":"{\""}"#
    );
}

#[test]
fn a_message_that_lacks_what_the_body_needs_is_refused_by_name() {
    let template = json!({ "body": { "deep": [{ "amount": "{/a/b}" }] } });
    let said = refusal(template.clone(), br#"{"a": {}}"#);
    assert!(said.contains("`{/a/b}`") && said.contains("nothing there"), "{said}");
    let said = refusal(template, b"hello");
    assert!(said.contains("not JSON"), "{said}");
}

#[test]
fn topics_are_asked_for_as_the_mappings_say() {
    let more = json!({ "subscription_type": "KeyShared", "expected_schema_subject": "order-v1" });
    let sink = SinkHarness::<HttpSink>::new(&settings(more)).expect("valid settings");
    let mut wanted = ConsumerConfig::new("/shop/orders", "hooks").with_subscription_type(SubscriptionType::KeyShared);
    wanted.expected_schema_subject = Some("order-v1".into());
    assert_eq!(sink.consumer_configs().expect("valid"), [wanted]);
}

#[test]
fn settings_that_do_not_fit_keep_it_from_starting() {
    for more in [
        json!({ "endpoint": 1 }),
        json!({ "id_pointer": "id" }),
        json!({ "body": { "a": "{amount}" } }),
        json!({ "body": { "a": "{/amount" } }),
        json!({ "body": { "a": "/amount}" } }),
    ] {
        let error = SinkHarness::<HttpSink>::new(&settings(more)).expect_err("does not fit");
        assert!(matches!(error, Error::Configuration { .. }), "{error}");
    }
}

#[test]
fn the_deletion_of_a_row_is_one_of_its_document_and_needs_no_body() {
    let message = Delivered {
        key: b"[7]".to_vec(),
        attributes: vec![("change.op".into(), "delete".into())],
        order: ORDER,
        ..Delivered::new("/shop/orders", r#"{"id": 7}"#)
    };
    let more = json!({ "id_from": "key", "body": { "amount": "{/amount}" } });
    let mut sink = SinkHarness::<HttpSink>::new(&settings(more)).expect("valid settings");
    let write = sink.process_batch(&[message]).expect("processed").writes.remove(0);
    assert_eq!((write.operation, write.id.as_deref()), (Operation::Delete, Some("7")));
    assert_eq!(write.order, ORDER);
}

#[test]
fn attributes_are_added_to_objects() {
    let process = |more: Value, payload: &str| {
        let message = Delivered {
            attributes: vec![("webhook.header.x-github-event".into(), "push".into())],
            ..Delivered::new("/shop/orders", payload)
        };
        let mut sink = SinkHarness::<HttpSink>::new(&settings(more)).expect("valid settings");
        sink.process_batch(&[message]).expect("processed")
    };
    let include = json!({ "event": "webhook.header.x-github-event" });
    let text = |written: &Written| String::from_utf8(written.payload.clone()).expect("text");
    let plain = process(json!({ "include_attributes": include }), r#"{ "a" : 1.50 }"#);
    assert_eq!(text(&plain.writes[0]), r#"{"a":1.50,"event":"push"}"#);
    let made = process(
        json!({ "include_attributes": include, "body": { "x": "{/a}" } }),
        r#"{"a":1}"#,
    );
    assert_eq!(text(&made.writes[0]), r#"{"x":1,"event":"push"}"#);
    let refused = process(json!({ "include_attributes": include }), "text").refused;
    assert!(refused[0].message.contains("`include_attributes`"), "{refused:?}");
}
