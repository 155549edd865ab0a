//! What Stripe's events become. The bodies are those of `examples/stripe-events`.

use danube_connector::testing::{Incoming, Polled, SourceHarness};
use serde_json::{Value, json};
use stripe_source::StripeSource;

const SETTINGS: &str =
    r#"{"endpoints": [{"path": "/webhooks/stripe", "danube_topic": "/stripe/payments", "partitions": 4}]}"#;

const SUCCEEDED: &str = include_str!("../../../examples/stripe-events/events/payment_intent_succeeded.json");
const FAILED: &str = include_str!("../../../examples/stripe-events/events/payment_intent_payment_failed.json");
const CANCELED: &str = include_str!("../../../examples/stripe-events/events/payment_intent_canceled.json");
const REFUNDED: &str = include_str!("../../../examples/stripe-events/events/charge_refunded.json");
const CUSTOMER: &str = include_str!("../../../examples/stripe-events/events/customer_created.json");

fn poll(bodies: &[&str]) -> Polled {
    let events: Vec<_> = bodies
        .iter()
        .map(|body| Incoming::new("/webhooks/stripe", *body))
        .collect();
    let mut source = SourceHarness::<StripeSource>::new(SETTINGS).expect("valid settings");
    source.poll(&events).expect("polled")
}

/// The payload of the one record that this body becomes.
fn payment(body: &str) -> Value {
    let polled = poll(&[body]);
    assert!(polled.refused.is_empty(), "{:?}", polled.refused);
    assert_eq!(polled.records.len(), 1);
    serde_json::from_slice(&polled.records[0].payload).expect("JSON")
}

/// The body with the value at `pointer` replaced, or removed.
fn changed(body: &str, pointer: &str, value: Option<Value>) -> String {
    let mut event: Value = serde_json::from_str(body).expect("JSON");
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .expect("an object");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    event.to_string()
}

fn refusal(body: &str) -> String {
    let mut polled = poll(&[body]);
    assert!(polled.records.is_empty(), "{:?}", polled.records);
    assert_eq!(polled.refused.len(), 1, "neither a record nor a refusal");
    polled.refused.remove(0).message
}

#[test]
fn a_payment_that_succeeded() {
    assert_eq!(
        payment(SUCCEEDED),
        json!({
            "event": "payment.succeeded", "amount": 12345, "currency": "USD", "timestamp": 1_741_600_012,
            "payment_id": "pi_3R17GkLkdIwHu7ix1Vw8mYcE", "customer_id": "cus_NffrFeUfNV2Hib",
            "metadata": { "order_id": "6735", "channel": "web" },
        })
    );
}

#[test]
fn a_payment_that_failed() {
    assert_eq!(
        payment(FAILED),
        json!({
            "event": "payment.failed", "amount": 4900, "currency": "EUR", "timestamp": 1_741_600_192,
            "payment_id": "pi_3R17JrLkdIwHu7ix0bT4hZqA", "customer_id": "cus_Q3kVt8LmZx1RwP",
            "metadata": { "order_id": "6736" },
        })
    );
}

#[test]
fn a_payment_that_was_canceled_by_nobody_known() {
    assert_eq!(
        payment(CANCELED),
        json!({
            "event": "payment.canceled", "amount": 500, "currency": "JPY", "timestamp": 1_741_600_425,
            "payment_id": "pi_3R17MdLkdIwHu7ix2GnB7eKs",
        })
    );
}

#[test]
fn a_refund_has_the_amount_refunded_and_the_id_of_its_payment() {
    assert_eq!(
        payment(REFUNDED),
        json!({
            "event": "payment.refunded", "amount": 2345, "currency": "USD", "timestamp": 1_741_603_611,
            "payment_id": "pi_3R17GkLkdIwHu7ix1Vw8mYcE", "customer_id": "cus_NffrFeUfNV2Hib",
            "metadata": { "order_id": "6735", "channel": "web" },
        })
    );
}

#[test]
fn a_record_has_stripes_event_id_and_the_key_of_its_payment() {
    let polled = poll(&[SUCCEEDED, REFUNDED]);
    let ids: Vec<_> = polled.records.iter().map(|r| r.id.as_deref()).collect();
    assert_eq!(
        ids,
        [
            Some("evt_3R17GkLkdIwHu7ix1dN0q4Tb"),
            Some("evt_3R17GkLkdIwHu7ix1m7LbDqS")
        ]
    );
    for record in &polled.records {
        assert_eq!(record.topic, "/stripe/payments");
        assert_eq!(record.key.as_deref(), Some("pi_3R17GkLkdIwHu7ix1Vw8mYcE"));
        assert_eq!(record.attribute("stripe.livemode"), Some("false"));
    }
    assert_eq!(polled.records[1].attribute("stripe.type"), Some("charge.refunded"));
}

