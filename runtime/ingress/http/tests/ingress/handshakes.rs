//! Handshakes that the host answers: no event comes of them, and of nothing that is nearly one.

use danube_wasm_ingress_http::{
    Auth, ContentKind, EndpointOptions, Secret, Secrets, Signature,
    policy::{Cors, FixedReply, Handshake, RequestPolicy, VerifyTokens},
};
use danube_wasm_model::clock::now_ms;
use hmac::{KeyInit, Mac};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, Server};

const SECRET: &str = "a secret";

fn secrets() -> Secrets {
    Secrets::try_new(vec![Secret::try_new(SECRET).unwrap()]).unwrap()
}

fn sign(message: &str) -> String {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn server(auth: impl Into<Auth>, handshake: Handshake) -> Server {
    let auth = auth.into();
    with_policy(|endpoint| {
        endpoint.auth = auth;
        endpoint.policy.handshake = Some(handshake);
    })
    .await
}

async fn with_policy(change: impl FnOnce(&mut EndpointOptions)) -> Server {
    Server::start(|endpoint| {
        endpoint.content = ContentKind::Any.into();
        change(endpoint);
    })
    .await
}

fn preset(name: &str) -> Signature {
    Signature::preset(name, &secrets()).unwrap()
}

/// As Slack and Zoom sign.
fn v0(signature: &str, time: &str, body: &str) -> [String; 2] {
    let now = now_ms() / 1000;
    [
        format!("{signature}: v0={}", sign(&format!("v0:{now}:{body}"))),
        format!("{time}: {now}"),
    ]
}

async fn post(server: &Server, lines: &[String], body: &str) -> Answer {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    server.post(&lines, body).await
}

#[tokio::test]
async fn slack_gets_its_challenge_back_once_it_is_known_to_be_slack() {
    let server = server(preset("slack"), Handshake::Slack).await;
    let sign = |body: &str| v0("x-slack-signature", "x-slack-request-timestamp", body);
    let asked = r#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    let answer = post(&server, &sign(asked), asked).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"challenge": "3eZbrw1aB"})));
    assert_eq!(post(&server, &[], asked).await.status, 401);
    assert_eq!(post(&server, &sign("{}"), asked).await.status, 401);
    assert_eq!(server.inbox.count(), 0);
    for event in [
        r#"{"type":"event_callback","challenge":"x"}"#,
        r#"{"type":"url_verification"}"#,
        r#"["url_verification"]"#,
        "payload=url_verification",
    ] {
        assert_eq!(post(&server, &sign(event), event).await.status, 200, "{event}");
    }
    assert_eq!(server.inbox.count(), 4, "these are events");
}

#[tokio::test]
async fn zoom_gets_its_token_back_signed() {
    let server = server(preset("zoom"), Handshake::Zoom).await;
    let asked = r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1,"event":"endpoint.url_validation"}"#;
    let lines = v0("x-zm-signature", "x-zm-request-timestamp", asked);
    let answer = post(&server, &lines, asked).await;
    let token = "qgg8vlvZRS6UYooatFL8Aw";
    assert_eq!(
        answer.json(),
        json!({"plainToken": token, "encryptedToken": sign(token)})
    );
    assert_eq!(post(&server, &[], asked).await.status, 401);
    let event = r#"{"payload":{"plainToken":"x"},"event":"meeting.started"}"#;
    let lines = v0("x-zm-signature", "x-zm-request-timestamp", event);
    assert_eq!(post(&server, &lines, event).await.status, 200);
    assert_eq!(server.inbox.count(), 1);
}

