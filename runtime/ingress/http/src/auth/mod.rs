//! Who may send to an endpoint.
//!
//! An API key and a token are in the headers, so a stranger is refused before the body is read. A signature covers the
//! body as it was sent: its header is looked at first (there, well formed, recent), its bytes when the body is in.
//!
//! Everywhere two secrets can be active, so that one can replace the other without a gap. Secrets are compared in
//! constant time.

mod api_key;
mod hmac;
mod jwt;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub use self::{api_key::ApiKey, hmac::Hmac, jwt::Jwt};

/// How an endpoint knows its senders.
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

/// Why something cannot be a way to know senders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Too easy to guess from a token.
    #[error("an HS256 secret has {bytes} bytes: tokens need one of at least {min} (RFC 7518, section 3.2)", min = crate::limits::TOKEN_SECRET_BYTES_MIN)]
    ShortSecret {
        /// What it has.
        bytes: usize,
    },
    /// Not PEM, or not RSA.
    #[error("an RS256 key cannot be read: {0}; give the RSA public key as PEM, `-----BEGIN PUBLIC KEY-----`")]
    PublicKey(String),
    /// None, or more than rotation needs.
    #[error("{0} RS256 keys are given: give one, or two while one replaces the other")]
    KeyCount(usize),
    /// An issuer or audience that no token can have.
    #[error("`{0}` is empty: leave it out to accept any")]
    Empty(&'static str),
    /// Nothing could ever be recent enough.
    #[error("a tolerance of 0 seconds refuses every signature: give at least 1; 300 is usual")]
    Tolerance,
}

/// A caller that passed as far as its headers go.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is known.
    Known,
    /// It is known once this signature of the body is found right.
    Signed(hmac::Claim),
}

/// A caller that did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    /// Whether it is known but not welcome (403) rather than not known (401).
    pub(crate) forbidden: bool,
    /// For `WWW-Authenticate`.
    pub(crate) challenge: &'static str,
    /// For the sender. Says what to look at, never what would have been right.
    pub(crate) message: Cow<'static, str>,
}

impl Denied {
    fn unknown(challenge: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            forbidden: false,
            challenge,
            message: message.into(),
        }
    }
}

/// The credential in a header. Two would leave open which one was checked by others.
fn credential<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    challenge: &'static str,
) -> Result<&'a HeaderValue, Denied> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Denied::unknown(challenge, format!("header {name} is missing"))),
        (Some(_), Some(_)) => Err(Denied::unknown(challenge, format!("header {name} is there twice"))),
    }
}

impl Auth {
    /// Looks at the headers. `now_secs` is seconds since 1970-01-01 UTC.
    pub(crate) fn admit(&self, method: &Method, headers: &HeaderMap, now_secs: u64) -> Result<Admission, Denied> {
        match self {
            Self::None => Ok(Admission::Known),
            Self::ApiKey(key) => key.admit(headers).map(|()| Admission::Known),
            Self::Jwt(jwt) => jwt.admit(headers).map(|()| Admission::Known),
            Self::Hmac(hmac) => hmac.admit(method, headers, now_secs),
        }
    }

    /// Looks at the body, as it was sent.
    pub(crate) fn verify(&self, admission: &Admission, body: &[u8]) -> Result<(), Denied> {
        match (self, admission) {
            (Self::Hmac(hmac), Admission::Signed(claim)) => hmac.verify(claim, body),
            _ => Ok(()),
        }
    }

    /// The header that carries the credential, never handed on.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::None => None,
            Self::ApiKey(key) => Some(key.header()),
            Self::Hmac(hmac) => Some(hmac.header()),
            Self::Jwt(_) => Some(&http::header::AUTHORIZATION),
        }
    }
}
