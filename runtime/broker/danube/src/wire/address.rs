//! Where a broker listens.

use std::fmt;

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use http::Uri;

use crate::limits::DEFAULT_PORT;

/// Scheme, host and port of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// Whether it is `https`.
    pub(crate) tls: bool,
    /// Name or IP address; an IPv6 address without its brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
}

impl Address {
    /// Parses a URL from the configuration.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        Self::parse_at(url, DEFAULT_PORT)
    }

    /// The same, with another port where the URL names none.
    pub(crate) fn parse_at(url: &str, port: u16) -> Result<Self> {
        let bad = |why: &str| {
            let message = format!(
                "`{url}` is no URL of a Danube broker: {why}; write `http://host:{port}`, or `https://` for TLS"
            );
            BrokerError::new(ErrorKind::Conflict, message)
        };
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(bad("it has no scheme"));
        };
        let tls = match scheme {
            "http" => false,
            "https" => true,
            other => return Err(bad(&format!("Danube does not speak `{other}`"))),
        };
        let uri: Uri = url.parse().map_err(|e| bad(&format!("{e}")))?;
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(bad("a user in it is not supported, tokens have their own setting"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it has a path"));
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| bad("it has no host"))?;
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(port),
        })
    }

    /// The address that a broker advertises for itself or another: a URL, or `host:port`. The scheme stays that of
    /// `self`, through which it was learned: no broker can turn TLS off. A broker that advertises `0.0.0.0` is at the
    /// address where it was asked.
    pub(crate) fn advertised(&self, text: &str) -> Option<Self> {
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        let uri: Uri = format!("http://{authority}").parse().ok()?;
        let host = uri.host()?.trim_matches(['[', ']']);
        Some(Self {
            tls: self.tls,
            host: match host {
                "" | "0.0.0.0" | "::" => self.host.clone(),
                named => named.to_owned(),
            },
            port: uri.port_u16().unwrap_or(DEFAULT_PORT),
        })
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_operators_write() {
        for (url, shown) in [
            ("http://localhost:6650", "http://localhost:6650"),
            ("https://danube.example/", "https://danube.example:6650"),
            ("http://[::1]:7000", "http://[::1]:7000"),
        ] {
            assert_eq!(Address::parse(url).expect(url).to_string(), shown);
        }
    }

    #[test]
    fn refuses_the_rest_with_a_cure() {
        for url in [
            "localhost:6650",
            "danube://x:1",
            "http://",
            "http://u:p@x:1",
            "http://x:1/path",
            "http://x y",
        ] {
            let error = Address::parse(url).expect_err(url);
            assert!(error.message.contains("write `http://host:6650`"), "{error}");
        }
    }

    #[test]
    fn a_brokers_word_does_not_turn_tls_off_nor_lead_nowhere() {
        let seed = Address::parse("https://lb.example:6650").expect("valid");
        let told = |text| seed.advertised(text).expect(text).to_string();
        assert_eq!(told("http://broker-2:6651"), "https://broker-2:6651");
        assert_eq!(told("broker-2:6651"), "https://broker-2:6651");
        assert_eq!(told("http://0.0.0.0:6652"), "https://lb.example:6652");
        assert_eq!(seed.advertised(""), None);
    }
}
