//! The ids that senders give their events, where each of them puts it.

use danube_wasm_ingress_http::{IdReuse, WELL_KNOWN_HEADERS};

use crate::support::Server;

/// By sender: what it says once, and what it says again when it sends the same again.
const SENDERS: [(&str, &[&str], &str); 12] = [
    ("Standard Webhooks", &["webhook-id: msg_1"], "msg_1"),
    ("Svix", &["svix-id: msg_2"], "msg_2"),
    (
        "GitHub",
        &["X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958"],
        "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    ),
    (
        "Gitea",
        &["X-Gitea-Delivery: f6266f16-1bf3-46a5-9ea4-602e06ead473"],
        "f6266f16-1bf3-46a5-9ea4-602e06ead473",
    ),
    (
        "Shopify",
        &["X-Shopify-Webhook-Id: b54557e4", "X-Shopify-Event-Id: 98880550"],
        "b54557e4",
    ),
    ("Amazon SNS", &["x-amz-sns-message-id: 165545c9"], "165545c9"),
    ("Linear", &["Linear-Delivery: 234d1a4e"], "234d1a4e"),
    ("Twilio", &["I-Twilio-Idempotency-Token: 9b0c"], "9b0c"),
    ("Jira", &["X-Atlassian-Webhook-Identifier: a1"], "a1"),
    ("Bitbucket", &["X-Request-UUID: 4c3a", "X-Attempt-Number: 2"], "4c3a"),
    (
        "GitLab",
        &["X-Gitlab-Event-UUID: chain", "Idempotency-Key: f5e5"],
        "f5e5",
    ),
    (
        "CloudEvents",
        &["ce-id: 7", "ce-source: https://example.com/shop", "ce-specversion: 1.0"],
        "https://example.com/shop 7",
    ),
];

#[tokio::test]
async fn each_sender_is_understood() {
    let server = Server::start(|_| {}).await;
    for (sender, headers, id) in SENDERS {
        for _ in 0..2 {
            assert_eq!(server.post(headers, "{}").await.json()["id"], id, "{sender}");
        }
    }
    assert_eq!(server.inbox.count(), 2 * SENDERS.len());
}

#[tokio::test]
async fn every_header_alone_is_an_id() {
    let server = Server::start(|_| {}).await;
    for name in &WELL_KNOWN_HEADERS {
        assert_eq!(
            server.post(&[&format!("{name}: of-{name}")], "{}").await.json()["id"],
            format!("of-{name}")
        );
    }
    for (place, name) in WELL_KNOWN_HEADERS.iter().enumerate().skip(1) {
        let before = &WELL_KNOWN_HEADERS[place - 1];
        let answer = server
            .post(&[&format!("{name}: later"), &format!("{before}: first")], "{}")
            .await;
        assert_eq!(answer.json()["id"], "first", "{before} comes before {name}");
    }
}

#[tokio::test]
async fn half_a_cloudevents_id_is_none() {
    let server = Server::start(|_| {}).await;
    let answer = server.post(&["ce-id: 7"], "{}").await;
    assert_eq!(answer.json()["id"].as_str().map(str::len), Some(32), "minted");
    let answer = server.post(&["ce-id: 7", "ce-source: a b"], "{}").await;
    assert_eq!((answer.status, answer.error().contains("URI reference")), (400, true));
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused_where_that_is_asked_for() {
    let server = Server::start(|endpoint| endpoint.id_reuse = IdReuse::Reject).await;
    for (sender, headers, _) in SENDERS {
        assert_eq!(server.post(headers, "{\"n\":1}").await.status, 200, "{sender}");
        assert_eq!(server.post(headers, "{\"n\":1}").await.status, 200, "{sender}, again");
        assert_eq!(
            server.post(headers, "{\"n\":2}").await.status,
            409,
            "{sender}, with another body"
        );
    }
}
