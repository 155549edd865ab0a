//! Authentication of senders.
//!
//! Keys and tokens are in the head of a request, so an unauthenticated caller is refused before the body is read. A signature
//! covers the body as it was sent: its header is checked first (present, well formed, recent), the signature itself when the body
//! is complete.
//!
//! Each scheme accepts several active secrets, so that one can replace the other without downtime. Secrets are compared in
//! constant time.

mod adyen;
mod api_key;
mod certificate;
mod jwt;
pub mod signature;
mod sns;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use rustls_pki_types::CertificateDer;

pub use self::{
    adyen::Adyen,
    api_key::ApiKey,
    certificate::ClientCertificate,
    jwt::{Algorithm as TokenAlgorithm, Jwks, JwksTimes, Jwt},
    signature::{Claim as SignatureClaim, Signature},
    sns::{Sns, SnsOptions},
};
use crate::refusal::Refusal;

/// How an endpoint authenticates its senders.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Anybody may send.
    #[default]
    None,
    /// A secret in a header or in the query.
    ApiKey(ApiKey),
    /// A signature over the request, in a header.
    Signature(Box<Signature>),
    /// Signatures in the body, as Adyen does.
    Adyen(Adyen),
    /// A signature in the body, as Amazon SNS does.
    Sns(Box<Sns>),
    /// A bearer token.
    Jwt(Jwt),
    /// A client's certificate.
    Certificate(ClientCertificate),
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
    /// The key is not PEM, or not of the algorithm.
    #[error(
        "a public key cannot be read: {0}; give the issuer's key of this algorithm as PEM, `-----BEGIN PUBLIC KEY-----`"
    )]
    PublicKey(String),
    /// There are no keys, or more than rotation needs.
    #[error("{0} public keys are given: give at least one, and at most {max}", max = crate::limits::SECRETS_MAX)]
    KeyCount(usize),
    /// An issuer or audience that no token can have.
    #[error("`{0}` is empty: leave it out to accept any")]
    Empty(&'static str),
    /// No signature could be recent enough.
    #[error("a tolerance of 0 seconds refuses every signature: give at least 1; 300 is usual")]
    Tolerance,
    /// The secret cannot be one of this sender.
    #[error("a secret has another shape than this sender's: {0}")]
    Secret(String),
    /// The time is signed and not sent, or sent and not signed.
    #[error("what is signed has `{{timestamp}}` exactly if the time has a place: name its header, or sign it")]
    Time,
    /// The id is signed and not sent, or sent and not signed.
    #[error("what is signed has `{{id}}` exactly if the id has a header: name its header, or sign it")]
    Id,
    /// There is no sender of this name.
    #[error("no sender `{0}` is known: give the scheme itself")]
    Preset(String),
    /// No certificate can be made for it.
    #[error("`{0}` is no name that a certificate can be made for: give a DNS name or an address")]
    Name(String),
    /// It is no SHA-256.
    #[error("`{0}` is no fingerprint: give the 64 hexadecimal digits of the certificate's SHA-256")]
    Fingerprint(String),
    /// The endpoint cannot ask others for their keys.
    #[error("keys cannot be fetched: {0}")]
    Fetch(String),
}

/// A request as far as authentication sees it.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Method, target and headers.
    pub head: &'a Parts,
    /// The certificate that the client showed when TLS began, checked by the listener.
    pub certificate: Option<&'a CertificateDer<'static>>,
    /// Seconds since 1970-01-01 UTC.
    pub now_secs: u64,
}

/// A caller whose head was accepted.
#[derive(Debug)]
pub enum Admission {
    /// It is authenticated.
    Authenticated,
    /// It is authenticated once this signature of the body is verified.
    Signed(SignatureClaim),
    /// It is authenticated once the signature in the body is verified.
    SignedInBody,
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

    /// A caller at an address that may not send.
    pub fn network() -> Self {
        Self::forbidden("this endpoint takes requests of other networks only")
    }

    /// A subscription whose token is not the agreed one.
    pub fn verify_token() -> Self {
        Self::forbidden("parameter hub.verify_token of the query is not the one that was agreed on")
    }

    /// A sender of CloudEvents with another name.
    pub fn origin() -> Self {
        Self::forbidden("header webhook-request-origin is not one that may send here")
    }

    fn forbidden(message: &'static str) -> Self {
        Self {
            forbidden: true,
            ..Self::unauthenticated("", message)
        }
    }
}

impl<'a> Caller<'a> {
    /// Without a certificate.
    pub fn new(head: &'a Parts, now_secs: u64) -> Self {
        Self {
            head,
            certificate: None,
            now_secs,
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

/// Returns what follows this scheme in `authorization`; schemes are case-insensitive.
fn scheme_of<'a>(value: &'a HeaderValue, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then_some(rest.trim())
}

impl Auth {
    /// Checks the head. Only a token whose issuer's keys are not known yet waits for them.
    pub async fn authenticate(&self, caller: &Caller<'_>) -> Result<Admission, Refusal> {
        let authenticated = |()| Admission::Authenticated;
        match self {
            Self::None => Ok(Admission::Authenticated),
            Self::ApiKey(key) => Ok(key.authenticate(caller).map(authenticated)?),
            Self::Certificate(of) => Ok(of.authenticate(caller.certificate).map(authenticated)?),
            Self::Jwt(jwt) => jwt.authenticate(caller).await.map(authenticated),
            Self::Signature(signature) => Ok(signature.authenticate(caller)?),
            Self::Adyen(_) | Self::Sns(_) => Ok(Admission::SignedInBody),
        }
    }

    /// Checks the body, as it was sent.
    pub async fn verify(&self, admission: &Admission, caller: &Caller<'_>, body: &[u8]) -> Result<(), Refusal> {
        match (self, admission) {
            (Self::Signature(signature), Admission::Signed(claim)) => Ok(signature.verify(claim, caller, body)?),
            (Self::Adyen(adyen), Admission::SignedInBody) => Ok(adyen.verify(body)?),
            (Self::Sns(sns), Admission::SignedInBody) => sns.verify(body).await,
            _ => Ok(()),
        }
    }

    /// The header that carries the credential; events never contain it.
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::None | Self::Adyen(_) | Self::Sns(_) | Self::Certificate(_) => None,
            Self::ApiKey(key) => key.header(),
            Self::Signature(signature) => Some(signature.header()),
            Self::Jwt(_) => Some(&http::header::AUTHORIZATION),
        }
    }

    /// The query of a request as its event may have it: without the parameter that carries the credential.
    pub fn query_without_credential(&self, query: &str) -> String {
        let Self::ApiKey(key) = self else {
            return query.to_owned();
        };
        let Some(secret) = key.query_parameter() else {
            return query.to_owned();
        };
        let is_other = |pair: &&str| url::form_urlencoded::parse(pair.as_bytes()).all(|(name, _)| name != secret);
        query.split('&').filter(is_other).collect::<Vec<_>>().join("&")
    }
}

impl From<Signature> for Auth {
    fn from(signature: Signature) -> Self {
        Self::Signature(Box::new(signature))
    }
}

impl Admission {
    /// Whether the body must be verified yet.
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Authenticated)
    }
}
