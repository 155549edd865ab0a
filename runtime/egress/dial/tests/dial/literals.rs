//! Addresses as hosts, in every form that some resolver or URL parser accepts.

use danube_wasm_egress_dial::{DialPolicy, Dialer};

use crate::support::{
    DEADLINE, DENIED, assert_denied, denials, dialer,
    dns::ScriptedResolver,
    ip,
    server::{Answer, Server},
};

/// All are 127.0.0.2.
pub const FORMS: &[&str] = &[
    "127.0.0.2",
    "2130706434",
    "0x7f000002",
    "0X7F.0.0.2",
    "0177.0.0.2",
    "017700000002",
    "127.2",
    "127.0.2",
    "127.0.0.2.",
    "%31%32%37.0.0.2",
    "１２７.0.0.2",
    "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]",
    "[0:0:0:0:0:ffff:7f00:0002]",
];

/// IPv6 addresses that lead to loopback or 127.0.0.2.
pub const IPV6: &[&str] = &[
    "[::1]",
    "[::]",
    "[::127.0.0.2]",
    "[64:ff9b::127.0.0.2]",
    "[2002:7f00:2::]",
    "[fe80::1]",
];

#[tokio::test]
async fn every_form_of_an_address_is_that_address() {
    let dns = ScriptedResolver::default();
    for form in FORMS {
        let error = dialer(&dns).resolve(form, 80).await.expect_err(form);
        assert_denied(&error, &[DENIED]);
    }
    for form in IPV6 {
        let error = dialer(&dns).resolve(form, 80).await.expect_err(form);
        assert_eq!(denials(&error).len(), 1, "{form}");
    }
    let bare = dialer(&dns)
        .resolve("::ffff:127.0.0.2", 80)
        .await
        .expect_err("without brackets");
    assert_denied(&bare, &[DENIED]);
    assert_eq!(dns.asked(), [""; 0], "nobody is asked for the address of an address");
}

#[tokio::test]
async fn an_allowed_address_is_allowed_in_every_form_and_dialed_as_ipv4() {
    let dns = ScriptedResolver::default();
    for form in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "::ffff:127.0.0.1",
        "[::ffff:7f00:1]",
    ] {
        let found = dialer(&dns).resolve(form, 80).await.unwrap();
        assert_eq!(found, ["127.0.0.1:80".parse().unwrap()], "{form}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_refused_address() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    for form in FORMS {
        let error = dialer(&dns)
            .connect(form, victim.port(), DEADLINE)
            .await
            .expect_err(form);
        assert_denied(&error, &[DENIED]);
    }
    victim.assert_untouched().await;
}

/// The C library parses these as addresses, too; its results are checked like any others.
#[tokio::test]
async fn results_of_the_systems_resolver_are_checked() {
    let error = Dialer::new(DialPolicy::public_only())
        .resolve("localhost", 80)
        .await
        .expect_err("loopback");
    assert!(
        denials(&error).iter().all(|denial| denial.address.is_loopback()),
        "{error}"
    );
    let found = Dialer::new(DialPolicy::everything())
        .resolve("localhost", 80)
        .await
        .unwrap();
    assert!(
        found
            .iter()
            .any(|address| address.ip() == ip("127.0.0.1") || address.ip() == ip("::1"))
    );
}
