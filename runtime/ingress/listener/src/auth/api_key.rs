//! Secrets that a request carries: in a header, as a bearer token, as a password, or in the query.
//!
//! They are kept and compared as SHA-256 digests: all have the same length, so neither the time of a comparison nor its
//! result reveals anything about one, not even its length.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderName, header::AUTHORIZATION};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use url::form_urlencoded;

use super::{Caller, Denied, credential, scheme_of};
use crate::secret::Secrets;

/// The secrets of an endpoint and where a request carries one.
#[derive(Clone)]
pub struct ApiKey {
    place: Place,
    digests: Vec<[u8; 32]>,
}

/// Where a request carries its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Header(HeaderName),
    /// `authorization: Bearer …`.
    Bearer,
    /// The password of `authorization: Basic …`.
    Basic,
    /// A parameter of the query.
    Query(String),
}

impl ApiKey {
    /// The header that carries the key unless another is configured.
    pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-api-key");

    /// Accepts any of these keys, in [`Self::DEFAULT_HEADER`].
    pub fn new(keys: &Secrets) -> Self {
        Self::at(Place::Header(Self::DEFAULT_HEADER), keys, "")
    }

    /// Accepts any of these as a bearer token (RFC 6750).
    pub fn bearer(tokens: &Secrets) -> Self {
        Self::at(Place::Bearer, tokens, "")
    }

    /// Accepts any of these as the password of a user (RFC 7617).
    pub fn basic(user: &str, passwords: &Secrets) -> Self {
        Self::at(Place::Basic, passwords, &format!("{user}:"))
    }

    /// Accepts any of these in a parameter of the query.
    pub fn query(parameter: &str, tokens: &Secrets) -> Self {
        Self::at(Place::Query(parameter.to_owned()), tokens, "")
    }

    fn at(place: Place, secrets: &Secrets, before: &str) -> Self {
        let whole = |secret: &crate::Secret| digest(&[before.as_bytes(), secret.reveal()].concat());
        Self {
            place,
            digests: secrets.iter().map(whole).collect(),
        }
    }

    /// Reads the key from another header.
    pub fn with_header(mut self, header: HeaderName) -> Self {
        self.place = Place::Header(header);
        self
    }

    pub(super) fn header(&self) -> Option<&HeaderName> {
        match &self.place {
            Place::Header(header) => Some(header),
            Place::Bearer | Place::Basic => Some(&AUTHORIZATION),
            Place::Query(_) => None,
        }
    }

    pub(super) fn query_parameter(&self) -> Option<&str> {
        match &self.place {
            Place::Query(parameter) => Some(parameter),
            _ => None,
        }
    }

    pub(super) fn authenticate(&self, caller: &Caller<'_>) -> Result<(), Denied> {
        let given = digest(&self.given(caller)?);
        // Compares every key even after a match, so that the time does not depend on which one matched.
        let equal = self.digests.iter().map(|known| known.ct_eq(&given));
        if equal.fold(Choice::from(0), |any, one| any | one).into() {
            return Ok(());
        }
        Err(self.deny(match &self.place {
            Place::Header(header) => format!("the key in header {header} is not valid here"),
            Place::Bearer => "the bearer token is not valid here".to_owned(),
            Place::Basic => "the user or the password is not valid here".to_owned(),
            Place::Query(parameter) => format!("parameter {parameter} of the query is not valid here"),
        }))
    }

    fn given<'a>(&self, caller: &Caller<'a>) -> Result<Cow<'a, [u8]>, Denied> {
        let headers = &caller.head.headers;
        let in_header = |name| credential(headers, name, self.challenge());
        match &self.place {
            Place::Header(header) => in_header(header).map(|value| value.as_bytes().into()),
            Place::Bearer => {
                let token = scheme_of(in_header(&AUTHORIZATION)?, "bearer");
                let token = token.map(|token| token.as_bytes().into());
                token.ok_or_else(|| self.deny("header authorization is not `Bearer <token>`"))
            }
            Place::Basic => {
                let pair = scheme_of(in_header(&AUTHORIZATION)?, "basic");
                let pair = pair.and_then(|pair| BASE64_STANDARD.decode(pair).ok());
                let pair = pair.map(Cow::Owned);
                pair.ok_or_else(|| self.deny("header authorization is not `Basic <base64 of user:password>`"))
            }
            Place::Query(parameter) => {
                let query = caller.head.uri.query().unwrap_or_default();
                let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == parameter);
                match (values.next(), values.next()) {
                    (Some((_, value)), None) => Ok(value.into_owned().into_bytes().into()),
                    (None, _) => Err(self.deny(format!("parameter {parameter} of the query is missing"))),
                    (Some(_), Some(_)) => Err(self.deny(format!("parameter {parameter} of the query is there twice"))),
                }
            }
        }
    }

    fn challenge(&self) -> &'static str {
        match self.place {
            Place::Header(_) => "ApiKey",
            Place::Bearer => "Bearer",
            Place::Basic => "Basic realm=\"webhooks\", charset=\"UTF-8\"",
            Place::Query(_) => "QueryToken",
        }
    }

    fn deny(&self, message: impl Into<Cow<'static, str>>) -> Denied {
        Denied::unauthenticated(self.challenge(), message)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.digests.len();
        write!(f, "ApiKey({keys} hidden, in {:?})", self.place)
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}
