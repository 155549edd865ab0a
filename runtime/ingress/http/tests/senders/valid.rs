//! What senders sign is taken, and comes again as the same event.

use danube_wasm_ingress_http::EventIdSource;
use serde_json::{Map, Value, json};

use crate::{
    signer::{Signed, Signer, now_secs},
    support::Server,
    table::SENDERS,
};

#[tokio::test]
async fn what_each_sender_signs_is_taken_byte_for_byte() {
    let Some(mut signer) = Signer::python() else { return };
    for sender in SENDERS {
        let server = sender.server().await;
        let signed = signer.sign(sender, sender.secret, now_secs(), sender.body);
        let (status, why) = sender.post(&server, &signed).await;
        assert_eq!((status, &*why), (200, ""), "{sender:?} {signed:?}");
        let event = &server.inbox.events()[0];
        assert_eq!(event.payload, signed.body, "{}", sender.preset);
        let is_kept = event.headers.iter().any(|(name, _)| name == sender.header);
        assert!(!is_kept, "{}: the credential is handed on", sender.preset);
    }
}

/// Senders whose own library for Node checks webhooks.
const WITH_A_LIBRARY: &[&str] = &["discord", "github", "linear", "shopify"];

#[tokio::test]
async fn senders_own_libraries_take_and_refuse_the_same() {
    let (Some(mut signer), Some(mut library)) = (Signer::python(), Signer::node()) else {
        return;
    };
    for sender in SENDERS.iter().filter(|sender| WITH_A_LIBRARY.contains(&sender.preset)) {
        let server = sender.server().await;
        // Linear's library reads the time that is in the body: the form is not for it.
        let bodies = [
            "{}",
            r#"{"zen":"Grüße"}"#,
            sender.body,
            "payload=%7B%22zen%22%3A%22a+b%22%7D",
        ];
        for body in &bodies[..if sender.preset == "linear" { 3 } else { 4 }] {
            let right = signer.sign(sender, sender.secret, now_secs(), body);
            let other = signer.sign(sender, sender.other, now_secs(), body);
            let bent = Signed {
                body: format!("{} ", right.body),
                ..right.clone()
            };
            for (signed, status) in [(right, 200), (bent, 401), (other, 401)] {
                let headers: Map<String, Value> = signed
                    .headers
                    .iter()
                    .map(|(name, value)| (name.clone(), value.as_str().into()))
                    .collect();
                let taken = library.ask(&json!({
                    "sender": sender.preset,
                    "secret": sender.shown(),
                    "body": signed.body,
                    "headers": headers,
                }));
                let (answered, why) = sender.post(&server, &signed).await;
                assert_eq!(
                    (taken == "true", answered),
                    (status == 200, status),
                    "{}: {taken} {why} {signed:?}",
                    sender.preset
                );
            }
        }
    }
}

#[tokio::test]
async fn a_replay_within_the_tolerance_is_the_same_event() {
    let Some(mut signer) = Signer::python() else { return };
    for sender in SENDERS {
        let auth = sender.auth();
        let server = Server::start(|endpoint| {
            endpoint.auth = auth;
            endpoint.content = danube_wasm_ingress_http::ContentKind::Any.into();
            endpoint.event_id = EventIdSource::Header(http::HeaderName::from_static("x-delivery"));
        })
        .await;
        let mut signed = signer.sign(sender, sender.secret, now_secs(), sender.body);
        signed.headers.push(("x-delivery".to_owned(), "1".to_owned()));
        for _ in 0..2 {
            assert_eq!(sender.post(&server, &signed).await.0, 200, "{}", sender.preset);
        }
        let ids: Vec<_> = server.inbox.events().into_iter().map(|event| event.id).collect();
        assert_eq!(ids, ["1", "1"], "{}", sender.preset);
    }
}
