//! How a sender signs, as data.

use http::HeaderName;

use super::template::Template;

/// How a sender signs. Presets are values of it; a file can give any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The header that carries the signature.
    pub header: HeaderName,
    /// How it is made.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// What precedes it.
    pub prefix: String,
    /// What precedes a signature of the Ed25519 keys beside secrets; only Standard Webhooks has both.
    pub ed25519_prefix: Option<String>,
    /// What is between several of them in the header. Only one may be there otherwise.
    pub separator: Option<char>,
    /// What is signed.
    pub signed: Template,
    /// The time of the signature, if it has one.
    pub time: Option<SignedTime>,
    /// The header that carries the id of the message.
    pub id_header: Option<HeaderName>,
    /// How secrets are written.
    pub secret: SecretEncoding,
    /// How `{url}` is written.
    pub url: UrlForm,
    /// A parameter of the query with the SHA-256 of a body that is no form, for `{sorted_form}`.
    pub digest_parameter: Option<&'static str>,
}

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1.
    Sha1,
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
    /// Ed25519; secrets are public keys.
    Ed25519,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 of RFC 4648, section 4, with padding.
    Base64,
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretEncoding {
    /// Its bytes are those of the text.
    Text,
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
    /// As Standard Webhooks says: `whsec_` and base64, or `whpk_` and base64 of a public key.
    StandardWebhooks,
}

/// The time of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTime {
    /// Where it is.
    pub place: TimePlace,
    /// In which unit.
    pub unit: TimeUnit,
    /// How far it may be from the host's clock, both ways, in seconds.
    pub tolerance_secs: u64,
}

/// Where the time of a signature is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimePlace {
    /// In a header of its own.
    Header(HeaderName),
    /// In the signature's header, after this text.
    Prefix(String),
    /// In the body, which is a JSON object, as the number of this name: signed with the body, and looked at after that.
    Body(String),
}

/// The unit of a time since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Secs,
    /// Milliseconds.
    Millis,
}

/// How a URL is written where it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UrlForm {
    /// As it was sent.
    #[default]
    AsSent,
    /// With the delimiters of a URL unescaped, as HubSpot does.
    Unescaped,
}

impl Algorithm {
    /// Length of a signature, in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 | Self::Ed25519 => 64,
        }
    }
}

impl Encoding {
    /// Decodes a signature of exactly so many bytes.
    pub(super) fn decode(self, text: &str, bytes: usize) -> Option<Vec<u8>> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let decoded = match self {
            Self::Hex => hex::decode(text).ok()?,
            Self::Base64 => BASE64_STANDARD.decode(text).ok()?,
        };
        (decoded.len() == bytes).then_some(decoded)
    }

    fn shape(self, bytes: usize) -> String {
        match self {
            Self::Hex => format!("<{} hex digits>", 2 * bytes),
            Self::Base64 => format!("<base64 of {bytes} bytes>"),
        }
    }
}

impl Scheme {
    /// What the header looks like, for messages.
    pub(super) fn shape(&self) -> String {
        let time = match &self.time {
            Some(SignedTime {
                place: TimePlace::Prefix(prefix),
                ..
            }) => format!("{prefix}<seconds>{}", self.separator.unwrap_or(',')),
            _ => String::new(),
        };
        format!("{time}{}{}", self.prefix, self.encoding.shape(self.algorithm.bytes()))
    }
}
