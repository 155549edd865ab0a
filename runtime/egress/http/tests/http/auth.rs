//! How requests say who sends them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_egress_http::HttpEgress;

use crate::support::{
    finish, inserts, later, one, report,
    server::{Reply, Seen, Server},
    sink, try_write, unfit,
};

/// The header of a request with these credentials.
async fn sent(keys: &str, name: &str) -> String {
    let server = Server::start(|_, _| 200.into()).await;
    report(&sink(&one(&server.url("/"), keys)), &inserts(1)).await;
    server.seen()[0].header(name).to_owned()
}

#[tokio::test]
async fn credentials_that_stay() {
    let bearer = sent("auth = { type = \"bearer\", token = \"t0ken\" }", "authorization").await;
    assert_eq!(bearer, "Bearer t0ken");
    let basic = "auth = { type = \"basic\", username = \"danube\", password = \"p:ä\" }";
    let basic = sent(basic, "authorization").await;
    let decoded = BASE64_STANDARD
        .decode(basic.strip_prefix("Basic ").expect("basic"))
        .expect("base64");
    assert_eq!(String::from_utf8(decoded).expect("text"), "danube:p:ä");
    let header = "auth = { type = \"header\", name = \"X-API-Key\", value = \"k3y\" }";
    assert_eq!(sent(header, "x-api-key").await, "k3y");
}

#[tokio::test]
async fn credentials_that_are_refused_hold_the_endpoint_and_no_record_is_lost() {
    for status in [401, 403] {
        let server = Server::start(move |_, _| status.into()).await;
        let keys = "auth = { type = \"bearer\", token = \"t0ken-of-ours\" }";
        let sink = sink(&one(&server.url("/"), keys));
        let message = unfit(try_write(&sink, &inserts(3)).await);
        assert!(
            message.contains("check its `auth`") && !message.contains("t0ken-of-ours"),
            "{message}"
        );
    }
}

/// An issuer of tokens `token-0`, `token-1`, … and an endpoint that takes those that it says are good.
struct Site {
    issuer: Server,
    endpoint: Server,
    sink: HttpEgress,
}

impl Site {
    async fn new(
        keys: &str,
        issue: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
        is_good: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        let issuer = Server::start(issue).await;
        let endpoint = Server::start(move |_, seen| {
            let token = seen.header("authorization").strip_prefix("Bearer token-");
            let is_good = token.and_then(|number| number.parse().ok()).is_some_and(&is_good);
            if is_good { 200.into() } else { 401.into() }
        })
        .await;
        let keys = format!(
            "auth = {{ type = \"oauth2\", token_url = \"{}\", client_id = \"cl ient\", client_secret = \"s3cret/of+ours\"{keys} }}",
            issuer.url("/token")
        );
        let sink = sink(&one(&endpoint.url("/"), &keys));
        Self { issuer, endpoint, sink }
    }
}

fn token(nth: usize, expires_in: u64) -> Reply {
    let body = format!("{{\"access_token\":\"token-{nth}\",\"token_type\":\"Bearer\",\"expires_in\":{expires_in}}}");
    (200, &*body).into()
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    url::form_urlencoded::parse(&seen.body).into_owned().collect()
}

#[tokio::test]
async fn one_token_is_asked_for_and_used_by_all_requests() {
    let site = Site::new(
        ", scope = \"a b\", audience = \"api\"",
        |nth, _| token(nth, 3600),
        |nth| nth == 0,
    )
    .await;
    assert_eq!(report(&site.sink, &inserts(20)).await, Default::default());
    let asked = site.issuer.seen();
    assert_eq!((asked.len(), site.endpoint.seen().len()), (1, 20));
    let expected = [
        ("audience", "api"),
        ("grant_type", "client_credentials"),
        ("scope", "a b"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(form(&asked[0]), expected);
    let basic = asked[0]
        .header("authorization")
        .strip_prefix("Basic ")
        .expect("basic")
        .to_owned();
    let pair = BASE64_STANDARD.decode(basic).expect("base64");
    assert_eq!(pair, b"cl+ient:s3cret%2Fof%2Bours", "RFC 6749, 2.3.1");
}

#[tokio::test]
async fn an_issuer_may_want_the_secret_in_the_body() {
    let site = Site::new(", client_auth = \"body\"", |nth, _| token(nth, 3600), |_| true).await;
    report(&site.sink, &inserts(1)).await;
    let asked = &site.issuer.seen()[0];
    assert!(asked.headers.get("authorization").is_none());
    assert_eq!(form(asked)["client_secret"], "s3cret/of+ours");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    // Used for half of its life, which is none.
    let site = Site::new("", |nth, _| token(nth, 0), |_| true).await;
    for write in inserts(3) {
        report(&site.sink, &[write]).await;
    }
    assert_eq!(site.issuer.seen().len(), 3);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_within_the_request() {
    let good = Arc::new(AtomicUsize::new(0));
    let site = {
        let good = good.clone();
        Site::new(
            "",
            |nth, _| token(nth, 3600),
            move |nth| nth == good.load(Ordering::SeqCst),
        )
        .await
    };
    report(&site.sink, &inserts(1)).await;
    // Revoked: the first token is good no more.
    good.store(1, Ordering::SeqCst);
    assert_eq!(report(&site.sink, &inserts(10)).await, Default::default());
    assert_eq!(site.issuer.seen().len(), 2, "one of the requests makes it for all");
    good.store(usize::MAX, Ordering::SeqCst);
    let message = unfit(try_write(&site.sink, &inserts(1)).await);
    assert!(message.contains("401") && !message.contains("token-"), "{message}");
}

#[tokio::test]
async fn an_issuer_that_fails_for_now_is_waited_for() {
    let site = Site::new(
        "",
        |nth, _| if nth < 2 { 503.into() } else { token(nth, 3600) },
        |_| true,
    )
    .await;
    let first = report(&site.sink, &inserts(1)).await;
    assert!(
        later(&first).0.contains("the issuer of tokens for endpoint `a`"),
        "{first:?}"
    );
    assert!(finish(&site.sink, inserts(1)).await.is_empty());
}

#[tokio::test]
async fn an_issuer_that_refuses_names_the_cure_and_no_secret() {
    for answer in [
        (400, r#"{"error":"invalid_client","hint":"s3cret/of+ours"}"#),
        (200, r#"{"token":"token-7"}"#),
        (200, r#"{"access_token":"token-7","token_type":"mac"}"#),
        (200, r#"{"access_token":"token-7\r\nx: y"}"#),
        (302, ""),
    ] {
        let site = Site::new("", move |_, _| answer.into(), |_| true).await;
        let message = unfit(try_write(&site.sink, &inserts(1)).await);
        assert!(message.contains("`token_url`"), "{message}");
        assert!(!message.contains("s3cret") && !message.contains("token-7"), "{message}");
        assert!(site.endpoint.seen().is_empty());
    }
}
