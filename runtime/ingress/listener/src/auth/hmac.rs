//! HMAC-SHA256 signatures over the body, in the two forms that most senders use.
//!
//! * Stripe's: `stripe-signature: t=1700000000,v1=<hex>[,v1=<hex>…]` over `<t>.<body>`. The time is signed and must be
//!   within a tolerance of the host's clock, so that a recorded request cannot be replayed later.
//!   Source: Stripe's documentation, "Verify webhook signatures manually".
//! * GitHub's: `x-hub-signature-256: sha256=<hex>` over the body. It has no time: a recorded request stays valid for ever.
//!   Source: GitHub's documentation, "Validating webhook deliveries".
//!
//! A replayed request has the same event id and so updates the same row. Neither form signs other headers: an attacker
//! who can record a request can send it with another id in a header, which makes it another event. An id in the body,
//! found with a JSON pointer, is covered by the signature.
//!
//! Both sign the body as it was sent, so it is checked before decompression.

use hmac::{Hmac as Keyed, KeyInit, Mac};
use http::{HeaderMap, HeaderName, Method};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::{Admission, AuthError, Denied, credential};
use crate::{
    limits::{SIGNATURE_TOLERANCE_SECS_DEFAULT, SIGNATURES_MAX},
    secret::Secrets,
};

const CHALLENGE: &str = "Signature";

/// The secrets of an endpoint, and the form of their signatures.
#[derive(Clone)]
pub struct Hmac {
    form: Form,
    header: HeaderName,
    /// HMAC states, keyed once; a request clones a state instead of deriving it again.
    keyed: Vec<Keyed<Sha256>>,
    unsigned_get: bool,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Stripe { tolerance_secs: u64 },
    GitHub,
}

/// The content of a signature header.
#[derive(Debug)]
pub struct Claim {
    /// Signed before the body: the time and a dot, or nothing.
    prefix: String,
    /// One valid signature is enough.
    signatures: Vec<[u8; 32]>,
}

impl Hmac {
    /// Stripe's form, with a tolerance of 300 seconds.
    pub fn stripe(secrets: &Secrets) -> Self {
        let form = Form::Stripe {
            tolerance_secs: SIGNATURE_TOLERANCE_SECS_DEFAULT,
        };
        Self::new(secrets, form, HeaderName::from_static("stripe-signature"))
    }

    /// GitHub's form.
    pub fn github(secrets: &Secrets) -> Self {
        Self::new(secrets, Form::GitHub, HeaderName::from_static("x-hub-signature-256"))
    }

    fn new(secrets: &Secrets, form: Form, header: HeaderName) -> Self {
        // HMAC accepts keys of any length: the filter drops none.
        let keyed = secrets
            .iter()
            .filter_map(|secret| Keyed::new_from_slice(secret.reveal()).ok());
        Self {
            form,
            header,
            keyed: keyed.collect(),
            unsigned_get: false,
        }
    }

    /// Reads the signature from another header, for senders that copied the form.
    pub fn with_header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    /// Sets how far the signed time may be from the host's clock, both ways, in seconds. GitHub's form has no time and ignores
    /// it.
    pub fn try_with_tolerance(mut self, secs: u64) -> Result<Self, AuthError> {
        if secs == 0 {
            return Err(AuthError::Tolerance);
        }
        if let Form::Stripe { tolerance_secs } = &mut self.form {
            *tolerance_secs = secs;
        }
        Ok(self)
    }

    /// Accepts `GET` requests without a signature, for subscription handshakes whose secret is in the query. Only for
    /// components that check it.
    pub fn with_unsigned_get(mut self) -> Self {
        self.unsigned_get = true;
        self
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(super) fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
        now_secs: u64,
    ) -> Result<Admission, Denied> {
        if self.unsigned_get && method == Method::GET {
            return Ok(Admission::Authenticated);
        }
        let value = credential(headers, &self.header, CHALLENGE)?;
        let claim = value.to_str().ok().and_then(|value| self.form.parse(value));
        let Some((claim, time_secs)) = claim else {
            return Err(Denied::unauthenticated(
                CHALLENGE,
                format!(
                    "header {} is not a signature of the form {}",
                    self.header,
                    self.form.shape()
                ),
            ));
        };
        match (self.form, time_secs) {
            (Form::Stripe { tolerance_secs }, Some(time_secs)) if time_secs.abs_diff(now_secs) > tolerance_secs => {
                Err(Denied::unauthenticated(
                    CHALLENGE,
                    format!("the time of the signature is more than {tolerance_secs} seconds from this clock"),
                ))
            }
            _ => Ok(Admission::Signed(claim)),
        }
    }

