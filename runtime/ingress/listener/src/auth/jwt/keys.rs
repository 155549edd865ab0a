//! The keys that verify an issuer's tokens.

use std::{borrow::Cow, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    errors::{ErrorKind, Result},
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};

use super::jwks::Jwks;
use crate::refusal::Refusal;

/// Where keys are.
#[derive(Clone)]
pub(super) enum Keys {
    /// In the file.
    Fixed(Vec<DecodingKey>),
    /// At a URL.
    Fetched(Jwks),
}

/// Keys of one issuer, each with its id.
#[derive(Clone, Default)]
pub(super) struct KeySet(pub(super) Vec<PublishedKey>);

#[derive(Clone)]
pub(super) struct PublishedKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: Arc<DecodingKey>,
}

impl Keys {
    /// Those that may have signed a token of this algorithm that names this key.
    pub(super) async fn of(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> std::result::Result<Cow<'_, [DecodingKey]>, Refusal> {
        match self {
            Self::Fixed(keys) => Ok(Cow::Borrowed(keys)),
            Self::Fetched(jwks) => jwks.keys(algorithm, id).await.map(Cow::Owned),
        }
    }
}

impl KeySet {
    /// Those for this algorithm: the named one, or all for a token that names none.
    pub(super) fn of(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<DecodingKey> {
        let fits = |key: &&PublishedKey| {
            key.algorithms.contains(&algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        self.0.iter().filter(fits).map(|found| (*found.key).clone()).collect()
    }
}

impl PublishedKey {
    /// `None` for keys that verify no token here: shared secrets (a URL cannot keep them), and those to encrypt with.
    pub(super) fn of(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let algorithms = algorithms(&jwk.algorithm);
        let only = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
        let algorithms: Vec<_> = algorithms
            .iter()
            .copied()
            .filter(|algorithm| only.as_ref().is_none_or(|only| *only == format!("{algorithm:?}")))
            .collect();
        if algorithms.is_empty() || !is_for_signatures {
            return None;
        }
        Some(Self {
            id: jwk.common.key_id.clone(),
            algorithms,
            key: Arc::new(DecodingKey::from_jwk(jwk).ok()?),
        })
    }
}

/// What a key of this kind can verify.
fn algorithms(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    match parameters {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
        _ => &[],
    }
}

/// Whether keys of this algorithm are public.
pub(super) fn is_public(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

/// A public key of this algorithm.
pub(super) fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey> {
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => DecodingKey::from_rsa_pem(pem),
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(keys) => write!(f, "{} keys hidden", keys.len()),
            Self::Fetched(jwks) => write!(f, "keys of {jwks:?}"),
        }
    }
}
