//! Names, and various answers of DNS.

use std::io;

use danube_wasm_egress_dial::{DialError, DialPolicy, Dialer, limits::ADDRESSES_MAX};

use crate::support::{ALLOWED, DEADLINE, DENIED, assert_denied, dialer, dns::ScriptedResolver, server::Server};

#[tokio::test]
async fn only_allowed_addresses_of_a_mixed_answer_are_dialed() {
    let (server, victim) = Server::pair(ALLOWED).await;
    let answer = [DENIED, "10.0.0.7", "::1", ALLOWED, "::ffff:127.0.0.2", "fe80::1"];
    let dns = ScriptedResolver::default()
        .answering("shop.example", &answer)
        .answering("shop.example", &answer);
    let found = dialer(&dns).resolve("shop.example", 80).await.unwrap();
    assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
    let stream = dialer(&dns)
        .connect("shop.example", server.port(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.address);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn if_no_address_is_allowed_all_are_named() {
    let dns =
        ScriptedResolver::default().answering("shop.example", &["10.0.0.7", DENIED, "fd00::1", "::ffff:10.0.0.7"]);
    let error = dialer(&dns).resolve("shop.example", 80).await.expect_err("a refusal");
    assert_denied(&error, &["10.0.0.7", DENIED, "fd00::1"]);
    assert!(error.to_string().contains("shop.example"), "{error}");
}

#[tokio::test]
async fn names_without_addresses_and_unknown_names_are_transient() {
    let dns = ScriptedResolver::default().answering("empty.example", &[]);
    let error = dialer(&dns).resolve("empty.example", 80).await.expect_err("no address");
    assert!(
        matches!(&error, DialError::NoAddress { host } if host == "empty.example"),
        "{error}"
    );
    assert!(error.is_transient());
    let error = dialer(&dns).resolve("gone.example", 80).await.expect_err("no name");
    assert!(
        matches!(&error, DialError::Resolve { host, source } if host == "gone.example" && source.kind() == io::ErrorKind::NotFound),
        "{error}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn answers_are_limited_and_duplicates_do_not_count() {
    let mut answer = vec!["10.0.0.1".to_owned(), "8.8.0.0".to_owned()];
    answer.extend((0..100).map(|last| format!("8.8.0.{last}")));
    let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
    let dns = ScriptedResolver::default().answering("many.example", &answer);
    let found = Dialer::with_resolver(DialPolicy::public_only(), dns)
        .resolve("many.example", 80)
        .await
        .unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let expected: Vec<String> = (0..ADDRESSES_MAX).map(|last| format!("8.8.0.{last}:80")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_host_that_the_operator_allows_may_have_any_address() {
    let (_allowed, private) = Server::pair(ALLOWED).await;
    let dns = ScriptedResolver::default()
        .answering("db.internal", &[DENIED])
        .answering("xn--bcher-kva.example", &[DENIED])
        .answering("other.internal", &[DENIED]);
    let policy = DialPolicy::public_only()
        .with_exception("db.internal".parse().unwrap())
        .with_exception("bücher.example".parse().unwrap());
    let dialer = Dialer::with_resolver(policy, dns);
    for host in ["DB.Internal", "Bücher.example"] {
        let stream = dialer.connect(host, private.port(), DEADLINE).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), private.address, "{host}");
    }
    let error = dialer
        .connect("other.internal", private.port(), DEADLINE)
        .await
        .expect_err("not named");
    assert_denied(&error, &[DENIED]);
}