    pub(super) fn verify(&self, claim: &Claim, body: &[u8]) -> Result<(), Denied> {
        let mut matched = Choice::from(0);
        for keyed in &self.keyed {
            let mut mac = keyed.clone();
            mac.update(claim.prefix.as_bytes());
            mac.update(body);
            let expected: [u8; 32] = mac.finalize().into_bytes().into();
            for signature in &claim.signatures {
                matched |= expected.ct_eq(signature);
            }
        }
        if matched.into() {
            Ok(())
        } else {
            Err(Denied::unauthenticated(
                CHALLENGE,
                format!("no signature in header {} is that of the body", self.header),
            ))
        }
    }
}

impl Form {
    fn shape(self) -> &'static str {
        match self {
            Self::Stripe { .. } => "t=<seconds>,v1=<64 hex digits>",
            Self::GitHub => "sha256=<64 hex digits>",
        }
    }

    /// Returns the claim and the time of its signature.
    fn parse(self, value: &str) -> Option<(Claim, Option<u64>)> {
        match self {
            Self::GitHub => {
                let signatures = vec![signature(value.trim().strip_prefix("sha256=")?)?];
                let prefix = String::new();
                Some((Claim { prefix, signatures }, None))
            }
            Self::Stripe { .. } => {
                let (mut time, mut signatures) = (None, Vec::new());
                for part in value.split(',') {
                    match part.trim().split_once('=') {
                        // With two times it would be unclear which one was checked.
                        Some(("t", _)) if time.is_some() => return None,
                        Some(("t", text)) => time = Some(text),
                        // Skips other schemes (`v0`) and malformed signatures: a valid one may follow.
                        Some(("v1", text)) if signatures.len() < SIGNATURES_MAX => signatures.extend(signature(text)),
                        _ => {}
                    }
                }
                let time = time.filter(|time| time.bytes().all(|b| b.is_ascii_digit()))?;
                let prefix = format!("{time}.");
                let time_secs = time.parse().ok()?;
                (!signatures.is_empty()).then_some((Claim { prefix, signatures }, Some(time_secs)))
            }
        }
    }
}

fn signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

impl std::fmt::Debug for Hmac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secrets = self.keyed.len();
        write!(
            f,
            "Hmac({:?}, {secrets} secrets hidden, in header {})",
            self.form, self.header
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::try_new(texts.iter().map(|text| Secret::try_new(*text).unwrap()).collect()).unwrap()
    }

    fn check(hmac: &Hmac, header: &str, body: &[u8], now_secs: u64) -> Result<(), Denied> {
        let mut headers = HeaderMap::new();
        headers.insert(hmac.header().clone(), header.parse().unwrap());
        match hmac.authenticate(&Method::POST, &headers, now_secs)? {
            Admission::Signed(claim) => hmac.verify(&claim, body),
            Admission::Authenticated => panic!("a POST must be signed"),
        }
    }

    /// The example in GitHub's documentation of webhook signatures.
    #[test]
    fn githubs_published_example() {
        let hmac = Hmac::github(&secrets(&["It's a Secret to Everybody"]));
        let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        check(&hmac, header, b"Hello, World!", 0).expect("the published signature");
        check(&hmac, header, b"Hello, World?", 0).expect_err("another body");
    }

    /// RFC 4231, test case 2, in GitHub's form.
    #[test]
    fn rfc_4231_case_2() {
        let hmac = Hmac::github(&secrets(&["other", "Jefe"]));
        let header = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        check(&hmac, header, b"what do ya want for nothing?", 0).expect("the second secret signed it");
    }

    #[test]
    fn malformed_headers_are_refused() {
        let stripe = Hmac::stripe(&secrets(&["whsec"]));
        let hex = "00".repeat(32);
        for wrong in [
            String::new(),
            "t=1".to_owned(),
            format!("v1={hex}"),
            format!("t=+1,v1={hex}"),
            format!("t=1,t=1,v1={hex}"),
            format!("t=,v1={hex}"),
            format!("t=99999999999999999999999,v1={hex}"),
            format!("t=1,v0={hex}"),
            "t=1,v1=abc".to_owned(),
        ] {
            let denied = check(&stripe, &wrong, b"", 1).expect_err(&wrong);
            assert!(
                denied.message.contains("not a signature"),
                "{wrong}: {}",
                denied.message
            );
        }
        let github = Hmac::github(&secrets(&["s"]));
        for wrong in [hex.clone(), format!("sha1={hex}"), format!("sha256={hex}00")] {
            check(&github, &wrong, b"", 0).expect_err(&wrong);
        }
    }

    #[test]
    fn the_tolerance_is_inclusive_and_applies_both_ways() {
        let stripe = Hmac::stripe(&secrets(&["whsec"])).try_with_tolerance(300).unwrap();
        let header = format!("t=1000,v1={}", "00".repeat(32));
        let message = |now| {
            check(&stripe, &header, b"", now)
                .expect_err("a wrong signature")
                .message
        };
        for now in [700, 1300] {
            assert!(message(now).contains("no signature"), "at the limit the time passes");
        }
        for now in [699, 1301] {
            assert!(message(now).contains("more than 300 seconds"), "one past it");
        }
    }
}
