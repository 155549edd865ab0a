//! An endpoint's URL, which may have a place for a document's id.

use std::{fmt, str::FromStr};

use http::Uri;
use url::Url;

/// Stands for the id while the URL around it is parsed: nothing in it is ever encoded.
const PLACEHOLDER: &str = "danube-wasm-document-id";

/// The place of the id in a URL.
const ID: &str = "{id}";

/// An `http` or `https` URL. In its path or query there may be one `{id}`, in whose place a document's id is put, encoded so
/// that it stays one segment.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    /// Before the id, or all of it.
    before: String,
    /// Behind the id.
    after: Option<String>,
    url: Url,
}

/// Why a text is no URL of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It cannot be parsed.
    #[error("a URL is written as in `https://example.com:8443/path`")]
    Malformed,
    /// Neither `http` nor `https`.
    #[error("a URL begins with `http://` or `https://`")]
    Scheme,
    /// It has a user or a password.
    #[error("a URL must not hold credentials, which would be shown in logs: write them in `auth`")]
    Credentials,
    /// It has a `#`.
    #[error("the part behind `#` is never sent: remove it")]
    Fragment,
    /// Braces that are no `{id}`, or several, or where no id can be.
    #[error(
        "the only pattern of a URL is one `{{id}}`, in its path or its query: host names come from the file alone, and \
         from no message"
    )]
    Pattern,
}

impl UrlTemplate {
    /// Whether each document has a URL of its own.
    pub fn has_id(&self) -> bool {
        self.after.is_some()
    }

    /// Scheme, host and port: what may be shown. Paths and queries of webhooks are often secret.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The host, as it is dialed.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL for a document.
    ///
    /// # Errors
    ///
    /// The id cannot be a segment of a path.
    pub fn uri(&self, id: &str) -> Result<Uri, String> {
        let unusable = |why| format!("the id cannot be part of the endpoint's URL: {why}");
        let text = match &self.after {
            None => self.before.clone(),
            // Servers take these for the directory itself and the one above, however they are encoded.
            Some(_) if id == "." || id == ".." => return Err(unusable(format!("`{id}` stands for another path"))),
            Some(after) => format!("{}{}{after}", self.before, encoded(id)),
        };
        text.parse().map_err(|error| unusable(format!("{error}")))
    }
}

/// RFC 3986: everything but unreserved characters.
fn encoded(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

impl FromStr for UrlTemplate {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let places = text.matches(ID).count();
        let filled = text.replace(ID, PLACEHOLDER);
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if places > 1 || filled.contains(['{', '}']) || authority.contains('{') {
            return Err(InvalidUrl::Pattern);
        }
        let url = Url::parse(&filled).map_err(|_| InvalidUrl::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        url.as_str().parse::<Uri>().map_err(|_| InvalidUrl::Malformed)?;
        let (before, after) = match url.as_str().split_once(PLACEHOLDER) {
            Some((before, after)) if places == 1 => (before.to_owned(), Some(after.to_owned())),
            _ if places == 1 => return Err(InvalidUrl::Pattern),
            _ => (url.as_str().to_owned(), None),
        };
        Ok(Self { before, after, url })
    }
}

impl fmt::Display for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            None => f.write_str(&self.before),
            Some(after) => write!(f, "{}{ID}{after}", self.before),
        }
    }
}

/// Only what may be shown.
impl fmt::Debug for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlTemplate({})", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> UrlTemplate {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_id_stays_one_segment_whatever_it_holds() {
        let url = url("https://api.example/v1/orders/{id}?expand=1");
        let uri = |id| url.uri(id).map(|uri| uri.to_string());
        assert_eq!(uri("a-1").unwrap(), "https://api.example/v1/orders/a-1?expand=1");
        assert_eq!(
            uri("../x?y#z/ü %").unwrap(),
            "https://api.example/v1/orders/..%2Fx%3Fy%23z%2F%C3%BC%20%25?expand=1"
        );
        assert!(uri(".").is_err() && uri("..").is_err());
    }

    #[test]
    fn what_is_no_url_of_an_endpoint_says_why() {
        let error = |text: &str| text.parse::<UrlTemplate>().expect_err(text);
        assert_eq!(error("api.example/x"), InvalidUrl::Malformed);
        assert_eq!(error("ftp://api.example/x"), InvalidUrl::Scheme);
        assert_eq!(error("https://u:p@api.example/x"), InvalidUrl::Credentials);
        assert_eq!(error("https://api.example/x#y"), InvalidUrl::Fragment);
        for text in [
            "https://{id}.example/",
            "https://a/{id}/{id}",
            "https://a/{name}",
            "https://a/}",
        ] {
            assert_eq!(error(text), InvalidUrl::Pattern, "{text}");
        }
    }

    #[test]
    fn only_the_origin_is_shown() {
        let url = url("https://hooks.example:8443/services/T000/secret");
        assert_eq!(format!("{url:?}"), "UrlTemplate(https://hooks.example:8443)");
    }
}
