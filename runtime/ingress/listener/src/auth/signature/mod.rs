//! Signatures of a request, as a [`Scheme`] says. Presets for known senders are rows of a table: `presets.rs`.
//!
//! The header is checked before the body is read: it is there once, well formed, and its time is near the host's clock, so that
//! a recorded request cannot be replayed later. The signature itself is checked when the body is complete, as it was sent,
//! before decompression, and before anybody parses it; only `{sorted_form}` needs a parser, which is bounded.
//!
//! A scheme without a time accepts a recorded request for ever. A replayed request has the same event id and so updates the same
//! row, if the id is signed: one in the body, found with a JSON pointer, or in a header that the scheme signs as `{id}`. Otherwise
//! an attacker who can record a request can send it with another id, which makes it another event.

mod form;
mod key;
mod message;
mod presets;
mod public_url;
mod scheme;
mod template;
mod time;

use http::{HeaderMap, HeaderName, Method};

use self::{key::Key, message::Message};
pub use self::{
    presets::{PRESETS, Preset, Proof},
    public_url::{PublicUrl, PublicUrlError},
    scheme::{Algorithm, Encoding, Scheme, SecretEncoding, SignedTime, TimePlace, TimeUnit, UrlForm},
    template::{Part, Template, TemplateError},
};
use super::{Admission, AuthError, Caller, Denied, credential};
use crate::{limits::SIGNATURES_MAX, secret::Secrets};

pub(super) const CHALLENGE: &str = "Signature";

/// The secrets of an endpoint, and how its senders sign.
#[derive(Clone)]
pub struct Signature {
    scheme: Scheme,
    keys: Vec<Key>,
    public_url: Option<PublicUrl>,
    unsigned_get: bool,
}

/// What the headers of a request claim.
#[derive(Debug)]
pub struct Claim {
    timestamp: String,
    id: Vec<u8>,
    /// One valid signature is enough.
    signatures: Vec<Marked>,
}

/// A signature, and what kind of key made it.
type Marked = (Mark, Vec<u8>);

/// What kind of key made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Scheme,
    Ed25519,
}

impl Signature {
    /// Accepts requests that are signed with any of these secrets.
    pub fn try_new(scheme: Scheme, secrets: &Secrets) -> Result<Self, AuthError> {
        let key = |secret: &crate::Secret| Key::try_new(scheme.algorithm, scheme.secret, secret.reveal());
        let keys = secrets
            .iter()
            .map(key)
            .collect::<Result<Vec<_>, _>>()
            .map_err(AuthError::Secret)?;
        let is_in_body = |time: &SignedTime| matches!(time.place, TimePlace::Body(_));
        let has_own = scheme.time.as_ref().is_some_and(|time| !is_in_body(time));
        if scheme.signed.has(&Part::Timestamp) != has_own {
            return Err(AuthError::Time);
        }
        if scheme.signed.has(&Part::Id) != scheme.id_header.is_some() {
            return Err(AuthError::Id);
        }
        Ok(Self {
            scheme,
            keys,
            public_url: None,
            unsigned_get: false,
        })
    }

    /// As a known sender signs.
    pub fn preset(name: &str, secrets: &Secrets) -> Result<Self, AuthError> {
        let scheme = Preset::named(name).and_then(Preset::scheme);
        Self::try_new(scheme.ok_or_else(|| AuthError::Preset(name.to_owned()))?, secrets)
    }

    /// Reads the signature from another header, for senders that copied a scheme.
    pub fn with_header(mut self, header: HeaderName) -> Self {
        self.scheme.header = header;
        self
    }

    /// Sets how far the signed time may be from the host's clock, both ways, in seconds. A scheme without a time ignores it.
    pub fn try_with_tolerance(mut self, secs: u64) -> Result<Self, AuthError> {
        if secs == 0 {
            return Err(AuthError::Tolerance);
        }
        if let Some(time) = &mut self.scheme.time {
            time.tolerance_secs = secs;
        }
        Ok(self)
    }

    /// Sets the URL that senders sign. Where they sign one, no request is accepted without.
    pub fn with_public_url(mut self, url: PublicUrl) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Accepts `GET` requests without a signature, for subscription handshakes whose secret is in the query. Only for
    /// components that check it.
    pub fn with_unsigned_get(mut self) -> Self {
        self.unsigned_get = true;
        self
    }

    /// Signs with the first secret, for handshakes that ask for a proof of it.
    pub fn prove(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.keys.first()?.sign(message)
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.scheme.header
    }

    pub(super) fn authenticate(&self, caller: &Caller<'_>) -> Result<Admission, Denied> {
        let head = caller.head;
        if self.unsigned_get && head.method == Method::GET {
            return Ok(Admission::Authenticated);
        }
        let value = credential(&head.headers, &self.scheme.header, CHALLENGE)?;
        let (signatures, time) = value
            .to_str()
            .ok()
            .and_then(|value| self.signatures(value))
            .ok_or_else(|| {
                let (header, shape) = (&self.scheme.header, self.scheme.shape());
                deny(format!("header {header} is not a signature of the form {shape}"))
            })?;
        let timestamp = self.timestamp(&head.headers, time, caller.now_secs)?;
        let id = match &self.scheme.id_header {
            Some(header) => credential(&head.headers, header, CHALLENGE)?.as_bytes().to_vec(),
            None => Vec::new(),
        };
        Ok(Admission::Signed(Claim {
            timestamp,
            id,
            signatures,
        }))
    }

