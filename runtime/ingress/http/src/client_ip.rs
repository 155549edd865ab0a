//! Whom a request came from.
//!
//! The socket's address, unless that is a proxy which the operator named: then the last hop of `X-Forwarded-For` that is
//! not such a proxy. Anything to the left of that hop is the sender's own claim and is not looked at.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

static FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose `X-Forwarded-For` is believed. None by default.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<Network>);

/// Why something cannot be an address range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IP address or range: write `10.1.2.3`, `10.0.0.0/8` or `fd00::/8`")]
pub struct ProxyError(String);

#[derive(Debug, Clone)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl TrustedProxies {
    /// From addresses (`10.1.2.3`) and ranges (`10.0.0.0/8`).
    pub fn try_new<'a>(ranges: impl IntoIterator<Item = &'a str>) -> Result<Self, ProxyError> {
        let parsed = ranges
            .into_iter()
            .map(|range| Network::parse(range).ok_or_else(|| ProxyError(range.to_owned())));
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    /// The address that a request with these headers came from, given the socket's.
    pub(crate) fn client(&self, socket: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = socket.to_canonical();
        if !self.trust(client) {
            return client;
        }
        for line in headers.get_all(&FORWARDED).iter().rev() {
            for hop in line.to_str().unwrap_or_default().rsplit(',') {
                // A hop that is no address was not written by a proxy worth trusting: stop at the last good one.
                let Some(hop) = parse_hop(hop.trim()) else {
                    return client;
                };
                client = hop;
                if !self.trust(client) {
                    return client;
                }
            }
        }
        client
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(bits_max), |prefix| prefix.trim().parse().ok())?;
        (prefix_bits <= bits_max).then_some(Self { address, prefix_bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(network), IpAddr::V4(other)) => {
                let differing = u32::from(network) ^ u32::from(other);
                self.prefix_bits == 0 || differing >> (32 - self.prefix_bits) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(other)) => {
                let differing = u128::from(network) ^ u128::from(other);
                self.prefix_bits == 0 || differing >> (128 - self.prefix_bits) == 0
            }
            _ => false,
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address
        .or_else(with_port)
        .or_else(bracketed)
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], socket: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(&FORWARDED, HeaderValue::from_static(line));
        }
        let proxies = TrustedProxies::try_new(trusted.iter().copied()).expect("valid ranges");
        proxies.client(socket.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(client(&[], "192.0.2.7", &["1.1.1.1"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.7", &["1.1.1.1"]), "192.0.2.7");
    }

    #[test]
    fn the_last_hop_that_is_not_a_proxy_counts() {
        let trusted = &["10.0.0.0/8", "fd00::/8"];
        assert_eq!(
            client(trusted, "10.0.0.1", &["6.6.6.6, 192.0.2.7, 10.9.9.9"]),
            "192.0.2.7"
        );
        assert_eq!(client(trusted, "10.0.0.1", &["6.6.6.6", "192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(
            client(trusted, "::ffff:10.0.0.1", &["[2001:db8::1]:1, fd00::2"]),
            "2001:db8::1"
        );
        assert_eq!(client(trusted, "10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client(trusted, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ranges_are_checked() {
        for wrong in ["", "10.0.0.0/33", "::/129", "example.com", "10.0.0.0/x"] {
            TrustedProxies::try_new([wrong]).expect_err(wrong);
        }
        let all = TrustedProxies::try_new(["0.0.0.0/0"]).expect("valid");
        assert!(all.trust("1.2.3.4".parse().unwrap()));
        assert!(!all.trust("::1".parse().unwrap()));
    }
}
