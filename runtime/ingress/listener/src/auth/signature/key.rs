//! Keys of signatures, from secrets as senders show them.

use aws_lc_rs::{
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512},
    signature::{ED25519, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use subtle::{Choice, ConstantTimeEq};

use super::scheme::{Algorithm, SecretEncoding};

/// A key that checks signatures.
#[derive(Clone)]
pub(super) enum Key {
    /// Keyed once; a request copies the state instead of deriving it again.
    Mac(Box<hmac::Key>),
    /// A public key.
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

/// Length of a public key of Ed25519, in bytes.
const ED25519_BYTES: usize = 32;

/// Base64 with or without padding: senders' pages cut it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

impl Key {
    /// Reads a secret. The error says what it must look like, and never repeats it.
    pub(super) fn try_new(algorithm: Algorithm, encoding: SecretEncoding, secret: &[u8]) -> Result<Self, String> {
        if encoding == SecretEncoding::StandardWebhooks {
            return standard_webhooks(secret);
        }
        let bytes = match encoding {
            SecretEncoding::Text | SecretEncoding::StandardWebhooks => secret.to_vec(),
            SecretEncoding::Hex => hex::decode(secret).map_err(|_| "it is written in hexadecimal digits".to_owned())?,
            SecretEncoding::Base64 => BASE64
                .decode(secret)
                .map_err(|_| "it is written in base64".to_owned())?,
        };
        let algorithm = match algorithm {
            Algorithm::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => HMAC_SHA256,
            Algorithm::Sha512 => HMAC_SHA512,
            Algorithm::Ed25519 => return public(bytes),
        };
        Ok(Self::Mac(Box::new(hmac::Key::new(algorithm, &bytes))))
    }

    /// Whether one of the signatures is that of the message. Compares all of them, in constant time.
    pub(super) fn verifies<'a>(&self, message: &[&[u8]], signatures: impl Iterator<Item = &'a [u8]>) -> Choice {
        match self {
            Self::Mac(key) => {
                let mut context = hmac::Context::with_key(key);
                message.iter().for_each(|part| context.update(part));
                let expected = context.sign();
                signatures.fold(Choice::from(0), |any, one| any | expected.as_ref().ct_eq(one))
            }
            Self::Ed25519(key) => {
                let whole = message.concat();
                let one = |signature| Choice::from(u8::from(key.verify(&whole, signature).is_ok()));
                signatures.fold(Choice::from(0), |any, signature| any | one(signature))
            }
        }
    }

    /// The signature of a message, if this is a key to sign with.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Mac(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Ed25519(_) => None,
        }
    }
}

fn public(bytes: Vec<u8>) -> Result<Key, String> {
    match bytes.len() {
        ED25519_BYTES => Ok(Key::Ed25519(UnparsedPublicKey::new(&ED25519, bytes))),
        n => Err(format!("a public key of Ed25519 has {ED25519_BYTES} bytes, not {n}")),
    }
}

/// Bytes that the specification asks of a secret at least.
const STANDARD_WEBHOOKS_BYTES_MIN: usize = 24;

fn standard_webhooks(secret: &[u8]) -> Result<Key, String> {
    const SHAPE: &str = "it is `whsec_` and base64 (or `whpk_` and base64 of a public key), as its sender shows it";
    let text = std::str::from_utf8(secret).unwrap_or_default();
    if text.starts_with("whsk_") {
        return Err(
            "it is a private key, `whsk_`, which belongs to the sender alone: give the public one, `whpk_`".to_owned(),
        );
    }
    let decode = |text: &str| BASE64.decode(text).map_err(|_| SHAPE.to_owned());
    if let Some(key) = text.strip_prefix("whpk_") {
        return public(decode(key)?);
    }
    let key = decode(text.strip_prefix("whsec_").unwrap_or(text))?;
    match key.len() {
        n if n < STANDARD_WEBHOOKS_BYTES_MIN => Err(format!(
            "it holds {n} bytes, fewer than {STANDARD_WEBHOOKS_BYTES_MIN}: {SHAPE}"
        )),
        _ => Ok(Key::Mac(Box::new(hmac::Key::new(HMAC_SHA256, &key)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(algorithm: Algorithm, encoding: SecretEncoding, secret: &str) -> String {
        let refused = Key::try_new(algorithm, encoding, secret.as_bytes()).err();
        refused.unwrap_or_else(|| panic!("{secret} was taken"))
    }

    #[test]
    fn a_secret_of_another_shape_is_told() {
        use {Algorithm::*, SecretEncoding::*};
        for (algorithm, encoding, secret, part) in [
            (Sha256, Hex, "hunter2", "hexadecimal"),
            (Sha256, Base64, "hunter2!", "base64"),
            (Ed25519, Hex, "abcd", "32 bytes, not 2"),
            (Sha256, StandardWebhooks, "whsec_hunter2!", "whsec_"),
            (Sha256, StandardWebhooks, "whsec_AAAA", "3 bytes"),
            (Sha256, StandardWebhooks, "whpk_AAAA", "32 bytes, not 3"),
            (Sha256, StandardWebhooks, "whsk_AAAA", "private"),
        ] {
            let why = refused(algorithm, encoding, secret);
            assert!(why.contains(part) && !why.contains("hunter2"), "{why}");
        }
    }
}
