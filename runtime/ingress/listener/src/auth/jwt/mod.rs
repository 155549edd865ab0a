//! JSON Web Tokens in `authorization: Bearer`.
//!
//! The endpoint chooses the algorithm, never the token: a token that names another one is refused before its signature is
//! checked. `exp` is required and `nbf` is respected; `iss` and `aud` are required and compared where configured, and
//! ignored otherwise. Tokens with critical extensions are refused, as RFC 7515 demands of verifiers that support none.
//!
//! Where several issuers are known, the token's `iss` chooses one of them, before its signature is checked; then the token is
//! checked with that issuer's keys, which are those of the file or of a URL in it. A URL in a token is never asked.

mod jwks;
mod keys;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
pub use jsonwebtoken::Algorithm;
use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use serde::{Deserialize, de::IgnoredAny};

pub use self::jwks::{Jwks, JwksTimes};
use self::keys::Keys;
use super::{AuthError, Caller, Denied, credential, scheme_of};
use crate::{
    limits::{SECRETS_MAX, TOKEN_LEEWAY_SECS, TOKEN_SECRET_BYTES_MIN},
    refusal::Refusal,
    secret::Secrets,
};

const CHALLENGE: &str = "Bearer";

/// The issuers of an endpoint's tokens.
#[derive(Debug, Clone)]
pub struct Jwt(Vec<Issuer>);

/// The keys of an issuer and the claims that its tokens must have.
#[derive(Clone)]
struct Issuer {
    name: Option<String>,
    keys: Keys,
    validation: Validation,
}

/// Of a token whose signature was not checked, what chooses the issuer.
#[derive(Deserialize)]
struct Unverified {
    #[serde(default)]
    iss: Option<String>,
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
        Ok(Self::new(Keys::Fixed(keys.collect()), Algorithm::HS256))
    }

    /// Accepts tokens that one of these RSA public keys verifies, each in PEM.
    pub fn try_rs256<'a>(public_keys_pem: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, AuthError> {
        Self::try_public(Algorithm::RS256, public_keys_pem)
    }

    /// Accepts tokens that one of these public keys verifies with this algorithm, each in PEM.
    pub fn try_public<'a>(
        algorithm: Algorithm,
        public_keys_pem: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, AuthError> {
        let keys = public_keys_pem
            .into_iter()
            .map(|pem| keys::from_pem(algorithm, pem).map_err(|error| AuthError::PublicKey(error.to_string())))
            .collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            1..=SECRETS_MAX => Ok(Self::new(Keys::Fixed(keys), algorithm)),
            n => Err(AuthError::KeyCount(n)),
        }
    }

    /// Accepts tokens that one of the keys at a URL verifies with this algorithm, which is not that of a shared secret.
    pub fn try_jwks(algorithm: Algorithm, jwks: Jwks) -> Result<Self, AuthError> {
        match keys::is_public(algorithm) {
            true => Ok(Self::new(Keys::Fetched(jwks), algorithm)),
            false => Err(AuthError::PublicKey("a URL has no shared secrets".to_owned())),
        }
    }

    fn new(keys: Keys, algorithm: Algorithm) -> Self {
        // Selects the library's cryptography provider, which otherwise depends on the features of the whole program. An error
        // means that one is selected already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(algorithm);
        validation.leeway = TOKEN_LEEWAY_SECS;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        Self(vec![Issuer {
            name: None,
            keys,
            validation,
        }])
    }

    /// Accepts only tokens of this issuer.
    pub fn try_with_issuer(mut self, issuer: &str) -> Result<Self, AuthError> {
        if issuer.is_empty() {
            return Err(AuthError::Empty("issuer"));
        }
        for of in &mut self.0 {
            of.name = Some(issuer.to_owned());
            of.validation.set_issuer(&[issuer]);
            of.validation.required_spec_claims.insert("iss".to_owned());
        }
        Ok(self)
    }

    /// Accepts only tokens for this audience.
    pub fn try_with_audience(mut self, audience: &str) -> Result<Self, AuthError> {
        if audience.is_empty() {
            return Err(AuthError::Empty("audience"));
        }
        for of in &mut self.0 {
            of.validation.set_audience(&[audience]);
            of.validation.validate_aud = true;
            of.validation.required_spec_claims.insert("aud".to_owned());
        }
        Ok(self)
    }

    /// Accepts the tokens of either. Each has an issuer by then: without one, a token could choose the other's keys.
    pub fn try_or(mut self, other: Self) -> Result<Self, AuthError> {
        self.0.extend(other.0);
        match self.0.iter().all(|issuer| issuer.name.is_some()) {
            true => Ok(self),
            false => Err(AuthError::Empty("issuer")),
        }
    }

    pub(super) async fn authenticate(&self, caller: &Caller<'_>) -> Result<(), Refusal> {
        let value = credential(&caller.head.headers, &AUTHORIZATION, CHALLENGE)?;
        let token = scheme_of(value, "bearer")
            .ok_or_else(|| Denied::unauthenticated(CHALLENGE, "header authorization is not `Bearer <token>`"))?;
        match &self.0[..] {
            [only] => only.check(token).await,
            several => {
                let iss = claimed_issuer(token);
                let found = several.iter().find(|issuer| iss.is_some() && issuer.name == iss);
                let unknown = || Denied::unauthenticated(CHALLENGE, "the token is not of an issuer that is known here");
                found.ok_or_else(unknown)?.check(token).await
            }
        }
    }
}

impl Issuer {
    async fn check(&self, token: &str) -> Result<(), Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| deny(error.kind()))?;
        if !self.validation.algorithms.contains(&header.alg) {
            return Err(deny(&ErrorKind::InvalidAlgorithm).into());
        }
        // A key of the issuer that nobody has is no key of a token that is signed.
        let mut refusal = ErrorKind::InvalidSignature;
        for key in self.keys.of(header.alg, header.kid.as_deref()).await?.iter() {
            match jsonwebtoken::decode::<IgnoredAny>(token, key, &self.validation) {
                Ok(token) if token.header.crit.is_none() => return Ok(()),
                Ok(_) => refusal = ErrorKind::InvalidToken,
                Err(error) => match error.into_kind() {
                    // Another key may verify it.
                    ErrorKind::InvalidSignature => refusal = ErrorKind::InvalidSignature,
                    kind => return Err(deny(&kind).into()),
                },
            }
        }
        Err(deny(&refusal).into())
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (keys, v) = (&self.keys, &self.validation);
        write!(
            f,
            "Issuer({:?}, {keys:?}, iss {:?}, aud {:?})",
            v.algorithms, v.iss, v.aud
        )
    }
}

/// The `iss` of a token that nobody has checked.
fn claimed_issuer(token: &str) -> Option<String> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Unverified>(&claims).ok()?.iss
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
