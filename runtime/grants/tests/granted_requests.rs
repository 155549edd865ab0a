//! Requests through real sockets: what is granted is answered, all else is a sentence.

mod support;

use std::time::Duration;

use danube_wasm_grants::{Ceiling, Credential, GrantedClient, SendErrorKind};
use danube_wasm_settings::Secret;
use http::{Request, header};
use support::{Names, Server, client, get, grant, public_client};

#[tokio::test]
async fn a_granted_host_is_asked_and_answers_whole() {
    let server = Server::start(|_| support::answer(201, &[("etag", "\"7\"")], "made")).await;
    let client = client(grant(&[&server.authority()]));
    let request = Request::post(server.url("/orders?x=1"))
        .header("x-kind", "order")
        .body("body".into())
        .expect("a request");
    let answer = client.send(request).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &b"made"[..]));
    assert_eq!(answer.headers()["etag"], "\"7\"");
    let asked = server.requests().remove(0);
    assert!(asked.starts_with("POST /orders?x=1 HTTP/1.1"), "{asked}");
    assert!(asked.contains("x-kind: order") && asked.ends_with("body"), "{asked}");
}

#[tokio::test]
async fn a_host_that_is_not_granted_is_not_asked() {
    let server = Server::start(|_| support::answer(200, &[], "")).await;
    let client = client(grant(&["api.example.com", "*.cdn.example.com"]));
    let error = client.send(get(&server.url("/x?token=abc"))).await.expect_err("denied");
    assert_eq!(error.kind, SendErrorKind::Denied);
    let authority = server.authority();
    assert_eq!(
        error.message,
        format!(
            "`{authority}` is not granted to this component, which may ask `api.example.com`, `*.cdn.example.com`: to permit it, add \
             `{authority}` to `grants.http.hosts`"
        )
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_what_it_leads_to_is_denied() {
    let server =
        Server::start(|_| support::answer(302, &[("location", "http://169.254.169.254/latest/meta-data/")], "")).await;
    let answer = client(grant(&[&server.authority()]))
        .send(get(&server.url("/")))
        .await
        .expect("an answer");
    let location = answer.headers()[header::LOCATION].to_str().expect("text");
    let error = client(grant(&[&server.authority()]))
        .send(get(location))
        .await
        .expect_err("denied");
    assert!(
        error
            .message
            .starts_with("`169.254.169.254` is not granted to this component"),
        "{error}"
    );
    // Not even where the host is granted.
    let error = client(grant(&["169.254.169.254"]))
        .send(get(location))
        .await
        .expect_err("denied");
    assert_eq!(error.kind, SendErrorKind::Denied);
    assert!(error.message.contains("cloud metadata service"), "{error}");
    assert!(error.message.contains("`grants.http.allow_networks`"), "{error}");
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_denied_and_never_resolved_again() {
    let server = Server::start(|_| support::answer(200, &[], "")).await;
    let port = server.address.port();
    // DNS that answers with a public address first would be asked a second time by a client that checks and then dials.
    let names = Names::new(&[("rebound.example", &["127.0.0.1"])]);
    let client = public_client(grant(&[&format!("rebound.example:{port}")]), names.clone());
    let error = client
        .send(get(&format!("http://rebound.example:{port}/")))
        .await
        .expect_err("denied");
    assert_eq!(error.kind, SendErrorKind::Denied);
    assert!(
        error
            .message
            .contains("`rebound.example` may not be dialed: it is at 127.0.0.1 (loopback 127.0.0.0/8)"),
        "{error}"
    );
    assert_eq!(names.asked(), ["rebound.example"]);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_credential_is_sent_by_its_name_and_only_where_it_belongs() {
    let server = Server::start(|_| support::answer(200, &[], "")).await;
    let other = Server::start(|_| support::answer(200, &[], "")).await;
    let mut granted = grant(&[&server.authority(), &other.authority(), "api.example.com:80"]);
    let credential = |name: &str, host: &str, value: &str| Credential {
        name: name.to_owned(),
        hosts: vec![host.parse().expect("a host")],
        value: Secret::new(value.to_owned()),
    };
    granted.credentials = vec![
        credential("orders", &server.authority(), "Bearer s3cret"),
        credential("plain", "api.example.com:80", "s3cret"),
        credential("broken", &server.authority(), "two\nlines"),
    ];
    let client = client(granted);
    let with = |url: String, value: &str| {
        Request::get(url)
            .header("authorization", value)
            .body("".into())
            .expect("a request")
    };
    client
        .send(with(server.url("/"), "secret:orders"))
        .await
        .expect("an answer");
    assert!(server.requests()[0].contains("authorization: Bearer s3cret"));
    for (request, said) in [
        (
            with(other.url("/"), "secret:orders"),
            "the credential `orders` is not for `127.0.0.1`",
        ),
        (
            with(server.url("/"), "secret:unknown"),
            "no credential is called `unknown`",
        ),
        (
            with("http://api.example.com/".into(), "secret:plain"),
            "over http, where others could read it",
        ),
        (with(server.url("/"), "secret:broken"), "line break"),
    ] {
        let error = client.send(request).await.expect_err("denied");
        assert_eq!(error.kind, SendErrorKind::Denied);
        assert!(
            error.message.contains(said) && !error.message.contains("s3cret"),
            "{error}"
        );
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn an_answer_at_the_limit_is_given_and_one_past_it_is_not() {
    let server = Server::start(|path| {
        support::answer(
            200,
            &[],
            &"x".repeat(path.trim_start_matches('/').parse().expect("a size")),
        )
    })
    .await;
    let mut granted = grant(&[&server.authority()]);
    granted.response_bytes_max = 100;
    let client = client(granted);
    assert_eq!(
        client
            .send(get(&server.url("/100")))
            .await
            .expect("an answer")
            .body()
            .len(),
        100
    );
    let error = client.send(get(&server.url("/101"))).await.expect_err("too long");
    assert_eq!(error.kind, SendErrorKind::Limit);
    assert!(
        error
            .message
            .contains("more than 100 bytes (`response_bytes_max` of `grants.http`)"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_and_one_that_is_not_there_are_said() {
    let silent = Server::silent().await;
    let mut granted = grant(&[&silent.authority()]);
    granted.request_timeout = Duration::from_millis(50);
    let error = client(granted)
        .send(get(&silent.url("/x?token=abc")))
        .await
        .expect_err("no answer");
    assert_eq!(error.kind, SendErrorKind::Timeout);
    let expected = format!(
        "GET {} was not answered within 50 ms (`request_timeout_ms` of `grants.http`)",
        silent.url("/x")
    );
    assert_eq!(error.message, expected, "without the query");

    let gone = silent.authority();
    let url = silent.url("/");
    drop(silent);
    let error = client(grant(&[&gone])).send(get(&url)).await.expect_err("no answer");
    assert_eq!(error.kind, SendErrorKind::Unreachable);
    assert!(error.message.contains("refused"), "{error}");
}

#[test]
fn no_host_is_over_the_operators_ceiling() {
    let check = |variable: Option<&str>, hosts: &[&str]| Ceiling::parse(variable).expect("hosts").check(&grant(hosts));
    check(None, &["anything.example"]).expect("no ceiling");
    check(
        Some("*.example.com, api.other.org"),
        &["api.example.com", "api.other.org"],
    )
    .expect("within");
    let error = check(Some("*.example.com"), &["api.example.com", "api.other.org"])
        .expect_err("over")
        .to_string();
    assert_eq!(
        error,
        "`grants.http` names the host `api.other.org`, and the operator of this process allows `*.example.com`: leave it out, or have \
         it added to DANUBE_WASM_HTTP_HOSTS"
    );
    let error = check(Some(""), &["api.example.com"]).expect_err("over").to_string();
    assert!(error.contains("allows none"), "{error}");
    assert_eq!(Ceiling::parse(Some("a.example,*")).expect_err("no host").0, "*");
}

#[test]
fn nothing_shows_a_secret() {
    let mut granted = grant(&["api.example.com"]);
    granted.credentials.push(Credential {
        name: "orders".to_owned(),
        hosts: granted.hosts.clone(),
        value: Secret::new("s3cret".to_owned()),
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = GrantedClient::try_new(granted, runtime.handle().clone()).expect("a client");
    assert!(!format!("{client:?}").contains("s3cret"));
}