    pub(super) fn verify(&self, claim: &Claim, caller: &Caller<'_>, body: &[u8]) -> Result<(), Denied> {
        let message = Message {
            scheme: &self.scheme,
            public_url: self.public_url.as_ref(),
            claim,
            head: caller.head,
            body,
        };
        let parts = message.parts()?;
        let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        // Compares with every key even after a match, so that the time does not depend on which one matched.
        let matches = self.keys.iter().map(|key| {
            let of = claim.signatures.iter().filter(|(mark, _)| self.is_of(*mark, key));
            key.verifies(&parts, of.map(|(_, signature)| &**signature))
        });
        match matches.fold(subtle::Choice::from(0), |any, one| any | one).into() {
            true => self.check_body_time(body, caller.now_secs),
            false => Err(deny(format!(
                "no signature in header {} is that of the body",
                self.scheme.header
            ))),
        }
    }

    fn is_of(&self, mark: Mark, key: &Key) -> bool {
        let is_beside = matches!(key, Key::Ed25519(_)) && self.scheme.ed25519_prefix.is_some();
        (mark == Mark::Ed25519) == is_beside
    }

    /// The signatures and the time in the header. Others than these are skipped where there may be several: a valid one may
    /// follow.
    fn signatures<'a>(&self, value: &'a str) -> Option<(Vec<Marked>, Option<&'a str>)> {
        let Some(separator) = self.scheme.separator else {
            return Some((vec![self.signature(value.trim())?], None));
        };
        let (mut signatures, mut time) = (Vec::new(), None);
        for part in value.split(separator).map(str::trim) {
            if let Some(text) = self.time_prefix().and_then(|prefix| part.strip_prefix(prefix)) {
                // With two times it would be unclear which one was checked.
                if time.replace(text).is_some() {
                    return None;
                }
            } else if signatures.len() < SIGNATURES_MAX {
                signatures.extend(self.signature(part));
            }
        }
        let is_timed = time.is_some() == self.time_prefix().is_some();
        (is_timed && !signatures.is_empty()).then_some((signatures, time))
    }

    fn signature(&self, text: &str) -> Option<Marked> {
        let scheme = &self.scheme;
        if let Some(text) = scheme
            .ed25519_prefix
            .as_ref()
            .and_then(|prefix| text.strip_prefix(&**prefix))
        {
            let signature = scheme.encoding.decode(text, Algorithm::Ed25519.bytes())?;
            return Some((Mark::Ed25519, signature));
        }
        let signature = scheme
            .encoding
            .decode(text.strip_prefix(&*scheme.prefix)?, scheme.algorithm.bytes())?;
        Some((Mark::Scheme, signature))
    }

    fn time_prefix(&self) -> Option<&str> {
        match self.scheme.time.as_ref().map(|time| &time.place) {
            Some(TimePlace::Prefix(prefix)) => Some(prefix),
            _ => None,
        }
    }

    /// The time as it was sent, if it is near the clock.
    fn timestamp(&self, headers: &HeaderMap, in_header: Option<&str>, now_secs: u64) -> Result<String, Denied> {
        let Some(time) = &self.scheme.time else {
            return Ok(String::new());
        };
        let (text, header) = match &time.place {
            TimePlace::Prefix(_) => (in_header, &self.scheme.header),
            TimePlace::Header(header) => (credential(headers, header, CHALLENGE)?.to_str().ok(), header),
            // It is not known to be the sender's yet.
            TimePlace::Body(_) => return Ok(String::new()),
        };
        let digits = text.filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let parsed = digits.and_then(|text| Some((text, text.parse::<u64>().ok()?)));
        let (text, sent) = parsed.ok_or_else(|| match &time.place {
            TimePlace::Prefix(_) => deny(format!(
                "header {header} is not a signature of the form {}",
                self.scheme.shape()
            )),
            _ => deny(format!(
                "header {header} is not a time in {} since 1970",
                time.unit.name()
            )),
        })?;
        time.check(sent, now_secs).map(|()| text.to_owned())
    }

    /// That the time in a body whose signature is right is near the clock, where the scheme has one there.
    fn check_body_time(&self, body: &[u8], now_secs: u64) -> Result<(), Denied> {
        let Some(time) = &self.scheme.time else {
            return Ok(());
        };
        let TimePlace::Body(name) = &time.place else {
            return Ok(());
        };
        let sent = time::in_body(body, name).ok_or_else(|| {
            let unit = time.unit.name();
            deny(format!("the body has no time in {unit} since 1970 as its `{name}`"))
        })?;
        time.check(sent, now_secs)
    }
}

pub(super) fn deny(message: String) -> Denied {
    Denied::unauthenticated(CHALLENGE, message)
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, keys) = (&self.scheme, self.keys.len());
        write!(f, "Signature({scheme:?}, {keys} secrets hidden)")
    }
}

#[cfg(test)]
mod tests;
