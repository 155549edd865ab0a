//! A key in a header.
//!
//! What is kept and compared is the SHA-256 of each key: all have one length, so that neither the time of a comparison
//! nor its result tells anything about a key, not even how long it is.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{Denied, credential};
use crate::secret::Secrets;

const CHALLENGE: &str = "ApiKey";

/// The keys of an endpoint and the header to look for them in.
#[derive(Clone)]
pub struct ApiKey {
    header: HeaderName,
    digests: Vec<[u8; 32]>,
}

impl ApiKey {
    /// The header looked at unless another is configured.
    pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-api-key");

    /// Any of these keys, in [`Self::DEFAULT_HEADER`].
    pub fn new(keys: &Secrets) -> Self {
        Self {
            header: Self::DEFAULT_HEADER,
            digests: keys.iter().map(|key| digest(key.reveal())).collect(),
        }
    }

    /// In another header.
    pub fn with_header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let given = digest(credential(headers, &self.header, CHALLENGE)?.as_bytes());
        // Every key is compared, whether or not one was equal already.
        let equal = self.digests.iter().map(|known| known.ct_eq(&given));
        if equal.fold(Choice::from(0), |any, one| any | one).into() {
            Ok(())
        } else {
            Err(Denied::unknown(
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
