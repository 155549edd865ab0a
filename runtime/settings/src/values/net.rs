//! Hosts and networks.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::Serialize;

use super::Invalid;

/// A host: an IP address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// Only this machine.
    pub fn loopback() -> Self {
        Self("127.0.0.1".to_owned())
    }

    /// All addresses of this machine.
    pub fn everywhere() -> Self {
        Self("0.0.0.0".to_owned())
    }

    /// The text; an IPv6 address without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the IP address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.0.eq_ignore_ascii_case("localhost") || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Host and port, as a URL has them.
    pub fn with_port(&self, port: u16) -> String {
        match self.ip() {
            Some(ip) if ip.is_ipv6() => format!("[{self}]:{port}"),
            _ => format!("{self}:{port}"),
        }
    }

    /// Reads `HOST:PORT`, or `HOST` with the usual port. `None` if it is neither; an IPv6 address is in brackets.
    pub fn parse_with_port(authority: &str, usual: u16) -> Option<(Self, u16)> {
        // The last colon belongs to an IPv6 address unless it comes after the bracket.
        let split = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        let (host, port) = match split {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
            None => (authority, usual),
        };
        let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
        let host = host.parse().ok().filter(|_| !is_bare_ipv6)?;
        Some((host, port))
    }

    /// Whether listeners on both hosts would conflict on the same port.
    pub fn overlaps(&self, other: &Self) -> bool {
        let everywhere = |host: &Self| host.ip().is_some_and(|ip| ip.is_unspecified());
        let same = self.0.eq_ignore_ascii_case(&other.0);
        same || everywhere(self) || everywhere(other) || self.is_loopback() && other.is_loopback()
    }
}

impl FromStr for Host {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let label = |part: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            !part.is_empty() && part.len() <= 63 && part.bytes().all(legal)
        };
        // A name of digits and dots only is a mistyped address.
        let named = bare.len() <= 253 && bare.split('.').all(label) && bare.bytes().any(|b| b.is_ascii_alphabetic());
        if bare.parse::<IpAddr>().is_ok() || named {
            Ok(Self(bare.to_owned()))
        } else {
            Err(Invalid("a host is an IP address or a name, without scheme and port"))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A network: an IP address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether `ip` is in it. An IPv4-mapped IPv6 address counts as the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let network = address.or_else(|_| text.parse());
        network
            .map(Self)
            .map_err(|_| Invalid("a network is an IP address, or one with a prefix length, as in `10.0.0.0/8`"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn hosts() {
        let host = |text: &str| text.parse::<Host>().expect("valid");
        assert!(
            ["0.0.0.0", "::1", "[::1]", "localhost", "a-b.example"]
                .into_iter()
                .all(is::<Host>)
        );
        assert!(!["", "http://x", "x:80", "1.2.3", "a..b"].into_iter().any(is::<Host>));
        assert!(host("127.0.0.2").is_loopback() && host("[::1]").is_loopback() && !host("0.0.0.0").is_loopback());
        assert!(host("0.0.0.0").overlaps(&host("10.0.0.1")) && !host("10.0.0.2").overlaps(&host("10.0.0.1")));
    }

    #[test]
    fn networks() {
        let net = |text: &str| text.parse::<Network>().expect("valid");
        let ip = |text: &str| text.parse::<IpAddr>().expect("valid");
        assert!(net("10.0.0.0/8").contains(ip("10.9.9.9")) && !net("10.0.0.0/8").contains(ip("11.0.0.0")));
        assert!(net("10.0.0.1").contains(ip("::ffff:10.0.0.1")) && !net("10.0.0.1").contains(ip("10.0.0.2")));
        assert!(net("0.0.0.0/0").contains(ip("1.2.3.4")) && net("::/0").contains(ip("2001:db8::1")));
        assert!(net("2001:db8::/32").contains(ip("2001:db8:1::1")));
        assert!(!["", "10.0.0.0/33", "x/8", "10.0.0.0/"].into_iter().any(is::<Network>));
    }
}
