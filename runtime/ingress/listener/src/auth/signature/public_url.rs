//! The URL of an endpoint as its sender knows it, for senders that sign it.

use std::{borrow::Cow, fmt, str::FromStr};

use http::Uri;

use super::scheme::UrlForm;

/// Where senders reach this host: `https://hooks.example`, or with the path if something in between changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    /// Instead of the path of the request.
    path: Option<String>,
}

/// The text is no URL that senders could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is written as the sender has it, without its query, as in `https://hooks.example` or `https://hooks.example/a/path`"
)]
pub struct PublicUrlError;

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let uri: Uri = text.parse().map_err(|_| PublicUrlError)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let (true, Some(authority), None) = (is_web, authority, uri.query()) else {
            return Err(PublicUrlError);
        };
        Ok(Self {
            origin: format!("{}://{authority}", uri.scheme_str().unwrap_or_default()),
            path: Some(uri.path().to_owned()).filter(|path| path != "/"),
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path.as_deref().unwrap_or_default())
    }
}

/// The delimiters that HubSpot unescapes. Source: HubSpot's documentation, "Validate the v3 request signature".
const UNESCAPED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

impl PublicUrl {
    /// The URL of a request.
    pub(super) fn of(&self, uri: &Uri, form: UrlForm) -> String {
        let path = self.path.as_deref().unwrap_or(uri.path());
        let query = uri
            .query()
            .map_or(Cow::Borrowed(""), |query| Cow::Owned(format!("?{query}")));
        let url = format!("{}{path}{query}", self.origin);
        match form {
            UrlForm::AsSent => url,
            UrlForm::Unescaped => UNESCAPED.iter().fold(url, |url, (escaped, plain)| {
                url.replace(escaped, plain).replace(&escaped.to_lowercase(), plain)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_query_of_the_request() {
        let of = |public: &str, uri: &str, form| {
            public
                .parse::<PublicUrl>()
                .expect(public)
                .of(&uri.parse().expect(uri), form)
        };
        assert_eq!(
            of("https://a.example", "/x?y=%3A", UrlForm::AsSent),
            "https://a.example/x?y=%3A"
        );
        assert_eq!(
            of("https://a.example/", "/x?y=%3a", UrlForm::Unescaped),
            "https://a.example/x?y=:"
        );
        assert_eq!(
            of("https://a.example:8443/b/c", "/x", UrlForm::AsSent),
            "https://a.example:8443/b/c"
        );
        for wrong in ["", "a.example", "/x", "ftp://a", "https://u:p@a", "https://a/?b"] {
            assert_eq!(wrong.parse::<PublicUrl>(), Err(PublicUrlError), "{wrong}");
        }
    }
}
