//! Addresses that are reached through another one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns what a dial to `address` may reach besides it: the IPv4 address that a gateway or tunnel would connect to,
/// and loopback behind the unspecified address. IPv4-mapped addresses are not included: the kernel dials them over
/// IPv4, so they are the IPv4 address itself ([`IpAddr::to_canonical`]).
pub(crate) fn reached_through(address: IpAddr) -> Vec<IpAddr> {
    match address {
        // Linux and others connect to loopback.
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => vec![Ipv6Addr::LOCALHOST.into()],
        // It only looks IPv4-compatible.
        IpAddr::V4(_) | IpAddr::V6(Ipv6Addr::LOCALHOST) => Vec::new(),
        IpAddr::V6(address) => embedded(address).into_iter().map(IpAddr::V4).collect(),
    }
}

fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    match address.segments() {
        // IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765).
        [0, 0, 0, 0, 0 | 0xffff, 0, ..] => vec![rfc6052(address, 96)],
        // NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![rfc6052(address, 96)],
        // Local NAT64 (RFC 8215): the network chooses the length of the prefix.
        [0x64, 0xff9b, 1, ..] => [48, 56, 64, 96].map(|prefix| rfc6052(address, prefix)).to_vec(),
        // Teredo (RFC 4380): a server, and a client with all bits inverted.
        [0x2001, 0, a, b, .., c, d] => vec![join(a, b), join(!c, !d)],
        // 6to4 (RFC 3056).
        [0x2002, a, b, ..] => vec![join(a, b)],
        _ => Vec::new(),
    }
}

/// Returns the address after a prefix of so many bits, skipping the ninth byte, which is not part of it.
fn rfc6052(address: Ipv6Addr, prefix_bits: usize) -> Ipv4Addr {
    let octets = address.octets();
    let mut bytes = (prefix_bits / 8..16).filter(|&at| at != 8).map(|at| octets[at]);
    Ipv4Addr::from([(); 4].map(|()| bytes.next().unwrap_or_default()))
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}
