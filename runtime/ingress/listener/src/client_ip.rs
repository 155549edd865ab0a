//! The client address of a request.
//!
//! It is the socket's address, unless that is a trusted proxy: then the last hop of `X-Forwarded-For` that is not a trusted
//! proxy. Hops to the left of it are the sender's own claim and are ignored.

use std::net::IpAddr;

use danube_wasm_settings::values::Network;
use http::{HeaderMap, HeaderName};

static FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose `X-Forwarded-For` is trusted. None by default.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Returns the client address of a request, from its headers and the socket's address.
    pub(crate) fn client(&self, socket: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = socket.to_canonical();
        if !self.trust(client) {
            return client;
        }
        for line in headers.get_all(&FORWARDED).iter().rev() {
            for hop in line.to_str().unwrap_or_default().rsplit(',') {
                // No trusted proxy writes a hop that is not an address: stop at the last valid one.
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
        let trusted = trusted.iter().map(|range| range.parse().expect("a valid range"));
        let proxies = TrustedProxies::new(trusted.collect());
        proxies.client(socket.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn no_proxy_is_trusted_by_default() {
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
}
