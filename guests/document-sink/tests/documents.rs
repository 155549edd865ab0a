//! What a message becomes.

use danube_connector::{
    ConsumerConfig, Error, Operation, SubscriptionType,
    testing::{Delivered, Processed, SinkHarness, Written},
};
use document_sink::DocumentSink;
use serde_json::{Value, json};

/// 2024-01-11T20:22:47.089Z, in milliseconds.
const PUBLISHED: u64 = 1_705_004_567_089;
/// Its place among all records.
const ORDER: u64 = (PUBLISHED << 16) | 3;

fn settings(more: Value) -> String {
    let mut mapping = json!({ "topic": "/stripe/payments", "subscription": "rows", "table": "payments" });
    let fields = mapping.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({ "topic_mappings": [mapping], "config": {} }).to_string()
}

fn process(more: Value, payloads: &[&str]) -> Processed {
    let message = |payload: &&str| Delivered {
        id: "p/c:evt_1.0".into(),
        publish_time: PUBLISHED,
        order: ORDER,
        producer: "hooks".into(),
        ..Delivered::new("/stripe/payments", *payload)
    };
    let messages: Vec<_> = payloads.iter().map(message).collect();
    let mut sink = SinkHarness::<DocumentSink>::new(&settings(more)).expect("valid settings");
    sink.process_batch(&messages).expect("processed")
}

fn write(more: Value, payload: &str) -> Written {
    let mut processed = process(more, &[payload]);
    assert!(processed.refused.is_empty(), "{:?}", processed.refused);
    processed.writes.remove(0)
}

fn refusal(more: Value, payload: &str) -> String {
    let mut processed = process(more, &[payload]);
    assert!(processed.writes.is_empty(), "{:?}", processed.writes);
    processed.refused.remove(0).message
}

