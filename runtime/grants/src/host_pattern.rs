//! Hosts that a component may ask.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::{Host, Invalid};

/// A host with its port, such as `api.example.com`, `*.example.com` or `127.0.0.1:8080`. Without a port it is 443 for `https` and 80 for
/// `http`. A star stands for one or more labels, and not for none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// The name or address in lower case; behind a star, what follows it, with its dot.
    host: String,
    is_wildcard: bool,
    port: Option<u16>,
}

impl HostPattern {
    /// Whether it covers this host, as a URL has it, on this port of this scheme.
    pub fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return false,
        };
        self.port.unwrap_or(usual) == port && self.covers_host(&comparable(host))
    }

    /// Whether everything that the other one covers is covered by this one.
    pub fn covers(&self, other: &Self) -> bool {
        let host = match other.is_wildcard {
            true => self.is_wildcard && other.host.ends_with(&self.host),
            false => self.covers_host(&other.host),
        };
        host && self.port == other.port
    }

    fn covers_host(&self, host: &str) -> bool {
        match self.is_wildcard {
            true => host
                .strip_suffix(self.host.as_str())
                .is_some_and(|label| !label.is_empty()),
            false => self.host == host,
        }
    }
}

/// In lower case, without brackets and the dot of an absolute name.
fn comparable(host: &str) -> String {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

impl FromStr for HostPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: Invalid = Invalid::new(
            "a host is a name, an address or `*.` and a name, with a port where that is not the usual one: `api.example.com`, \
             `*.example.com`, `127.0.0.1:8080`",
        );
        let (is_wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // Port 0 stands for the usual one: nothing listens there.
        let (host, port) = match Host::parse_with_port(rest, 1) {
            Some((host, port)) => (host, Some(port).filter(|_| has_port(rest))),
            None => return Err(RULE),
        };
        if is_wildcard && (host.ip().is_some() || !host.as_str().contains('.')) {
            return Err(Invalid::new(
                "a star stands before a name with a dot, as in `*.example.com`: a star for a whole top-level domain grants too much",
            ));
        }
        let host = comparable(host.as_str());
        let host = if is_wildcard { format!(".{host}") } else { host };
        Ok(Self {
            host,
            is_wildcard,
            port,
        })
    }
}

fn has_port(authority: &str) -> bool {
    let behind = authority.rsplit_once(':').map(|(_, port)| port);
    behind.is_some_and(|port| !port.contains(']'))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_wildcard { "*" } else { "" };
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => write!(f, "{star}{}", self.host)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_host_is_matched_with_its_port() {
        for (text, scheme, host, port, matches) in [
            ("api.example.com", "https", "api.example.com", 443, true),
            ("API.example.com", "https", "api.EXAMPLE.com.", 443, true),
            ("api.example.com", "http", "api.example.com", 80, true),
            ("api.example.com", "https", "api.example.com", 8443, false),
            ("api.example.com", "https", "api.example.com.evil.org", 443, false),
            ("api.example.com", "https", "evilapi.example.com", 443, false),
            ("api.example.com:8443", "https", "api.example.com", 8443, true),
            ("api.example.com:8443", "https", "api.example.com", 443, false),
            ("*.example.com", "https", "a.b.example.com", 443, true),
            ("*.example.com", "https", "example.com", 443, false),
            ("*.example.com", "https", "evilexample.com", 443, false),
            ("127.0.0.1:8080", "http", "127.0.0.1", 8080, true),
            ("[::1]:8080", "http", "[::1]", 8080, true),
            ("api.example.com", "ftp", "api.example.com", 443, false),
        ] {
            assert_eq!(
                pattern(text).matches(scheme, host, port),
                matches,
                "{text} {scheme}://{host}:{port}"
            );
        }
    }

    #[test]
    fn what_covers_less_is_covered() {
        for (ceiling, asked, covers) in [
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "*.api.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.api.example.com", "*.example.com", false),
            ("api.example.com", "*.example.com", false),
            ("api.example.com", "api.example.com:8443", false),
            ("api.example.com:8443", "api.example.com:8443", true),
        ] {
            assert_eq!(pattern(ceiling).covers(&pattern(asked)), covers, "{ceiling} {asked}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_and_others_are_shown_as_written() {
        for bad in [
            "",
            "*",
            "*.com",
            "https://a.example",
            "a.example/x",
            "*.127.0.0.1",
            "a.*.example",
            "a.example:0",
            "a b",
        ] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
        for text in ["api.example.com", "*.example.com:8443", "[::1]:8080", "127.0.0.1"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }
}
