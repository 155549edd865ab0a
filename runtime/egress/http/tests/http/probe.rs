//! What `check --connect` says.

use std::sync::Arc;

use danube_wasm_connector::{Outcome, ProbeContext, SinkConnector as _};
use danube_wasm_egress_http::HttpSink;

use crate::support::{
    config, one,
    server::{Reply, Server},
};

async fn probed(text: &str) -> (String, Outcome) {
    let context = ProbeContext {
        id: "test/out".parse().expect("an id"),
        shared: Arc::new(()),
        is_builtin: true,
        is_running: false,
    };
    let mut findings = HttpSink::probe(&config(text), context).await;
    assert_eq!(findings.len(), 1);
    let finding = findings.remove(0);
    (finding.what, finding.outcome)
}

async fn of(reply: Reply) -> Outcome {
    let server = Server::start(move |_, _| reply.clone()).await;
    let (_, outcome) = probed(&one(&server.url("/p4th?x=s3cret"), "")).await;
    let seen = server.seen();
    assert!(
        seen.iter().all(|seen| seen.method == "GET" && seen.body.is_empty()),
        "it changes nothing"
    );
    assert!(!format!("{outcome:?}").contains("s3cret"));
    outcome
}

#[tokio::test]
async fn an_endpoint_that_answers_is_reached() {
    for reply in [200.into(), 204.into(), (400, "no body").into(), 422.into()] {
        let outcome = of(reply).await;
        assert!(matches!(outcome, Outcome::Reached), "{outcome:?}");
    }
    for reply in [404, 405, 501, 500, 503, 429] {
        let outcome = of(reply.into()).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(said) if said.contains(&reply.to_string())),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_will_take_nothing_says_why_and_what_to_do() {
    let redirect = Reply::Answer(
        302,
        vec![("location", "https://login.example/?next=s3cret".into())],
        String::new(),
    );
    for (reply, says) in [
        (401.into(), "add `auth`"),
        (redirect, "https://login.example"),
        (410.into(), "gone"),
        ((200, "<!doctype html><title>Welcome</title>").into(), "web page"),
    ] {
        let outcome = of(reply).await;
        assert!(
            matches!(&outcome, Outcome::Failed(said) if said.contains(says)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_connected_to_says_why() {
    for (url, says) in [
        ("http://127.0.0.1:9/", "refused"),
        ("http://nobody.invalid/", "nobody.invalid"),
        ("http://169.254.169.254/", "metadata"),
    ] {
        let (_, outcome) = probed(&one(url, "")).await;
        assert!(
            matches!(&outcome, Outcome::Failed(said) if said.contains(says)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_finding_says_what_the_endpoint_can_promise() {
    let server = Server::start(|_, _| 200.into()).await;
    let what = |keys: &'static str| {
        let url = server.url("/");
        async move { probed(&one(&url, keys)).await.0 }
    };
    let single = what("").await;
    assert!(
        single.contains("the same `webhook-id` at every attempt") && single.contains("not signed"),
        "{single}"
    );
    let array = what("batch = \"array\"").await;
    assert!(array.contains("a receiver cannot tell what comes again"), "{array}");
    let ids = what("batch = \"array\"\nid_field = \"event\"").await;
    assert!(ids.contains("each with its id in `event`"), "{ids}");
}
