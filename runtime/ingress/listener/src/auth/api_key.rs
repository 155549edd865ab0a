//! API keys in a header.
//!
//! Keys are kept and compared as SHA-256 digests: all have the same length, so neither the time of a comparison nor its
//! result reveals anything about a key, not even its length.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{Denied, credential};
use crate::secret::Secrets;

const CHALLENGE: &str = "ApiKey";

/// The keys of an endpoint and the header that carries them.
#[derive(Clone)]
pub struct ApiKey {
    header: HeaderName,
    digests: Vec<[u8; 32]>,
}

impl ApiKey {
    /// The header that carries the key unless another is configured.
    pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-api-key");

    /// Accepts any of these keys, in [`Self::DEFAULT_HEADER`].
    pub fn new(keys: &Secrets) -> Self {
        Self {
            header: Self::DEFAULT_HEADER,
            digests: keys.iter().map(|key| digest(key.reveal())).collect(),
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
        let given = digest(credential(headers, &self.header, CHALLENGE)?.as_bytes());
        // Compares every key even after a match, so that the time does not depend on which one matched.
        let equal = self.digests.iter().map(|known| known.ct_eq(&given));
        if equal.fold(Choice::from(0), |any, one| any | one).into() {
            Ok(())
        } else {
            Err(Denied::unauthenticated(
                CHALLENGE,
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

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}