#[tokio::test]
async fn meta_gets_its_challenge_back_if_it_has_the_token() {
    let handshake = Handshake::Meta(VerifyTokens::new(secrets()));
    let server = server(preset("meta"), handshake).await;
    let get = async |query: &str| server.send("GET", &format!("/hook?{query}"), &[], "").await;
    let answer = get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a%20secret").await;
    assert_eq!((answer.status, &*answer.body), (200, &b"1158201444"[..]));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for (query, status) in [
        ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=other", 403),
        ("hub.mode=subscribe&hub.challenge=1", 403),
        (
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=a+secret&hub.verify_token=x",
            403,
        ),
        ("hub.mode=subscribe&hub.verify_token=a+secret", 400),
        ("hub.mode=other", 405),
        ("", 405),
    ] {
        let answer = get(query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(!answer.error().contains(SECRET));
    }
    let long = "1".repeat(1_025);
    let answer = get(&format!(
        "hub.mode=subscribe&hub.verify_token=a+secret&hub.challenge={long}"
    ))
    .await;
    assert_eq!(answer.status, 400);
    assert_eq!(server.post(&[], "{}").await.status, 401, "events are signed");
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn a_sender_of_cloud_events_is_allowed_by_name() {
    let origins = vec!["eventemitter.example".to_owned()];
    let server = server(Auth::None, Handshake::CloudEvents { origins }).await;
    let ask = async |lines: &[&str]| server.send("OPTIONS", "/hook", lines, "").await;
    let answer = ask(&[
        "webhook-request-origin: eventemitter.example",
        "webhook-request-rate: 120",
    ])
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("webhook-allowed-origin"), Some("eventemitter.example"));
    assert_eq!(answer.header("webhook-allowed-rate"), Some("*"));
    assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    assert_eq!(ask(&["webhook-request-origin: other.example"]).await.status, 403);
    assert_eq!(ask(&[]).await.status, 405);
    assert_eq!(server.inbox.count(), 0);
    assert_eq!(server.post(&[], "{}").await.status, 200);
}

#[tokio::test]
async fn event_grid_gets_its_code_back_and_its_events_are_events() {
    let auth = Auth::ApiKey(danube_wasm_ingress_http::ApiKey::query("code", &secrets()));
    let server = server(auth, Handshake::EventGrid).await;
    let asked = json!([{"id": "1", "data": {"validationCode": "512d38b6", "validationUrl": "https://x"},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}]);
    let post = async |query: &str, kind: &str, body: &Value| {
        let lines = [format!("aeg-event-type: {kind}")];
        server
            .send("POST", &format!("/hook{query}"), &[&lines[0]], body.to_string())
            .await
    };
    let answer = post("?code=a+secret", "SubscriptionValidation", &asked).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"validationResponse": "512d38b6"}))
    );
    assert_eq!(post("", "SubscriptionValidation", &asked).await.status, 401);
    assert_eq!(post("?code=wrong", "SubscriptionValidation", &asked).await.status, 401);
    assert_eq!(server.inbox.count(), 0);
    assert_eq!(
        post("?code=a+secret&x=1", "Notification", &json!([{"id": "2"}]))
            .await
            .status,
        200
    );
    let event = &server.inbox.events()[0];
    let query = event
        .attributes
        .iter()
        .find(|(name, _)| name == "query")
        .map(|(_, value)| value.clone());
    assert_eq!(query.as_deref(), Some("x=1"), "the secret is not handed on");
    let allowed = server
        .send("OPTIONS", "/hook", &["webhook-request-origin: eventgrid.azure.net"], "")
        .await;
    assert_eq!(allowed.header("webhook-allowed-origin"), Some("eventgrid.azure.net"));
}

