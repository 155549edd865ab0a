//! The order of the policy's rules.

use danube_wasm_egress_dial::{DenialReason, DialPolicy, Exception};

use crate::support::ip;

fn net(text: &str) -> ipnet::IpNet {
    text.parse().unwrap()
}

#[test]
fn what_the_operator_denies_stays_denied() {
    let policy = DialPolicy::everything()
        .with_allowed(net("203.0.114.0/24"))
        .with_exception("node.example".parse().unwrap())
        .with_denied(net("203.0.114.7/32"));
    let denial = policy.check("node.example", ip("203.0.114.7")).expect_err("denied");
    assert_eq!(denial.reason, DenialReason::Operator(net("203.0.114.7/32")));
    assert_eq!(policy.check("node.example", ip("203.0.114.8")), Ok(()));
}

#[test]
fn an_allowed_network_is_allowed_for_every_host() {
    let policy = DialPolicy::public_only().with_allowed(net("10.1.0.0/16"));
    assert_eq!(policy.check("any.example", ip("10.1.255.255")), Ok(()));
    assert_eq!(policy.check("any.example", ip("::ffff:10.1.0.0")), Ok(()));
    assert!(policy.check("any.example", ip("10.2.0.0")).is_err());
}

#[test]
fn a_named_host_may_have_private_addresses_and_no_other_host_may() {
    let policy = DialPolicy::public_only().with_exception("DB.Internal.".parse().unwrap());
    assert_eq!(policy.check("db.internal", ip("10.0.0.7")), Ok(()));
    assert_eq!(policy.check("db.internal.", ip("10.0.0.7")), Ok(()));
    for other in ["xdb.internal", "a.db.internal", "internal", "db.internal.example"] {
        assert!(policy.check(other, ip("10.0.0.7")).is_err(), "{other}");
    }
}

#[test]
fn a_network_of_mapped_addresses_is_the_ipv4_network() {
    let policy = DialPolicy::public_only().with_allowed(net("::ffff:10.0.0.0/104"));
    assert_eq!(policy.check("host", ip("10.255.255.255")), Ok(()));
    assert!(policy.check("host", ip("172.16.0.1")).is_err());
    let policy = DialPolicy::everything().with_denied(net("::ffff:10.0.0.0/104"));
    assert!(policy.check("host", ip("10.0.0.1")).is_err());
}

#[test]
fn entries_are_networks_addresses_or_hosts() {
    let read = |text: &str| text.parse::<Exception>();
    assert_eq!(read("10.0.0.0/8"), Ok(Exception::Network(net("10.0.0.0/8"))));
    assert_eq!(read("10.0.0.7"), Ok(Exception::Network(net("10.0.0.7/32"))));
    assert_eq!(read("fd00::1"), Ok(Exception::Network(net("fd00::1/128"))));
    assert_eq!(read("[fd00::1]"), Ok(Exception::Network(net("fd00::1/128"))));
    assert_eq!(read("db.internal"), Ok(Exception::Host("db.internal".to_owned())));
    assert_eq!(
        read("Bücher.example"),
        Ok(Exception::Host("xn--bcher-kva.example".to_owned()))
    );
    for wrong in ["", "10.0.0.0/33", "http://db.internal", "db internal", "*.internal/"] {
        let error = read(wrong).expect_err(wrong);
        assert!(error.to_string().contains("`10.0.0.0/8`"), "{error}");
    }
}
