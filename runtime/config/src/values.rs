//! Small values that are right by construction.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::Serialize;

/// A JSON pointer (RFC 6901) to something below the root: `/` before each step, `~0` for `~`, `~1` for `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The text, as `serde_json::Value::pointer` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JsonPointer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let escapes_well = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if text.starts_with('/') && escapes_well && text.len() <= 1024 {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid(
                "a JSON pointer begins with `/`, as in `/data/object/id`; `~0` stands for `~` and `~1` for `/`",
            ))
        }
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of an HTTP header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HeaderName(String);

impl HeaderName {
    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !text.is_empty() && text.len() <= 128 && text.bytes().all(legal) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Invalid(
                "a header's name has 1 to 128 letters, digits and `-`, as in `x-api-key`",
            ))
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Path of an HTTP endpoint: matched as it is, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UrlPath(String);

impl UrlPath {
    /// The text, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UrlPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // RFC 3986 `pchar` and `/`. A path with dot segments is one that clients rewrite before they send it.
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/".contains(&b);
        let dots = text.split('/').any(|part| part == "." || part == "..");
        if text.starts_with('/') && text.len() <= 1024 && text.bytes().all(legal) && !dots {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid(
                "a path begins with `/` and is as it stands in a URL, without `?`, `#`, spaces and dot segments",
            ))
        }
    }
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host to listen on: an IP address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// This machine only.
    pub(crate) fn loopback() -> Self {
        Self("127.0.0.1".to_owned())
    }

    /// The text; an IPv6 address without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.0.eq_ignore_ascii_case("localhost") || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether a listener on `self` and one on `other` would take the same port from each other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
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
        // A name of digits and dots only would be a mistyped address.
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

/// A network: an IP address and how many of its first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `ip` is in it. An IPv4 address that came through an IPv6 socket counts as what it is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let cut = |bits: u128, width: u8| bits.checked_shr(u32::from(width - self.prefix)).unwrap_or(0);
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => cut(own.to_bits().into(), 32) == cut(ip.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(ip)) => cut(own.to_bits(), 128) == cut(ip.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = Invalid("a network is an IP address, or one with a prefix length, as in `10.0.0.0/8`");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(invalid);
        };
        let width = if address.is_ipv4() { 32 } else { 128 };
        match prefix.map_or(Ok(width), str::parse) {
            Ok(prefix) if prefix <= width => Ok(Self { address, prefix }),
            _ => Err(invalid),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// An `http://` or `https://` URL without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HttpUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        match rest.map(authority) {
            Some(authority) if authority.contains('@') => Err(Invalid("a URL must not hold credentials")),
            Some(authority) if !authority.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Invalid("a URL begins with `http://` or `https://` and a host")),
        }
    }
}

/// What stands before the path, the query and the fragment.
pub(crate) fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a value: the rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    fn is<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn pointers() {
        assert!(["/a", "/a/0/b~1c~0", "/"].into_iter().all(is::<JsonPointer>));
        assert!(!["", "a", "a/b", "/a~", "/a~2"].into_iter().any(is::<JsonPointer>));
    }

    #[test]
    fn headers_are_lower_case() {
        assert_eq!("X-API-Key".parse::<HeaderName>().expect("valid").as_str(), "x-api-key");
        assert!(!["", "a b", "a:", "ä"].into_iter().any(is::<HeaderName>));
    }

    #[test]
    fn paths() {
        assert!(
            ["/", "/webhooks/stripe", "/a%20b", "/~x"]
                .into_iter()
                .all(is::<UrlPath>)
        );
        assert!(
            !["", "a", "/a?b", "/a#b", "/a b", "/a/../b", "/{id}"]
                .into_iter()
                .any(is::<UrlPath>)
        );
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
