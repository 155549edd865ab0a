//! Addresses of metadata services are allowed only by name.

use danube_wasm_egress_dial::{DenialReason, DialPolicy};

use crate::support::ip;

const SERVICES: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.42.42",
    "169.254.0.23",
    "169.254.10.10",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::23",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
    "fd00:100::100:200",
    "fe80::a9fe:a9fe",
    // The first one in other forms.
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
];

fn is_refused_as_metadata(policy: &DialPolicy, address: &str) -> bool {
    let checked = policy.check("metadata.google.internal", ip(address));
    matches!(checked, Err(denial) if matches!(denial.reason, DenialReason::Metadata { .. }))
}

#[test]
fn metadata_services_are_refused_where_everything_else_is_allowed() {
    for address in SERVICES {
        assert!(
            is_refused_as_metadata(&DialPolicy::everything_but_metadata(), address),
            "{address}"
        );
        assert_eq!(DialPolicy::everything().check("host", ip(address)), Ok(()), "{address}");
    }
}

#[test]
fn neighbours_of_metadata_services_are_allowed() {
    for address in [
        "169.254.169.253",
        "169.254.169.255",
        "168.63.129.15",
        "168.63.129.17",
        "fd00:ec3::",
        "fd20:ce::253",
    ] {
        let policy = DialPolicy::everything_but_metadata();
        assert_eq!(policy.check("host", ip(address)), Ok(()), "{address}");
    }
    let checked = DialPolicy::public_only().check("host", ip("168.63.129.17"));
    assert_eq!(checked, Ok(()), "a public address beside Azure's");
}

#[test]
fn neither_a_wider_network_nor_a_host_allows_metadata_services() {
    let mut policy = DialPolicy::public_only().with_exception("metadata.google.internal".parse().unwrap());
    for net in ["0.0.0.0/0", "169.254.169.0/24", "::/0", "fc00::/7", "fd00::/16"] {
        policy = policy.with_allowed(net.parse().unwrap());
    }
    for address in SERVICES {
        let denied = policy.check("metadata.google.internal", ip(address)).is_err();
        assert!(denied, "{address}");
    }
    assert!(is_refused_as_metadata(&policy, "169.254.169.254"));
    assert_eq!(
        policy.check("host", ip("169.254.169.253")),
        Ok(()),
        "the network is allowed"
    );
}

#[test]
fn an_entry_for_exactly_the_address_allows_it() {
    let policy = DialPolicy::public_only()
        .with_exception("169.254.169.254".parse().unwrap())
        .with_exception("fd00:ec2::254/128".parse().unwrap());
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
        assert_eq!(policy.check("host", ip(address)), Ok(()), "{address}");
    }
    assert!(is_refused_as_metadata(&policy, "fd00:ec2::23"));
}
