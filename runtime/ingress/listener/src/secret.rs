//! Secrets: compared, never shown.

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::limits::SECRETS_MAX;

/// A shared secret. Its `Debug` output hides it.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

/// The active secrets, any of which is accepted: a new one beside the one that it replaces.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<Secret>);

/// Why secrets are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The secret is empty.
    #[error("the secret is empty: check that its variable or file is set")]
    Empty,
    /// The secret ends with a line break: editors add one, senders do not sign with it.
    #[error("the secret ends with a line break, which its sender does not have: remove it from the file")]
    LineBreak,
    /// There is no secret.
    #[error("no secret is given: give at least one")]
    None,
    /// There are more secrets than rotation needs.
    #[error("{0} secrets are given: at most {SECRETS_MAX} can be active at once")]
    TooMany(usize),
}

impl Secret {
    /// Creates a secret from its bytes.
    pub fn try_new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let bytes = bytes.into();
        match bytes.last() {
            None => Err(SecretError::Empty),
            Some(b'\n' | b'\r') => Err(SecretError::LineBreak),
            Some(_) => Ok(Self(bytes.into())),
        }
    }

    /// Returns its bytes, for the schemes in [`crate::auth`] only.
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl Secrets {
    /// Takes one secret, or several: during rotation, or of several senders.
    pub fn try_new(secrets: Vec<Secret>) -> Result<Self, SecretError> {
        match secrets.len() {
            0 => Err(SecretError::None),
            1..=SECRETS_MAX => Ok(Self(secrets)),
            n => Err(SecretError::TooMany(n)),
        }
    }

    /// Whether this is one of them. Takes the same time whichever it is.
    pub fn have(&self, given: &[u8]) -> bool {
        let digest = |bytes: &[u8]| Sha256::digest(bytes);
        let given = digest(given);
        let equal = self.0.iter().map(|secret| digest(secret.reveal()).ct_eq(&given));
        equal.fold(Choice::from(0), |any, one| any | one).into()
    }

    /// Iterates over them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secrets = Secrets::try_new(vec![Secret::try_new("hunter2").unwrap()]).unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets([Secret(hidden)])");
    }

    #[test]
    fn one_to_eight_secrets_are_valid() {
        let secret = Secret::try_new("a").unwrap();
        assert_eq!(Secrets::try_new(vec![]).unwrap_err(), SecretError::None);
        Secrets::try_new(vec![secret.clone(); SECRETS_MAX]).unwrap();
        let more = SECRETS_MAX + 1;
        let refused = Secrets::try_new(vec![secret; more]).unwrap_err();
        assert_eq!(refused, SecretError::TooMany(more));
    }

    #[test]
    fn empty_secrets_and_line_breaks_are_refused() {
        assert_eq!(Secret::try_new("").unwrap_err(), SecretError::Empty);
        assert_eq!(Secret::try_new("key\n").unwrap_err(), SecretError::LineBreak);
    }
}
