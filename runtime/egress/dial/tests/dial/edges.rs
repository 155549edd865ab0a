//! The first and the last address of each special network, and their neighbours.

use danube_wasm_egress_dial::{DenialReason, DialPolicy};

use crate::support::ip;

const PUBLIC: &str = "public";

const EDGES: &[(&str, &str)] = &[
    ("0.0.0.0", "this host"),
    ("0.255.255.255", "this host"),
    ("1.0.0.0", PUBLIC),
    ("9.255.255.255", PUBLIC),
    ("10.0.0.0", "private network"),
    ("10.255.255.255", "private network"),
    ("11.0.0.0", PUBLIC),
    ("100.63.255.255", PUBLIC),
    ("100.64.0.0", "carrier's shared network"),
    ("100.127.255.255", "carrier's shared network"),
    ("100.128.0.0", PUBLIC),
    ("126.255.255.255", PUBLIC),
    ("127.0.0.0", "loopback"),
    ("127.255.255.255", "loopback"),
    ("128.0.0.0", PUBLIC),
    ("169.253.255.255", PUBLIC),
    ("169.254.0.0", "link-local"),
    ("169.254.255.255", "link-local"),
    ("169.255.0.0", PUBLIC),
    ("172.15.255.255", PUBLIC),
    ("172.16.0.0", "private network"),
    ("172.31.255.255", "private network"),
    ("172.32.0.0", PUBLIC),
    ("191.255.255.255", PUBLIC),
    ("192.0.0.0", "IETF protocol assignments"),
    ("192.0.0.255", "IETF protocol assignments"),
    ("192.0.1.0", PUBLIC),
    ("192.0.1.255", PUBLIC),
    ("192.0.2.0", "documentation"),
    ("192.0.2.255", "documentation"),
    ("192.0.3.0", PUBLIC),
    ("192.88.98.255", PUBLIC),
    ("192.88.99.0", "6to4 relays"),
    ("192.88.99.255", "6to4 relays"),
    ("192.88.100.0", PUBLIC),
    ("192.167.255.255", PUBLIC),
    ("192.168.0.0", "private network"),
    ("192.168.255.255", "private network"),
    ("192.169.0.0", PUBLIC),
    ("198.17.255.255", PUBLIC),
    ("198.18.0.0", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.20.0.0", PUBLIC),
    ("198.51.99.255", PUBLIC),
    ("198.51.100.0", "documentation"),
    ("198.51.100.255", "documentation"),
    ("198.51.101.0", PUBLIC),
    ("203.0.112.255", PUBLIC),
    ("203.0.113.0", "documentation"),
    ("203.0.113.255", "documentation"),
    ("203.0.114.0", PUBLIC),
    ("223.255.255.255", PUBLIC),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.254", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "IPv4-compatible"),
    ("::ffff:ffff", "IPv4-compatible"),
    ("::1:0:0", "reserved"),
    ("::fffe:ffff:ffff", "reserved"),
    // ::ffff:0:0/96 is IPv4 itself.
    ("::ffff:9.255.255.255", PUBLIC),
    ("::ffff:10.0.0.0", "private network"),
    ("::ffff:255.255.255.255", "broadcast"),
    ("::1:0:0:0", "reserved"),
    ("::fffe:ffff:ffff:ffff", "reserved"),
    ("::ffff:0:0:0", "IPv4-translated"),
    ("::ffff:0:ffff:ffff", "IPv4-translated"),
    ("::ffff:1:0:0", "reserved"),
    ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("64:ff9b::", "this host"),
    ("64:ff9b::1.0.0.0", PUBLIC),
    ("64:ff9b::9.255.255.255", PUBLIC),
    ("64:ff9b::10.0.0.0", "private network"),
    ("64:ff9b::223.255.255.255", PUBLIC),
    ("64:ff9b::255.255.255.255", "broadcast"),
    ("64:ff9b::1:0:0", "reserved"),
    ("64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("64:ff9b:1::", "local NAT64"),
    ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"),
    ("64:ff9b:2::", "reserved"),
    ("ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("100::", "discard-only"),
    ("100::ffff:ffff:ffff:ffff", "discard-only"),
    ("100:0:0:1::", "dummy prefix"),
    ("100:0:0:1:ffff:ffff:ffff:ffff", "dummy prefix"),
    ("100:0:0:2::", "reserved"),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("2000::", PUBLIC),
    ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
    ("2001::", "Teredo"),
    ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"),
    ("2001:1::", "IETF protocol assignments"),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF protocol assignments"),
    ("2001:200::", PUBLIC),
    ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
    ("2001:db8::", "documentation"),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("2001:db9::", PUBLIC),
    ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
    ("2002::", "6to4"),
    ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
    ("2003::", PUBLIC),
    ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
    ("3fff::", "documentation"),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("3fff:1000::", PUBLIC),
    ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
    ("4000::", "reserved"),
    ("5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("5f00::", "segment routing"),
    ("5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"),
    ("5f01::", "reserved"),
    ("fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("fc00::", "unique local network"),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local network"),
    ("fe00::", "reserved"),
    ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("fe80::", "link-local"),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("fec0::", "site-local"),
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"),
    ("ff00::", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
];

#[test]
fn every_special_network_is_refused_exactly_up_to_its_edges() {
    for (address, expected) in EDGES {
        let found = match DialPolicy::public_only().check("host", ip(address)) {
            Ok(()) => PUBLIC,
            Err(denial) => match denial.reason {
                DenialReason::NotPublic { name, .. } => name,
                other => panic!("{address}: {other:?}"),
            },
        };
        assert_eq!(found, *expected, "{address}");
    }
}

#[test]
fn a_policy_of_everything_allows_every_address() {
    for (address, _) in EDGES {
        assert_eq!(DialPolicy::everything().check("host", ip(address)), Ok(()), "{address}");
        assert_eq!(
            DialPolicy::everything_but_metadata().check("host", ip(address)),
            Ok(()),
            "{address}"
        );
    }
}

/// The address that a gateway or tunnel would connect to.
#[test]
fn an_ipv4_address_inside_an_ipv6_address_must_pass_too() {
    let policy = DialPolicy::everything().with_denied("10.0.0.7/32".parse().unwrap());
    for address in [
        "::ffff:10.0.0.7",           // mapped: the address itself
        "::10.0.0.7",                // compatible
        "::ffff:0:10.0.0.7",         // translated
        "64:ff9b::10.0.0.7",         // NAT64
        "64:ff9b:1:a00:0:700::",     // local NAT64, a prefix of 48 bits
        "64:ff9b:1:a:0:7::",         // 56
        "64:ff9b:1:0:a:0:700::",     // 64
        "64:ff9b:1::10.0.0.7",       // 96
        "2001:0:a00:7::",            // Teredo, the server
        "2001:0:808:808::f5ff:fff8", // Teredo, the client
        "2002:a00:7::1",             // 6to4
    ] {
        let denial = policy.check("host", ip(address)).expect_err(address);
        assert_eq!(denial.reaches, ip("10.0.0.7"), "{address}");
    }
    for address in ["::ffff:10.0.0.8", "64:ff9b::10.0.0.8", "2002:a00:8::1", "2a00::a00:7"] {
        assert_eq!(policy.check("host", ip(address)), Ok(()), "{address}");
    }
}

#[test]
fn loopback_behind_the_unspecified_address_must_pass_too() {
    let policy = ["127.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()).into_iter();
    let policy = policy.fold(DialPolicy::everything(), DialPolicy::with_denied);
    for (address, reaches) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::ffff:0.0.0.0", "127.0.0.1")] {
        let denial = policy.check("host", ip(address)).expect_err(address);
        assert_eq!(denial.reaches, ip(reaches), "{address}");
    }
}
