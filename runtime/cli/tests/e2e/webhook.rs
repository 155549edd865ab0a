//! From a webhook to a row, and what is refused on the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{KEY, Setup, payment};

#[test]
fn a_hundred_webhooks_become_a_hundred_rows() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    for n in 0..100 {
        let answer = pipeline.post(&payment(n));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["status"], "accepted");
        assert_eq!(
            (&answer.body["records"], &answer.body["durable"]),
            (&json!(1), &json!(true))
        );
        assert!(answer.body["id"].as_str().is_some_and(|id| !id.is_empty()));
    }
    pipeline.until("100 rows", |_| scratch.rows() == 100);
    let by_event = scratch.query("SELECT event, count() AS total FROM payments GROUP BY event");
    let totals: BTreeSet<(String, u64)> = by_event
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            (
                row["event"].as_str().expect("an event").to_owned(),
                row["total"].as_u64().expect("a total"),
            )
        })
        .collect();
    assert_eq!(totals.iter().map(|(_, n)| n).sum::<u64>(), 100);
    assert_eq!(totals.len(), 4);
    let one = scratch.query("SELECT * FROM payments WHERE amount = 42");
    assert_eq!(
        (&one[0]["currency"], &one[0]["_danube_metadata"]["danube_topic"]),
        (&json!("USD"), &json!("/stripe/payments"))
    );
    pipeline.stop();
    assert_eq!(scratch.rows(), 100, "and when it is stopped");
}

#[test]
fn what_violates_the_schema_is_told_why_and_reaches_no_topic() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let answer = pipeline.post(&json!({ "event": "payment.exploded", "amount": -1, "currency": "usd" }));
    assert_eq!(answer.status, 422, "{answer:?}");
    let paths: BTreeSet<&str> = answer.body["violations"]
        .as_array()
        .expect("violations")
        .iter()
        .filter_map(|v| v["path"].as_str())
        .collect();
    assert_eq!(paths, BTreeSet::from(["", "/amount", "/currency", "/event"]));
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.until("the valid one", |_| scratch.rows() == 1);
    let (_, metrics) = pipeline.admin("/metrics");
    let line = "danube_wasm_schema_violations_total{connector=\"test/webhook\",subject=\"stripe-payment-v1\",topic=\"/stripe/payments\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains(
        "danube_connector_messages_received_total{connector=\"test/surrealdb\",topic=\"/stripe/payments\"} 1"
    ));
}

#[test]
fn answers_are_as_documented() {
    let scratch = Setup {
        endpoint: "max_body_bytes = 2048".into(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let body = payment(1).to_string();
    assert_eq!(pipeline.post_with(&[("x-api-key", "wrong")], body.clone()).status, 401);
    assert_eq!(pipeline.post_with(&[], "{not json").status, 400);
    assert_eq!(pipeline.post_with(&[], "x".repeat(4096)).status, 413);
    let twice = "{\"event\":\"payment.failed\",\"amount\":1,\"amount\":2,\"currency\":\"USD\",\"timestamp\":1}";
    assert_eq!(pipeline.post_with(&[], twice).status, 422, "duplicate keys");
    let client = pipeline.client();
    let url = |path: &str| format!("http://{}{path}", pipeline.address());
    assert_eq!(
        client
            .post(url("/elsewhere"))
            .send()
            .expect("an answer")
            .status()
            .as_u16(),
        404
    );
    assert_eq!(
        client.get(url("/hook")).send().expect("an answer").status().as_u16(),
        405
    );
    let text = client
        .post(url("/hook"))
        .header("x-api-key", KEY)
        .header("content-type", "text/plain")
        .body(body);
    assert_eq!(text.send().expect("an answer").status().as_u16(), 415);
}

#[test]
fn the_same_event_id_is_one_row_also_across_a_restart() {
    let scratch = Setup {
        endpoint: "event_id = { header = \"Idempotency-Key\" }".into(),
        ..Setup::default()
    }
    .write();
    let send = |pipeline: &crate::harness::Pipeline, id: &str, n: u64| {
        let answer = pipeline.post_with(&[("idempotency-key", id)], payment(n).to_string());
        assert_eq!((answer.status, &answer.body["id"]), (200, &Value::from(id)));
    };
    let pipeline = scratch.start();
    send(&pipeline, "evt-1", 1);
    send(&pipeline, "evt-1", 1);
    pipeline.until("the row", |_| scratch.rows() == 1);
    pipeline.stop();
    let pipeline = scratch.start();
    send(&pipeline, "evt-1", 1);
    send(&pipeline, "evt-2", 2);
    pipeline.until("both rows", |_| scratch.rows() == 2);
    pipeline.stop();
    assert_eq!(scratch.rows(), 2);
}

#[test]
fn a_payloads_own_id_in_and_out_are_not_surrealdbs() {
    let scratch = Setup {
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    for n in 0..2 {
        let answer = pipeline.post(&json!({ "id": "payments:mine", "in": "a:1", "out": "b:2", "n": n }));
        assert_eq!(answer.status, 200);
    }
    pipeline.until("two rows", |_| scratch.rows() == 2);
}
