//! A reqwest client that the dialer has configured.

use std::time::Duration;

use danube_wasm_egress_dial::{DialError, Redirects};
use reqwest::Url;

use crate::{
    literals::{FORMS, IPV6},
    support::{
        ALLOWED, DEADLINE, DENIED, assert_denied, client, denials, dialer,
        dns::ScriptedResolver,
        server::{Answer, Server},
    },
};

#[tokio::test]
async fn a_refused_address_in_a_url_is_not_dialed_in_any_form() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    let client = client(&dialer(&dns), Redirects::None);
    for scheme in ["http", "https"] {
        for form in FORMS {
            let url = format!("{scheme}://{form}:{}/", victim.port());
            assert_denied(&client.get(&url).send().await.expect_err(&url), &[DENIED]);
            let checked = dialer(&dns).check_url(&Url::parse(&url).unwrap());
            assert_denied(&checked.expect_err(&url), &[DENIED]);
        }
        for form in IPV6 {
            let url = format!("{scheme}://{form}:{}/", victim.port());
            let error = client.get(&url).send().await.expect_err(&url);
            assert_eq!(denials(&error).len(), 1, "{url}");
        }
    }
    assert_eq!(dns.asked(), [""; 0]);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn an_allowed_address_is_dialed_as_it_is() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    let client = client(&dialer(&dns), Redirects::None);
    let answer = client
        .get(format!("http://2130706433:{}/a?b=c", server.port()))
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    // In origin form: not a request to a proxy.
    let expected = ("/a?b=c".to_owned(), format!("{ALLOWED}:{}", server.port()));
    assert_eq!(server.requests(), [expected]);
    assert_eq!(dns.asked(), [""; 0]);
}

#[tokio::test]
async fn a_name_is_dialed_at_the_addresses_that_pass() {
    let (server, victim) = Server::pair(ALLOWED).await;
    let dns = ScriptedResolver::default()
        .answering("shop.example", &[DENIED, "fd00::1", ALLOWED])
        .answering("inside.example", &[DENIED]);
    let client = client(&dialer(&dns), Redirects::None);
    let answer = client
        .get(format!("http://shop.example:{}/", server.port()))
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(
        server.requests(),
        [("/".to_owned(), format!("shop.example:{}", server.port()))]
    );
    let error = client
        .get(format!("http://inside.example:{}/", server.port()))
        .send()
        .await;
    assert_denied(&error.expect_err("a refusal"), &[DENIED]);
    victim.assert_untouched().await;
}

/// The name that represents a refused literal in the resolver cannot be used to bypass the check.
#[tokio::test]
async fn the_names_of_refused_literals_cannot_be_used_from_outside() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    let client = client(&dialer(&dns), Redirects::None);
    for (literal, expected) in [("ffff7f000002", DENIED), ("1", "::1")] {
        let url = format!("http://{literal:0>32}.refused-literal.invalid:{}/", server.port());
        assert_denied(&client.get(url).send().await.expect_err("a refusal"), &[expected]);
    }
}

#[tokio::test]
async fn errors_of_names_are_found_in_the_clients_error() {
    let client = client(&dialer(&ScriptedResolver::default()), Redirects::None);
    let error = client
        .get("http://gone.example/")
        .send()
        .await
        .expect_err("no such name");
    assert!(error.is_connect(), "{error:?}");
    assert!(
        matches!(DialError::within(&error), Some(DialError::Resolve { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_connector_of_another_client_dials_a_uri() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("qdrant.example", &[ALLOWED]);
    let dialer = dialer(&dns);
    let uri = |text: String| text.parse::<http::Uri>().unwrap();
    for host in ["qdrant.example", ALLOWED, "2130706433", "[::ffff:127.0.0.1]"] {
        let stream = dialer
            .connect_uri(&uri(format!("http://{host}:{}/", server.port())), DEADLINE)
            .await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), server.address, "{host}");
    }
    let error = dialer
        .connect_uri(&uri(format!("http://{DENIED}:{}/", server.port())), DEADLINE)
        .await;
    assert_denied(&error.expect_err("a refusal"), &[DENIED]);
    for (text, missing) in [("/only/a/path", "host"), ("grpc://qdrant.example", "port")] {
        let error = dialer
            .connect_uri(&uri(text.to_owned()), Duration::ZERO)
            .await
            .expect_err(text);
        assert!(
            matches!(error, DialError::IncompleteUrl { missing: found, .. } if found == missing),
            "{error}"
        );
    }
}