#[test]
fn a_message_is_a_document_with_metadata_and_an_id_of_the_hosts() {
    let write = write(json!({}), r#" {"amount": 5} "#);
    assert_eq!(
        (write.target.as_str(), write.operation),
        ("payments", Operation::Insert)
    );
    assert_eq!((write.id.as_deref(), write.order), (None, 0));
    assert_eq!(
        write.document(),
        json!({
            "amount": 5,
            "_danube_metadata": {
                "danube_topic": "/stripe/payments",
                "danube_timestamp": "2024-01-11T20:22:47.089Z",
                "danube_producer": "hooks",
                "danube_message_id": "p/c:evt_1.0",
            },
        })
    );
}

#[test]
fn an_object_to_which_nothing_is_added_does_not_cross_again() {
    let plain = json!({ "include_danube_metadata": false });
    let write = write(plain, r#"{"b": 1.50, "a": 12345678901234567890123}"#);
    assert!(write.forwarded);
    assert_eq!(write.payload, br#"{"b": 1.50, "a": 12345678901234567890123}"#);
}

#[test]
fn numbers_keep_their_digits_and_fields_their_order() {
    let timed = json!({ "include_danube_metadata": false, "storage_mode": "TimeSeries" });
    let write = write(timed, "{\"z\": 1.50,\n \"a\": 12345678901234567890.123456789 }\n");
    assert_eq!(
        String::from_utf8(write.payload).expect("text"),
        "{\"z\": 1.50,\n \"a\": 12345678901234567890.123456789 ,\"_timestamp\":\"2024-01-11T20:22:47.089Z\"}"
    );
}

/// The connector that this one follows read milliseconds as microseconds.
#[test]
fn publish_times_are_not_in_january_1970() {
    let write = write(json!({ "storage_mode": "TimeSeries" }), "{}");
    let document = write.document();
    assert_eq!(document["_timestamp"], "2024-01-11T20:22:47.089Z");
    assert_eq!(
        document["_danube_metadata"]["danube_timestamp"],
        "2024-01-11T20:22:47.089Z"
    );
}

#[test]
fn what_is_no_object_is_wrapped() {
    for payload in [
        "[1, {\"a\": 2}]",
        "\"text\"",
        "-7",
        "18446744073709551615",
        "4.5",
        "true",
        "null",
    ] {
        let write = write(json!({ "include_danube_metadata": false }), payload);
        let value: Value = serde_json::from_str(payload).expect("JSON");
        assert_eq!(write.document(), json!({ "value": value }));
    }
}

#[test]
fn a_messages_own_field_of_an_added_name_is_replaced() {
    let payload = r#"{"a": 1e2, "_danube_metadata": 7, "q\"uote": [1], "_timestamp": "mine"}"#;
    let write = write(json!({ "storage_mode": "TimeSeries" }), payload);
    let document = write.document();
    assert_eq!(document["_danube_metadata"]["danube_producer"], "hooks");
    assert_eq!(document["_timestamp"], "2024-01-11T20:22:47.089Z");
    assert_eq!(document["q\"uote"], json!([1]));
    let text = String::from_utf8(write.payload).expect("text");
    assert!(
        text.starts_with(r#"{"a":1e2,"q\"uote":[1],"_danube_metadata":"#),
        "{text}"
    );
    assert_eq!(text.matches("\"_timestamp\"").count(), 1);
}

#[test]
fn what_is_not_json_is_text_or_bytes() {
    let bare = json!({ "include_danube_metadata": false });
    for text in [
        "hello",
        "{",
        "{} {}",
        "",
        "\u{1}",
        "{\"a\": 1",
        " a \"b\"\n",
        "\u{feff}{}",
    ] {
        let write = write(bare.clone(), text);
        assert_eq!(write.document(), json!({ "value": text }));
    }
    let mut sink = SinkHarness::<DocumentSink>::new(&settings(bare)).expect("valid settings");
    let message = Delivered::new("/stripe/payments", b"{\"a\": \"\xff\"}".to_vec());
    let processed = sink.process_batch(&[message]).expect("processed");
    assert_eq!(
        processed.writes[0].document(),
        json!({ "data": "eyJhIjogIv8ifQ==", "size": 10 })
    );
    let document = write(json!({}), "hello").document();
    assert_eq!(document["value"], "hello");
    assert_eq!(document["_danube_metadata"]["danube_producer"], "hooks");
}

#[test]
fn what_is_not_json_has_no_id() {
    let refused = refusal(json!({ "id_pointer": "/id" }), "hello");
    assert!(refused.contains("JSON"), "{refused}");
}

#[test]
fn an_id_from_the_message_makes_the_last_published_one_stay() {
    for (payload, id) in [
        (r#"{"customer": {"id": "cus_1"}}"#, "cus_1"),
        (r#"{"customer": {"id": "ünï\u0020x"}}"#, "ünï x"),
        (r#"{"customer": {"id": 42}}"#, "42"),
        (
            r#"{"customer": {"id": -12345678901234567890123}}"#,
            "-12345678901234567890123",
        ),
    ] {
        let write = write(json!({ "id_pointer": "/customer/id" }), payload);
        assert_eq!(write.id.as_deref(), Some(id));
        assert_eq!((write.operation, write.order), (Operation::Upsert, ORDER));
    }
}

#[test]
fn an_object_without_additions_keeps_its_id() {
    let keys = json!({ "id_pointer": "/id", "include_danube_metadata": false });
    let write = write(keys, r#"{"id": 7}"#);
    assert!(write.forwarded);
    assert_eq!((write.id.as_deref(), write.order), (Some("7"), ORDER));
}

#[test]
fn a_message_without_a_usable_id_is_refused() {
    for (payload, says) in [
        (r#"{"id": 1}"#, "points at nothing"),
        (r#"{"customer": {"id": ""}}"#, "points at an empty string"),
        (r#"{"customer": {"id": 1.5}}"#, "points at 1.5"),
        (r#"{"customer": {"id": 1e3}}"#, "points at 1e3"),
        (r#"{"customer": {"id": null}}"#, "points at null"),
        (r#"{"customer": {"id": ["x"]}}"#, "points at an array"),
        (r#"{"customer": {"id": "a\nb"}}"#, "control characters"),
    ] {
        let message = refusal(json!({ "id_pointer": "/customer/id" }), payload);
        assert!(message.contains(says), "{payload}: {message}");
    }
}

#[test]
fn topics_are_asked_for_as_the_mappings_say() {
    let more = json!({ "subscription_type": "KeyShared", "expected_schema_subject": "payment-v1" });
    let sink = SinkHarness::<DocumentSink>::new(&settings(more)).expect("valid settings");
    let mut wanted =
        ConsumerConfig::new("/stripe/payments", "rows").with_subscription_type(SubscriptionType::KeyShared);
    wanted.expected_schema_subject = Some("payment-v1".into());
    assert_eq!(sink.consumer_configs().expect("valid"), [wanted]);
}

#[test]
fn settings_that_do_not_fit_keep_it_from_starting() {
    for more in [
        json!({ "table": 1 }),
        json!({ "id_pointer": "id" }),
        json!({ "storage_mode": "Graph" }),
    ] {
        let error = SinkHarness::<DocumentSink>::new(&settings(more)).expect_err("does not fit");
        assert!(matches!(error, Error::Configuration { .. }), "{error}");
    }
}

#[test]
fn attributes_are_included_as_an_object_or_as_fields() {
    let write = |include: Value, payload: &str| {
        let message = Delivered {
            attributes: vec![
                ("webhook.header.x-github-event".into(), "push".into()),
                ("webhook.ip".into(), "192.0.2.7".into()),
                ("x-danube-wasm-trace".into(), "the host's".into()),
            ],
            ..Delivered::new("/stripe/payments", payload)
        };
        let more = json!({ "include_danube_metadata": false, "include_attributes": include });
        let mut sink = SinkHarness::<DocumentSink>::new(&settings(more)).expect("valid settings");
        let mut processed = sink.process_batch(&[message]).expect("processed");
        assert!(processed.refused.is_empty(), "{:?}", processed.refused);
        String::from_utf8(processed.writes.remove(0).payload).expect("text")
    };
    let push = "webhook.header.x-github-event";
    for (include, payload, wanted) in [
        (
            json!([push, "none"]),
            "{}",
            r#"{"_attributes":{"webhook.header.x-github-event":"push"}}"#,
        ),
        (
            json!(["*"]),
            r#"{"a": 1.50}"#,
            r#"{"a":1.50,"_attributes":{"webhook.header.x-github-event":"push","webhook.ip":"192.0.2.7"}}"#,
        ),
        (
            json!({ "event": push, "none": "none" }),
            r#"{"event":"forged","b":2}"#,
            r#"{"b":2,"event":"push"}"#,
        ),
        (json!({ "event": push }), "[1]", r#"{"value":[1],"event":"push"}"#),
    ] {
        assert_eq!(write(include, payload), wanted);
    }
}
