//! What senders sign is taken, and comes again as the same event.

use danube_wasm_ingress_http::EventIdSource;
use serde_json::json;

use crate::{
    signer::{Signer, now_secs},
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

#[tokio::test]
async fn what_githubs_own_library_signs_is_taken() {
    let Some(mut signer) = Signer::node() else { return };
    let sender = SENDERS.iter().find(|sender| sender.preset == "github").unwrap();
    let server = sender.server().await;
    for body in ["{}", r#"{"zen":"Grüße"}"#, "payload=%7B%22zen%22%3A%22a+b%22%7D"] {
        let header = signer.ask(&json!({ "secret": sender.secret, "body": body }));
        let lines = [
            format!("x-hub-signature-256: {header}"),
            "content-type: text/plain".to_owned(),
        ];
        assert_eq!(sender.post_raw(&server, &lines, body.as_bytes()).await.0, 200, "{body}");
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
