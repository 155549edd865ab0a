//! The URL of a Danube broker.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{Host, Invalid, http::web_uri};

/// Default port, on which Danube brokers serve clients.
const PORT: u16 = 6650;

/// `http://HOST:PORT` or `https://HOST:PORT` of a Danube broker, without credentials and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct BrokerUrl {
    tls: bool,
    host: Host,
    port: u16,
}

impl BrokerUrl {
    /// Whether the connection is encrypted: `https`.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for BrokerUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid("a broker's URL is `http://HOST:PORT` or `https://HOST:PORT`");
        let uri = web_uri(text, invalid)?;
        if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err(Invalid("a broker's URL ends with its host and port"));
        }
        let port = uri.port_u16().unwrap_or(PORT);
        let host = uri.host().and_then(|host| host.parse().ok());
        let host = host.filter(|_| port > 0).ok_or(invalid)?;
        let tls = uri.scheme_str() == Some("https");
        Ok(Self { tls, host, port })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host.with_port(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_parsed() {
        for (text, expected) in [
            ("http://danube-broker:6650", "http://danube-broker:6650"),
            ("https://b.example", "https://b.example:6650"),
            ("http://b:80", "http://b:80"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
            ("http://[::1]:6650", "http://[::1]:6650"),
            ("https://[::1]", "https://[::1]:6650"),
        ] {
            let url: BrokerUrl = text.parse().expect("valid");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn invalid_urls_are_refused() {
        for text in [
            "",
            "danube-broker:6650",
            "grpc://b:6650",
            "http://",
            "http://:6650",
            "http://b:0",
            "http://b:port",
            "http://b:6650/x",
            "http://b:6650?x",
            "http://u:p@b:6650",
            "http://::1:6650",
            "http://a b",
        ] {
            assert!(text.parse::<BrokerUrl>().is_err(), "{text}");
        }
    }
}
