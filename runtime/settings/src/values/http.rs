//! Parts of HTTP.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::Invalid;

/// Name of an HTTP header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(http::HeaderName);

impl HeaderName {
    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<HeaderName> for http::HeaderName {
    fn from(name: HeaderName) -> Self {
        name.0
    }
}

impl FromStr for HeaderName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.parse().ok().filter(|_| text.len() <= 128);
        name.map(Self).ok_or(Invalid(
            "a header's name has 1 to 128 letters, digits and `-`, as in `x-api-key`",
        ))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Path of an HTTP endpoint, compared byte for byte.
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
        // RFC 3986 `pchar` and `/`. Clients rewrite a path with dot segments before they send it.
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/".contains(&b);
        let dots = text.split('/').any(|part| part == "." || part == "..");
        // No sender posts to these paths; whoever writes them means something else.
        let pattern = text.contains(['*', '{', '}']) || text.contains("/:");
        if pattern {
            return Err(Invalid(
                "a path is matched as it is: there are no patterns such as `/*`, `/{id}` or `/:id`. Give each path an \
                 endpoint of its own",
            ));
        }
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
        web_uri(text, Invalid("a URL begins with `http://` or `https://` and a host"))?;
        Ok(Self(text.to_owned()))
    }
}

/// Parses an `http` or `https` URL without credentials.
pub(super) fn web_uri(text: &str, invalid: Invalid) -> Result<http::Uri, Invalid> {
    let uri: http::Uri = text.parse().map_err(|_| invalid)?;
    let authority = uri.authority().ok_or(invalid)?;
    if authority.as_str().contains('@') {
        return Err(Invalid("a URL must not hold credentials"));
    }
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    // `http` ignores an invalid port.
    let has_legal_port = authority.port().is_some() || authority.as_str() == authority.host();
    match is_web && has_legal_port && !authority.host().is_empty() {
        true => Ok(uri),
        false => Err(invalid),
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
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
    fn urls_have_a_host_and_no_credentials() {
        assert!(["http://otel:4318", "https://x/y?z"].into_iter().all(is::<HttpUrl>));
        assert!(
            ![
                "",
                "otel:4318",
                "http://",
                "http:///x",
                "grpc://x",
                "http://u:p@x",
                "http://a b"
            ]
            .into_iter()
            .any(is::<HttpUrl>)
        );
    }
}
