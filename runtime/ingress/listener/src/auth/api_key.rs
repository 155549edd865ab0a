//! API keys in a header, and bearer tokens that are the same for all requests.
//!
//! Keys are kept and compared as SHA-256 digests: all have the same length, so neither the time of a comparison nor its
//! result reveals anything about a key, not even its length.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{Denied, credential};
use crate::secret::Secrets;

const CHALLENGE: &str = "ApiKey";
const BEARER: &str = "Bearer";

/// The keys of an endpoint and the header that carries them.
#[derive(Clone)]
pub struct ApiKey {
    header: HeaderName,
    /// Whether the scheme `Bearer` is before the key.
    is_bearer: bool,
    digests: Vec<[u8; 32]>,
}

impl ApiKey {
    /// The header that carries the key unless another is configured.
    pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-api-key");

    /// Accepts any of these keys, in [`Self::DEFAULT_HEADER`].
    pub fn new(keys: &Secrets) -> Self {
        Self {
            header: Self::DEFAULT_HEADER,
            is_bearer: false,
            digests: keys.iter().map(|key| digest(key.reveal())).collect(),
        }
    }

    /// Accepts any of these tokens: `Authorization: Bearer TOKEN`.
    pub fn bearer(tokens: &Secrets) -> Self {
        Self {
            header: AUTHORIZATION,
            is_bearer: true,
            ..Self::new(tokens)
        }
    }

    /// Reads the key from another header.
    pub fn with_header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let challenge = if self.is_bearer { BEARER } else { CHALLENGE };
        let given = credential(headers, &self.header, challenge)?.as_bytes();
        let given = digest(if self.is_bearer { bearer(given)? } else { given });
        // Compares every key even after a match, so that the time does not depend on which one matched.
        let equal = self.digests.iter().map(|known| known.ct_eq(&given));
        if equal.fold(Choice::from(0), |any, one| any | one).into() {
            Ok(())
        } else {
            Err(Denied::unauthenticated(
                challenge,
                format!("the key in header {} is not valid here", self.header),
            ))
        }
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.digests.len();
        write!(f, "ApiKey({keys} hidden, in header {})", self.header)
    }
}

/// The token behind the scheme.
fn bearer(value: &[u8]) -> Result<&[u8], Denied> {
    let (scheme, token) = value.split_at(value.len().min(BEARER.len()));
    match token.strip_prefix(b" ") {
        Some(token) if scheme.eq_ignore_ascii_case(BEARER.as_bytes()) => Ok(token.trim_ascii()),
        _ => Err(Denied::unauthenticated(
            BEARER,
            "header authorization must be `Bearer` and a token",
        )),
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_bearer_token_is_behind_its_scheme() {
        let tokens = Secrets::try_new(vec![Secret::try_new("t0ken").unwrap()]).unwrap();
        let auth = ApiKey::bearer(&tokens);
        let given = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
            auth.authenticate(&headers).map_err(|denied| denied.challenge)
        };
        assert_eq!((given("Bearer t0ken"), given("bearer t0ken")), (Ok(()), Ok(())));
        for wrong in ["", "t0ken", "Bearer", "Bearer t0ke", "Basic t0ken", "Bearert0ken"] {
            assert_eq!(given(wrong), Err("Bearer"), "{wrong}");
        }
        assert_eq!(auth.authenticate(&HeaderMap::new()).unwrap_err().challenge, "Bearer");
    }
}