#[tokio::test]
async fn pings_of_discord_and_github_are_answered() {
    let discord = server(Auth::None, Handshake::Discord).await;
    let interaction = discord.post(&[], r#"{"type":1,"id":"1","version":1}"#).await;
    assert_eq!((interaction.status, interaction.json()), (200, json!({"type": 1})));
    let webhook = discord
        .post(&[], r#"{"version":1,"application_id":"1","type":0}"#)
        .await;
    assert_eq!((webhook.status, webhook.body.len()), (204, 0));
    assert_eq!(discord.inbox.count(), 0);
    for event in [
        r#"{"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#,
        r#"{"type":2}"#,
    ] {
        assert_eq!(discord.post(&[], event).await.status, 200);
    }
    assert_eq!(discord.inbox.count(), 2);

    let github = server(preset("github"), Handshake::Github).await;
    let body = r#"{"zen":"Design for failure."}"#;
    let signed = format!("x-hub-signature-256: sha256={}", sign(body));
    assert_eq!(github.post(&[&signed, "x-github-event: ping"], body).await.status, 200);
    assert_eq!(github.post(&["x-github-event: ping"], body).await.status, 401);
    assert_eq!(github.inbox.count(), 0);
    assert_eq!(github.post(&[&signed, "x-github-event: push"], body).await.status, 200);
    assert_eq!(github.inbox.count(), 1);
}

#[tokio::test]
async fn head_and_options_are_answered_where_they_are_declared() {
    let silent = Server::start(|_| {}).await;
    assert_eq!(silent.send("OPTIONS", "/hook", &[], "").await.status, 405);
    let server = with_policy(|endpoint| {
        endpoint.auth = preset("github").into();
        endpoint.policy.answers_head = true;
        endpoint.policy.answers_options = true;
    })
    .await;
    assert_eq!(server.send("HEAD", "/hook", &[], "").await.status, 200);
    let options = server.send("OPTIONS", "/hook", &[], "").await;
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("POST, HEAD, OPTIONS"))
    );
    assert_eq!(server.post(&[], "{}").await.status, 401);
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn pages_of_declared_origins_may_post() {
    let cors = Cors {
        origins: vec!["https://shop.example".to_owned()],
        headers: vec!["x-api-key".to_owned()],
        max_age_secs: 600,
    };
    let server = with_policy(|endpoint| endpoint.policy.cors = Some(cors)).await;
    let ask = async |origin: &str| {
        let origin = format!("origin: {origin}");
        server
            .send(
                "OPTIONS",
                "/hook",
                &[&origin, "access-control-request-method: POST"],
                "",
            )
            .await
    };
    let answer = ask("https://shop.example").await;
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://shop.example"),
        ("access-control-allow-methods", "POST, OPTIONS"),
        ("access-control-allow-headers", "content-type, x-api-key"),
        ("access-control-max-age", "600"),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    for other in ["https://shop.example.evil.example", "http://shop.example", "null"] {
        assert_eq!(ask(other).await.header("access-control-allow-origin"), None, "{other}");
    }
    let posted = server.post(&["origin: https://shop.example"], "{}").await;
    assert_eq!(
        posted.header("access-control-allow-origin"),
        Some("https://shop.example")
    );
    let refused = server
        .send("PUT", "/hook", &["origin: https://shop.example"], "{}")
        .await;
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://shop.example"),
        "a page can read why"
    );
}

#[tokio::test]
async fn other_networks_are_refused_before_anything_is_read() {
    let server = with_policy(|endpoint| endpoint.policy.networks = vec!["192.0.2.0/24".parse().unwrap()]).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 403);
    assert!(answer.error().contains("other networks"), "{}", answer.error());
    let near = with_policy(|endpoint| endpoint.policy.networks = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(near.post(&[], "{}").await.status, 200);
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn a_sender_gets_the_answer_that_it_reads() {
    let policy = |status, body: &'static str| RequestPolicy {
        reply: Some(FixedReply {
            status,
            body: body.into(),
            content_type: Some(HeaderValue::from_static("text/xml")),
        }),
        ..RequestPolicy::default()
    };
    let twilio = with_policy(|endpoint| endpoint.policy = policy(StatusCode::OK, "<Response/>")).await;
    let answer = twilio.post(&[], "{}").await;
    assert_eq!((answer.status, &*answer.body), (200, &b"<Response/>"[..]));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    let empty = with_policy(|endpoint| endpoint.policy = policy(StatusCode::NO_CONTENT, "")).await;
    let answer = empty.post(&[], "{}").await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.header("content-type")),
        (204, 0, None)
    );
    // A refusal stays one.
    let refused = empty.send("PUT", "/hook", &[], "{}").await;
    assert_eq!(refused.status, 405);
    assert!(empty.inbox.events().len() == 1);
}
