//! Ids that are the same at every attempt.

use std::collections::BTreeSet;

use crate::support::{
    finish, inserts, one, report,
    server::{Reply, Seen, Server},
    sink,
};

const SIGNED: &str = "sign = { secrets = [\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"] }\ntimeout_ms = 300";

fn ids(seen: &[Seen]) -> BTreeSet<String> {
    let all = ["webhook-id", "idempotency-key", "x-danube-id"];
    seen.iter()
        .flat_map(|seen| all.map(|name| seen.header(name).to_owned()))
        .collect()
}

/// One record that a receiver takes at its third request only: ids and body at each, by how the first two end.
async fn third_time(how: Reply) -> Vec<Seen> {
    let server = Server::start(move |nth, _| if nth < 2 { how.clone() } else { 200.into() }).await;
    let sink = sink(&one(&server.url("/"), SIGNED));
    assert!(finish(&sink, inserts(1)).await.is_empty());
    server.seen()
}

#[tokio::test]
async fn a_retry_has_the_ids_of_the_first_attempt_however_that_ended() {
    let (_never, told) = tokio::sync::watch::channel(false);
    let silence = Reply::After(told, Box::new(200.into()));
    for how in [500.into(), 503.into(), 408.into(), 409.into(), Reply::Cut, silence] {
        let seen = third_time(how).await;
        assert_eq!(seen.len(), 3);
        assert_eq!(ids(&seen).len(), 3, "{seen:?}");
        assert!(seen.iter().all(|seen| seen.text() == "{\"n\":0}"));
    }
}

#[tokio::test]
async fn a_redelivery_after_a_restart_has_the_same_ids() {
    let server = Server::start(|_, _| 200.into()).await;
    let writes = inserts(3);
    for _ in 0..2 {
        // What is acknowledged after it was written, is written again by the next process if that is killed in between.
        report(&sink(&one(&server.url("/"), "")), &writes).await;
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 6);
    let distinct: BTreeSet<_> = seen.iter().map(|seen| seen.header("webhook-id")).collect();
    assert_eq!(distinct.len(), 3);
}

#[tokio::test]
async fn a_regrouped_redelivery_has_the_same_id_in_each_record() {
    let server = Server::start(|_, _| 200.into()).await;
    let text = one(&server.url("/"), "batch = \"ndjson\"\nid_field = \"id\"");
    let writes = inserts(4);
    report(&sink(&text), &writes).await;
    let restarted = sink(&text);
    report(&restarted, &writes[..1]).await;
    report(&restarted, &writes[1..]).await;
    let bodies = server.bodies();
    let lines: BTreeSet<_> = bodies.iter().flat_map(|body| body.lines()).collect();
    assert_eq!((bodies.len(), lines.len()), (3, 4), "{bodies:?}");
    let headers: BTreeSet<_> = server
        .seen()
        .iter()
        .map(|seen| seen.header("webhook-id").to_owned())
        .collect();
    assert_eq!(headers.len(), 3, "other requests have other ids");
}

#[tokio::test]
async fn two_updates_of_a_document_have_different_ids() {
    let server = Server::start(|_, _| 200.into()).await;
    let sink = sink(&one(&server.url("/"), ""));
    let mut writes = inserts(2);
    writes[1].id = writes[0].id.clone();
    report(&sink, &writes).await;
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "no event makes another one superfluous");
    assert_ne!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
}
