//! JSON Web Tokens in `authorization: Bearer`.
//!
//! The endpoint chooses the algorithm, never the token: a token that names another one is refused before its signature is
//! checked. `exp` is required and `nbf` is respected; `iss` and `aud` are required and compared where configured, and
//! ignored otherwise. Tokens with critical extensions are refused, as RFC 7515 demands of verifiers that support none.

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde::de::IgnoredAny;

use super::{AuthError, Denied, credential};
use crate::{
    limits::{SECRETS_MAX, TOKEN_LEEWAY_SECS, TOKEN_SECRET_BYTES_MIN},
    secret::Secrets,
};

const CHALLENGE: &str = "Bearer";

/// The keys of an endpoint and the claims that its tokens must have.
#[derive(Clone)]
pub struct Jwt {
    keys: Vec<DecodingKey>,
    validation: Validation,
}

impl Jwt {
    /// Accepts tokens signed with one of these shared secrets, each of at least 32 bytes.
    pub fn try_hs256(secrets: &Secrets) -> Result<Self, AuthError> {
        let short = secrets
            .iter()
            .map(|secret| secret.reveal().len())
            .find(|n| *n < TOKEN_SECRET_BYTES_MIN);
        if let Some(bytes) = short {
            return Err(AuthError::ShortSecret { bytes });
        }
        let keys = secrets.iter().map(|secret| DecodingKey::from_secret(secret.reveal()));
        Ok(Self::new(keys.collect(), Algorithm::HS256))
    }

    /// Accepts tokens that one of these RSA public keys verifies; one or two keys, each in PEM.
    pub fn try_rs256<'a>(public_keys_pem: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, AuthError> {
        let keys = public_keys_pem
            .into_iter()
            .map(|pem| DecodingKey::from_rsa_pem(pem).map_err(|error| AuthError::PublicKey(error.to_string())))
            .collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            1..=SECRETS_MAX => Ok(Self::new(keys, Algorithm::RS256)),
            n => Err(AuthError::KeyCount(n)),
        }
    }

    fn new(keys: Vec<DecodingKey>, algorithm: Algorithm) -> Self {
        // Selects the library's cryptography provider, which otherwise depends on the features of the whole program. An error
        // means that one is selected already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(algorithm);
        validation.leeway = TOKEN_LEEWAY_SECS;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        Self { keys, validation }
    }

    /// Accepts only tokens of this issuer.
    pub fn try_with_issuer(mut self, issuer: &str) -> Result<Self, AuthError> {
        if issuer.is_empty() {
            return Err(AuthError::Empty("issuer"));
        }
        self.validation.set_issuer(&[issuer]);
        self.validation.required_spec_claims.insert("iss".to_owned());
        Ok(self)
    }

    /// Accepts only tokens for this audience.
    pub fn try_with_audience(mut self, audience: &str) -> Result<Self, AuthError> {
        if audience.is_empty() {
            return Err(AuthError::Empty("audience"));
        }
        self.validation.set_audience(&[audience]);
        self.validation.validate_aud = true;
        self.validation.required_spec_claims.insert("aud".to_owned());
        Ok(self)
    }

    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let value = credential(headers, &AUTHORIZATION, CHALLENGE)?;
        let token = value.to_str().ok().and_then(bearer);
        let Some(token) = token else {
            return Err(Denied::unauthenticated(
                CHALLENGE,
                "header authorization is not `Bearer <token>`",
            ));
        };
        let mut refusal = ErrorKind::InvalidToken;
        for key in &self.keys {
            match jsonwebtoken::decode::<IgnoredAny>(token, key, &self.validation) {
                Ok(token) if token.header.crit.is_none() => return Ok(()),
                Ok(_) => refusal = ErrorKind::InvalidToken,
                Err(error) => match error.into_kind() {
                    // Another key may verify it.
                    ErrorKind::InvalidSignature => refusal = ErrorKind::InvalidSignature,
                    kind => {
                        refusal = kind;
                        break;
                    }
                },
            }
        }
        Err(deny(&refusal))
    }
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (keys, v) = (self.keys.len(), &self.validation);
        write!(
            f,
            "Jwt({:?}, {keys} keys hidden, iss {:?}, aud {:?})",
            v.algorithms, v.iss, v.aud
        )
    }
}

/// Returns the token of `Bearer <token>`; the scheme is case-insensitive.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Maps to a closed set of messages: the library's own may quote the token.
fn deny(kind: &ErrorKind) -> Denied {
    let forbidden = match kind {
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => true,
        ErrorKind::MissingRequiredClaim(claim) => matches!(claim.as_str(), "iss" | "aud"),
        _ => false,
    };
    let message = match kind {
        ErrorKind::InvalidSignature => "the token is not signed with a key that is valid here",
        ErrorKind::InvalidAlgorithm => "the token is not signed with the algorithm that is valid here",
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::MissingRequiredClaim(claim) if claim == "exp" => "the token never expires; it needs `exp`",
        _ if forbidden => "the token is valid, but not for this endpoint",
        _ => "the token is not valid",
    };
    Denied {
        forbidden,
        ..Denied::unauthenticated(CHALLENGE, message)
    }
}
