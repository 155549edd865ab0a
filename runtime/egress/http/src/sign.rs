//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, of the very bytes that are sent.
//!
//! Source: the Standard Webhooks specification, "Signature scheme".

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::SigningSecret;

/// Signs with each of some secrets.
#[derive(Clone)]
pub(crate) struct Signer(Vec<Hmac<Sha256>>);

impl Signer {
    /// In this order: the newest first.
    pub(crate) fn new(secrets: &[SigningSecret]) -> Self {
        // A key of any length is valid for HMAC: this leaves none out.
        let keyed = secrets
            .iter()
            .filter_map(|secret| Hmac::new_from_slice(&secret.key()).ok());
        Self(keyed.collect())
    }

    /// The header `webhook-signature`, if there is anything to sign with.
    pub(crate) fn signature(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let sign = |keyed: &Hmac<Sha256>| {
            let mut mac = keyed.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        };
        let signatures: Vec<_> = self.0.iter().map(sign).collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_example_of_the_specification() {
        let secret = SigningSecret::try_new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signer = Signer::new(&[secret]);
        let signature = signer.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        assert_eq!(Signer::new(&[]).signature("a", 1, b""), None);
    }
}
