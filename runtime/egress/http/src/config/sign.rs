//! Secrets that requests are signed with.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_settings::{
    Kind, Secret, Section, Table, ValueRef,
    kinds::{Choice, List, SecretText},
};

use crate::limits::SECRETS_MAX;

/// Bytes that the specification asks of a secret.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret of Standard Webhooks: `whsec_` and the base64 of 24 to 64 random bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret(Secret);

impl SigningSecret {
    /// From its text; the error says what it must look like.
    ///
    /// # Errors
    ///
    /// It is no such secret.
    pub fn try_new(text: &str) -> Result<Self, String> {
        let shape =
            "it is `whsec_` and the base64 of 24 to 64 random bytes; `openssl rand -base64 32` makes the second part";
        if text.starts_with("v1,") {
            return Err(format!(
                "it begins with `v1,`, which belongs to signatures: remove that; {shape}"
            ));
        }
        if text.starts_with("whsk_") || text.starts_with("v1a,") {
            return Err(format!(
                "it is a key of the asymmetric form, which this sink does not sign with; {shape}"
            ));
        }
        let key = text
            .strip_prefix("whsec_")
            .ok_or_else(|| format!("it does not begin with `whsec_`: {shape}"))?;
        let key = BASE64_STANDARD
            .decode(key)
            .map_err(|_| format!("what follows `whsec_` is not base64: {shape}"))?;
        match KEY_BYTES.contains(&key.len()) {
            true => Ok(Self(Secret::new(text.to_owned()))),
            false => Err(format!("it holds {} bytes: {shape}", key.len())),
        }
    }

    /// The bytes to sign with.
    pub(crate) fn key(&self) -> Vec<u8> {
        let text = self.0.expose().strip_prefix("whsec_").unwrap_or_default();
        BASE64_STANDARD.decode(text).unwrap_or_default()
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

/// The table `sign`.
pub(super) struct Sign(pub(super) Vec<SigningSecret>);

impl Section for Sign {
    const ABOUT: &'static str = "Signs each request, so that its receiver knows who sent it and when: the headers `webhook-id`, \
        `webhook-timestamp` and `webhook-signature` of the Standard Webhooks specification.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let _style: () = t
            .field(
                "style",
                Choice::of(&[("standard-webhooks", ())]),
                "How. Standard Webhooks has libraries for most languages.",
            )
            .or(());
        let secrets = t
            .field(
                "secrets",
                List {
                    kind: SigningSecretKind,
                    len: 1..=SECRETS_MAX,
                },
                "The secrets, the newest first. Each request has a signature of each: while receivers change over, give the new \
                 one and the old one.",
            )
            .example("[\"${ORDERS_SIGNING_SECRET}\"]")
            .required();
        Some(Self(secrets?))
    }
}

struct SigningSecretKind;

impl Kind for SigningSecretKind {
    type Value = SigningSecret;

    fn what(&self) -> String {
        SecretText.what()
    }

    fn show(&self, _: &SigningSecret) -> String {
        "\"***\"".to_owned()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<SigningSecret> {
        let secret = SecretText.read(input)?;
        if secret.expose().contains("${") {
            // Its variable is asked for when it is used.
            return Some(SigningSecret(secret));
        }
        let read = SigningSecret::try_new(secret.expose());
        read.map_err(|why| input.refuse_with::<()>(format!("`{}` is no secret to sign with", input.name()), why))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_another_form_says_what_it_must_look_like() {
        let good = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
        assert_eq!(SigningSecret::try_new(&good).expect("good").key(), [7; 24]);
        for (text, part) in [
            (format!("v1,{good}"), "remove that"),
            ("hunter2".to_owned(), "does not begin with `whsec_`"),
            ("whsec_???".to_owned(), "not base64"),
            (format!("whsec_{}", BASE64_STANDARD.encode([7; 23])), "23 bytes"),
            (format!("whsec_{}", BASE64_STANDARD.encode([7; 65])), "65 bytes"),
            ("whsk_abc".to_owned(), "asymmetric"),
        ] {
            let error = SigningSecret::try_new(&text).expect_err(part);
            assert!(error.contains(part) && error.contains("24 to 64"), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}
