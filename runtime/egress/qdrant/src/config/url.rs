//! Where a Qdrant server is.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Host;

/// `http://HOST:PORT` or `https://HOST:PORT`, without credentials and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QdrantUrl {
    tls: bool,
    host: Host,
    port: u16,
}

/// Why a text is no URL of a Qdrant server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

/// Of gRPC, in a server's own configuration.
const GRPC_PORT: u16 = 6334;
/// Of REST, which this sink does not speak.
const REST_PORT: u16 = 6333;

impl QdrantUrl {
    /// Whether the connection is encrypted: `https`.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host.
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether only this machine can be meant.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// Whether it is the port that usually speaks REST.
    pub(crate) fn is_rest_port(&self) -> bool {
        self.port == REST_PORT
    }
}

impl FromStr for QdrantUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = InvalidUrl("a Qdrant server's URL is `http://HOST:6334`, or `https://HOST:6334` for TLS");
        let (tls, rest) = match text.split_once("://") {
            Some(("http" | "grpc", rest)) => (false, rest),
            Some(("https" | "grpcs", rest)) => (true, rest),
            _ => return Err(invalid),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(InvalidUrl("a URL must not hold credentials: write `api_key`"));
        }
        let (host, port) = Host::parse_with_port(rest, GRPC_PORT).ok_or(invalid)?;
        Ok(Self { tls, host, port })
    }
}

impl fmt::Display for QdrantUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host.with_port(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, expected) in [
            ("http://localhost", "http://localhost:6334"),
            ("https://q.example/", "https://q.example:6334"),
            ("https://[::1]:443", "https://[::1]:443"),
            ("grpc://q:1", "http://q:1"),
        ] {
            let url: QdrantUrl = text.parse().expect("valid");
            assert_eq!(url.to_string(), expected);
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "q:6334",
            "ws://q",
            "http://",
            "http://q:0",
            "http://q/x",
            "http://k@q",
        ] {
            assert!(text.parse::<QdrantUrl>().is_err(), "{text}");
        }
    }
}
