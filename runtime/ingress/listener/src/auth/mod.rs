//! Authentication of senders.
//!
//! API keys and tokens are in the headers, so an unauthenticated caller is refused before the body is read. A signature covers
//! the body as it was sent: its header is checked first (present, well formed, recent), the signature itself when the body
//! is complete.
//!
//! Each scheme accepts two active secrets, so that one can replace the other without downtime. Secrets are compared in
//! constant time.

mod api_key;
mod hmac;
mod jwt;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub use self::{
    api_key::ApiKey,
    hmac::{Claim as SignatureClaim, Hmac},
    jwt::Jwt,
};

/// How an endpoint authenticates its senders.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Anybody may send.
    #[default]
    None,
    /// A key in a header.
    ApiKey(ApiKey),
    /// A signature over the body, in a header.
    Hmac(Hmac),
    /// A bearer token.
    Jwt(Jwt),
}

/// Why authentication cannot be configured like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The secret is short enough to be guessed from a token.
    #[error("an HS256 secret has {bytes} bytes: tokens need one of at least {min} (RFC 7518, section 3.2)", min = crate::limits::TOKEN_SECRET_BYTES_MIN)]
    ShortSecret {
        /// Its length.
        bytes: usize,
    },
    /// The key is not PEM, or not RSA.
    #[error("an RS256 key cannot be read: {0}; give the RSA public key as PEM, `-----BEGIN PUBLIC KEY-----`")]
    PublicKey(String),
    /// There are no keys, or more than rotation needs.
    #[error("{0} RS256 keys are given: give one, or two while one replaces the other")]
    KeyCount(usize),
    /// An issuer or audience that no token can have.
    #[error("`{0}` is empty: leave it out to accept any")]
    Empty(&'static str),
    /// No signature could be recent enough.
    #[error("a tolerance of 0 seconds refuses every signature: give at least 1; 300 is usual")]
    Tolerance,
}

/// A caller whose headers were accepted.
#[derive(Debug)]
pub enum Admission {
    /// It is authenticated.
    Authenticated,
    /// It is authenticated once this signature of the body is verified.
    Signed(SignatureClaim),
}

/// A caller that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Whether it is authenticated but not authorised (403) rather than not authenticated (401).
    pub forbidden: bool,
    /// For `WWW-Authenticate`.
    pub challenge: &'static str,
    /// For the sender. Says what to check, never what the correct credential is.
    pub message: Cow<'static, str>,
}

impl Denied {
    fn unauthenticated(challenge: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            forbidden: false,
            challenge,
            message: message.into(),
        }
    }
}

/// Returns the credential in a header. With two it would be unclear which one other servers check.
fn credential<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    challenge: &'static str,
) -> Result<&'a HeaderValue, Denied> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Denied::unauthenticated(challenge, format!("header {name} is missing"))),
        (Some(_), Some(_)) => Err(Denied::unauthenticated(
            challenge,
            format!("header {name} is there twice"),
        )),
    }
}

impl Auth {
    /// Checks the headers. `now_secs` is seconds since 1970-01-01 UTC.
    pub fn authenticate(&self, method: &Method, headers: &HeaderMap, now_secs: u64) -> Result<Admission, Denied> {
        match self {
            Self::None => Ok(Admission::Authenticated),
            Self::ApiKey(key) => key.authenticate(headers).map(|()| Admission::Authenticated),
            Self::Jwt(jwt) => jwt.authenticate(headers).map(|()| Admission::Authenticated),
            Self::Hmac(hmac) => hmac.authenticate(method, headers, now_secs),
        }
    }

    /// Checks the body, as it was sent.
    pub fn verify(&self, admission: &Admission, body: &[u8]) -> Result<(), Denied> {
        match (self, admission) {
            (Self::Hmac(hmac), Admission::Signed(claim)) => hmac.verify(claim, body),
            _ => Ok(()),
        }
    }

    /// The header that carries the credential; events never contain it.
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::None => None,
            Self::ApiKey(key) => Some(key.header()),
            Self::Hmac(hmac) => Some(hmac.header()),
            Self::Jwt(_) => Some(&http::header::AUTHORIZATION),
        }
    }
}
