//! What a recorded request is worth to the one who recorded it.

use danube_wasm_ingress_http::{ApiKey, Auth, EventIdSource, Jwt, Secret, Secrets, Signature};
use danube_wasm_model::clock::now_ms;
use hmac::{KeyInit, Mac};

use crate::support::Server;

const BODY: &str = r#"{"id":"evt_1"}"#;

fn secrets() -> Secrets {
    Secrets::try_new(vec![Secret::try_new("a secret that has 32 bytes or more").unwrap()]).unwrap()
}

fn preset(name: &str) -> Signature {
    Signature::preset(name, &secrets()).unwrap()
}

fn sign(signed: &str) -> String {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"a secret that has 32 bytes or more").unwrap();
    mac.update(signed.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn stripe(time_secs: u64) -> String {
    let signature = sign(&format!("{time_secs}.{BODY}"));
    format!("stripe-signature: t={time_secs},v1={signature}")
}

fn github() -> String {
    format!("x-hub-signature-256: sha256={}", sign(BODY))
}

async fn server(auth: Auth, event_id: EventIdSource) -> Server {
    Server::start(|endpoint| {
        endpoint.auth = auth;
        endpoint.event_id = event_id;
    })
    .await
}

fn ids(server: &Server) -> Vec<String> {
    server.inbox.events().iter().map(|event| event.id.clone()).collect()
}

#[tokio::test]
async fn a_replay_within_the_tolerance_has_the_event_id_again() {
    let pointer = "/id".parse().unwrap();
    let server = server(preset("stripe").into(), EventIdSource::JsonPointer(pointer)).await;
    let recorded = stripe(now_ms() / 1000);
    for _ in 0..3 {
        assert_eq!(server.post(&[&recorded], BODY).await.status, 200);
    }
    assert_eq!(server.post(&[&recorded, "webhook-id: other"], BODY).await.status, 200);
    assert_eq!(ids(&server), ["evt_1"; 4], "an id in the body is signed with it");
}

#[tokio::test]
async fn a_replay_outside_the_tolerance_is_refused_unread() {
    let stripe_alone = preset("stripe").try_with_tolerance(60).unwrap();
    let server = server(stripe_alone.into(), EventIdSource::WellKnown).await;
    for time_secs in [now_ms() / 1000 - 1_000, now_ms() / 1000 + 1_000, 0, u64::MAX] {
        let mut client = server.connect().await;
        let recorded = stripe(time_secs);
        client
            .send(format!(
                "POST /hook HTTP/1.1\r\nhost: test\r\n{recorded}\r\ncontent-length: 1000\r\n\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 401);
        assert!(answer.error().contains("more than 60 seconds from this clock"));
    }
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn a_replay_without_a_signed_time_passes_for_ever_with_its_event_id() {
    let server = server(preset("github").into(), EventIdSource::WellKnown).await;
    for _ in 0..3 {
        assert_eq!(
            server.post(&[&github(), "x-github-delivery: evt_1"], BODY).await.status,
            200
        );
    }
    assert_eq!(ids(&server), ["evt_1"; 3]);
}

/// Neither form signs headers. Who needs more takes the id from the body.
#[tokio::test]
async fn a_replay_with_another_id_in_a_header_is_another_event() {
    let server = server(preset("github").into(), EventIdSource::WellKnown).await;
    for id in ["evt_1", "evt_2"] {
        let answer = server
            .post(&[&github(), &format!("x-github-delivery: {id}")], BODY)
            .await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(ids(&server), ["evt_1", "evt_2"]);
}

#[tokio::test]
async fn a_credential_that_is_there_twice_is_refused() {
    let hmac = server(preset("github").into(), EventIdSource::WellKnown).await;
    let key = server(Auth::ApiKey(ApiKey::new(&secrets())), EventIdSource::WellKnown).await;
    let jwt = server(Auth::Jwt(Jwt::try_hs256(&secrets()).unwrap()), EventIdSource::WellKnown).await;
    let right_key = "x-api-key: a secret that has 32 bytes or more".to_owned();
    for (server, credential) in [
        (hmac, github()),
        (key, right_key),
        (jwt, "authorization: Bearer a.b.c".to_owned()),
    ] {
        let answer = server.post(&[&credential, &credential], BODY).await;
        assert_eq!(answer.status, 401);
        assert!(answer.error().ends_with("is there twice"), "{answer:?}");
        assert_eq!(server.inbox.count(), 0);
    }
}
