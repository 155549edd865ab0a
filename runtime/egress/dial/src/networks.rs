//! Networks that are not the public internet, and the addresses of cloud metadata services.
//!
//! The standard library has predicates for some of these networks, half of them unstable, and none names the network
//! of an address. This table covers all: IANA's registries of special-purpose addresses for IPv4 and IPv6, multicast,
//! and the IPv6 space that is not assigned as global unicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A special network and its purpose.
#[derive(Debug)]
pub(crate) struct SpecialNetwork {
    pub(crate) net: IpNet,
    pub(crate) name: &'static str,
    scope: Scope,
}

#[derive(Debug, PartialEq)]
enum Scope {
    /// Not the public internet.
    NotPublic,
    /// Part of the public internet, although a wider network of the table is not.
    Public,
}

/// The first entry that contains an address decides, so narrow networks precede the wide ones around them.
const SPECIAL: &[SpecialNetwork] = &[
    v4([0, 0, 0, 0], 8, "this host"), // RFC 1122, 3.2.1.3; on Linux 0.0.0.0 is loopback
    v4([10, 0, 0, 0], 8, "private network"), // RFC 1918
    v4([100, 64, 0, 0], 10, "carrier's shared network"), // RFC 6598
    v4([127, 0, 0, 0], 8, "loopback"), // RFC 1122, 3.2.1.3
    v4([169, 254, 0, 0], 16, "link-local"), // RFC 3927
    v4([172, 16, 0, 0], 12, "private network"), // RFC 1918
    v4([192, 0, 0, 0], 24, "IETF protocol assignments"), // RFC 6890, 2.1
    v4([192, 0, 2, 0], 24, "documentation"), // RFC 5737
    v4([192, 88, 99, 0], 24, "6to4 relays"), // RFC 7526
    v4([192, 168, 0, 0], 16, "private network"), // RFC 1918
    v4([198, 18, 0, 0], 15, "benchmarking"), // RFC 2544
    v4([198, 51, 100, 0], 24, "documentation"), // RFC 5737
    v4([203, 0, 113, 0], 24, "documentation"), // RFC 5737
    v4([224, 0, 0, 0], 4, "multicast"), // RFC 5771
    v4([255, 255, 255, 255], 32, "broadcast"), // RFC 919
    v4([240, 0, 0, 0], 4, "reserved"), // RFC 1112, 4
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"), // RFC 4291, 2.5.2
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"), // RFC 4291, 2.5.3
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible"), // RFC 4291, 2.5.5.1
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated"), // RFC 2765, 2.1
    public_v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64"), // RFC 6052, 2.1; the IPv4 address in it is checked too
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"), // RFC 8215
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard-only"), // RFC 6666
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix"), // RFC 9780
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"), // RFC 4380
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments"), // RFC 2928
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"), // RFC 3849
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"), // RFC 3056; its relays were withdrawn by RFC 7526
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"), // RFC 9637
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"), // RFC 9602
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local network"), // RFC 4193
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"), // RFC 4291, 2.5.6
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"), // RFC 3879
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"), // RFC 4291, 2.7
    public_v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "global unicast"), // RFC 3587, 3: all that IANA hands out
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, "reserved"), // RFC 4291, 2.4: the rest
];

/// Addresses at which clouds provide the credentials of a machine or container. Most are in link-local or private
/// networks, which a laptop or an operator's own machines may need; Azure's is a public address.
const METADATA: &[SpecialNetwork] = &[
    v4([169, 254, 169, 254], 32, "AWS, Google, Azure and others"),
    v4([169, 254, 170, 2], 32, "AWS ECS"),
    v4([169, 254, 170, 23], 32, "AWS EKS"),
    v4([169, 254, 42, 42], 32, "Scaleway"),
    v4([169, 254, 0, 23], 32, "Tencent Cloud"),
    v4([169, 254, 10, 10], 32, "Tencent Cloud"),
    v4([100, 100, 100, 200], 32, "Alibaba Cloud"),
    v4([168, 63, 129, 16], 32, "Azure WireServer"),
    v4([192, 0, 0, 192], 32, "Oracle Cloud Classic"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, "AWS"),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, "Google Cloud"),
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, "Oracle Cloud"),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, "Scaleway"),
    v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1], 128, "Akamai"),
    v6([0xfd00, 0x100, 0, 0, 0, 0, 0x100, 0x200], 128, "Alibaba Cloud"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, "OpenStack"),
];

/// Returns the network that excludes `address` from the public internet.
pub(crate) fn not_public(address: IpAddr) -> Option<&'static SpecialNetwork> {
    let entry = SPECIAL.iter().find(|entry| entry.net.contains(&address))?;
    (entry.scope == Scope::NotPublic).then_some(entry)
}

/// Returns the metadata service at `address`.
pub(crate) fn metadata(address: IpAddr) -> Option<&'static SpecialNetwork> {
    METADATA.iter().find(|entry| entry.net.contains(&address))
}

const fn v4(bytes: [u8; 4], prefix_len: u8, name: &'static str) -> SpecialNetwork {
    let [a, b, c, d] = bytes;
    SpecialNetwork {
        net: IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_len)),
        name,
        scope: Scope::NotPublic,
    }
}

const fn v6(groups: [u16; 8], prefix_len: u8, name: &'static str) -> SpecialNetwork {
    let [a, b, c, d, e, f, g, h] = groups;
    SpecialNetwork {
        net: IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix_len)),
        name,
        scope: Scope::NotPublic,
    }
}

const fn public_v6(groups: [u16; 8], prefix_len: u8, name: &'static str) -> SpecialNetwork {
    SpecialNetwork {
        scope: Scope::Public,
        ..v6(groups, prefix_len, name)
    }
}