#[test]
fn a_type_it_does_not_know_is_filtered_out_not_failed() {
    let charge = changed(REFUNDED, "/type", Some(json!("charge.succeeded")));
    let polled = poll(&[CUSTOMER, SUCCEEDED, &charge]);
    assert!(polled.refused.is_empty());
    assert_eq!(polled.records.len(), 1);
    assert_eq!(polled.records[0].origins, [1]);
}

#[test]
fn the_amount_received_counts_and_else_the_amount() {
    let partly = changed(SUCCEEDED, "/data/object/amount_received", Some(json!(12000)));
    assert_eq!(payment(&partly)["amount"], 12000);
    let unknown = changed(SUCCEEDED, "/data/object/amount_received", None);
    assert_eq!(payment(&unknown)["amount"], 12345);
}

#[test]
fn amounts_keep_every_unit() {
    let large = changed(
        SUCCEEDED,
        "/data/object/amount_received",
        Some(json!(9_007_199_254_740_993_u64)),
    );
    assert_eq!(payment(&large)["amount"], json!(9_007_199_254_740_993_u64));
}

#[test]
fn an_expanded_customer_is_its_id() {
    let customer = json!({ "id": "cus_1", "object": "customer", "email": null });
    let expanded = changed(SUCCEEDED, "/data/object/customer", Some(customer));
    assert_eq!(payment(&expanded)["customer_id"], "cus_1");
}

#[test]
fn a_charge_without_a_payment_intent_stands_for_itself() {
    let alone = changed(REFUNDED, "/data/object/payment_intent", Some(Value::Null));
    assert_eq!(payment(&alone)["payment_id"], "ch_3R17GkLkdIwHu7ix1kQz5pLh");
}

/// As Stripe documents it: its time is text.
const THIN: &str = r#"{"id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0", "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered", "livemode": false, "created": "2025-03-10T10:00:00Z",
    "related_object": {"id": "mtr_test_61RgsT", "type": "billing.meter", "url": "/v1/billing/meters/mtr_test_61RgsT"}}"#;

#[test]
fn an_event_that_is_not_whole_is_refused_with_the_reason() {
    for (body, says) in [
        ("{".to_owned(), "not a Stripe event"),
        ("[]".to_owned(), "not a Stripe event"),
        ("{}".to_owned(), "it has no `object`"),
        ("{\"object\": 7}".to_owned(), "its `object` is not a string"),
        (
            THIN.to_owned(),
            "its `object` is `v2.core.event`, not `event`; send snapshot events",
        ),
        (changed(SUCCEEDED, "/object", Some(json!("v2.core.event"))), "thin"),
        (changed(SUCCEEDED, "/id", None), "has no `id`"),
        (changed(SUCCEEDED, "/id", Some(json!(""))), "has no `id`"),
        (changed(SUCCEEDED, "/type", None), "has no `type`"),
        (changed(SUCCEEDED, "/created", None), "has no `created`"),
        (changed(SUCCEEDED, "/data", None), "has no `data.object`"),
        (changed(FAILED, "/data/object/amount", None), "no `amount`"),
        (
            changed(REFUNDED, "/data/object/amount_refunded", None),
            "no `amount_refunded`",
        ),
        (changed(SUCCEEDED, "/data/object/currency", None), "currency"),
        (
            changed(FAILED, "/data/object/amount", Some(json!("4900"))),
            "invalid type",
        ),
        (changed(FAILED, "/data/object/amount", Some(json!(-1))), "invalid value"),
        (changed(FAILED, "/data/object/amount", Some(json!(1.5))), "1.5"),
        (
            changed(FAILED, "/data/object/customer", Some(json!(7))),
            "a reference is an id",
        ),
    ] {
        let message = refusal(&body);
        assert!(message.contains(says), "{says:?} is not in {message:?}");
    }
}

#[test]
fn a_refused_event_is_named_and_holds_up_no_other() {
    let broken = changed(FAILED, "/data/object/amount", None);
    let polled = poll(&[SUCCEEDED, &broken, CANCELED]);
    assert_eq!(polled.records.iter().map(|r| r.origins[0]).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(polled.refused[0].origin, 1);
    assert_eq!(
        polled.refused[0].message,
        "Stripe event `evt_3R17JrLkdIwHu7ix0xW9sHvK` of type `payment_intent.payment_failed`: `data.object` has no \
         `amount`"
    );
}
