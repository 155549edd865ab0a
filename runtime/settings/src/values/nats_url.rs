//! URLs of NATS servers.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{Host, Invalid};

/// NATS' own.
const PORT: u16 = 4222;

/// `nats://HOST:PORT` or `tls://HOST:PORT` of a NATS server, without credentials and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct NatsUrl {
    tls: bool,
    host: Host,
    port: u16,
}

impl NatsUrl {
    /// Whether the connection is encrypted: `tls`.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl FromStr for NatsUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid("a NATS server's URL is `nats://HOST:PORT` or `tls://HOST:PORT`");
        let (tls, rest) = match text.split_once("://") {
            Some(("nats", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            _ => return Err(invalid),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(Invalid("a NATS server's URL has no user and password"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of a bare IPv6 address are in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| invalid)?),
            _ => (rest, PORT),
        };
        let host: Host = host.parse().map_err(|_| invalid)?;
        match port {
            0 => Err(invalid),
            port => Ok(Self { tls, host, port }),
        }
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "tls" } else { "nats" };
        write!(f, "{scheme}://{}", self.host.with_port(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_parsed() {
        for (text, expected) in [
            ("nats://n1:4223", "nats://n1:4223"),
            ("nats://n1", "nats://n1:4222"),
            ("tls://n1.example/", "tls://n1.example:4222"),
            ("nats://[::1]:1", "nats://[::1]:1"),
            ("nats://[::1]", "nats://[::1]:4222"),
        ] {
            let url: NatsUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), expected);
        }
        for text in [
            "nats://",
            "nats://u:p@n1:4222",
            "nats://n1:0",
            "nats://n1/path",
            "http://n1",
            "n1:4222",
        ] {
            assert!(text.parse::<NatsUrl>().is_err(), "{text}");
        }
    }
}
