//! Known senders, one row each. What is not said in a row is that of [`PLAIN`].
//!
//! Sources: the senders' public documentation of their webhooks.

use http::HeaderName;

use super::{Algorithm, Encoding, Scheme, SecretEncoding, SignedTime, TimePlace, TimeUnit, UrlForm};
use crate::limits::SIGNATURE_TOLERANCE_SECS_DEFAULT;

/// A sender whose signatures are known.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name in files.
    pub name: &'static str,
    /// How it proves who it is.
    pub proof: Proof,
    header: &'static str,
    algorithm: Algorithm,
    encoding: Encoding,
    prefix: &'static str,
    ed25519_prefix: Option<&'static str>,
    separator: Option<char>,
    signed: &'static str,
    time: Time,
    unit: TimeUnit,
    id_header: Option<&'static str>,
    secret: SecretEncoding,
    url: UrlForm,
    digest_parameter: Option<&'static str>,
    /// How its secrets begin, if all do.
    pub secret_begins: Option<&'static str>,
    /// Where its bodies have the id of a delivery, if no header has it.
    pub event_id: Option<&'static str>,
}

/// How a sender proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// With a signature in a header.
    Signature,
    /// With the secret itself, in a header.
    Token,
    /// With signatures in the body, as Adyen does.
    Adyen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Nowhere,
    Header(&'static str),
    Prefix(&'static str),
    Body(&'static str),
}

/// HMAC-SHA256 of the body, in hexadecimal digits.
const PLAIN: Preset = Preset {
    name: "",
    proof: Proof::Signature,
    header: "",
    algorithm: Algorithm::Sha256,
    encoding: Encoding::Hex,
    prefix: "",
    ed25519_prefix: None,
    separator: None,
    signed: "{body}",
    time: Time::Nowhere,
    unit: TimeUnit::Secs,
    id_header: None,
    secret: SecretEncoding::Text,
    url: UrlForm::AsSent,
    digest_parameter: None,
    secret_begins: None,
    event_id: None,
};

const STANDARD_WEBHOOKS: Preset = Preset {
    name: "standard-webhooks",
    header: "webhook-signature",
    encoding: Encoding::Base64,
    prefix: "v1,",
    ed25519_prefix: Some("v1a,"),
    separator: Some(' '),
    signed: "{id}.{timestamp}.{body}",
    time: Time::Header("webhook-timestamp"),
    id_header: Some("webhook-id"),
    secret: SecretEncoding::StandardWebhooks,
    ..PLAIN
};

/// All senders, by name.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "adyen",
        proof: Proof::Adyen,
        encoding: Encoding::Base64,
        secret: SecretEncoding::Hex,
        ..PLAIN
    },
    Preset {
        name: "discord",
        header: "x-signature-ed25519",
        algorithm: Algorithm::Ed25519,
        signed: "{timestamp}{body}",
        time: Time::Header("x-signature-timestamp"),
        secret: SecretEncoding::Hex,
        ..PLAIN
    },
    Preset {
        name: "gitea",
        header: "x-gitea-signature",
        ..PLAIN
    },
    Preset {
        name: "github",
        header: "x-hub-signature-256",
        prefix: "sha256=",
        ..PLAIN
    },
    Preset {
        name: "gitlab",
        proof: Proof::Token,
        header: "x-gitlab-token",
        ..PLAIN
    },
    Preset {
        name: "hubspot",
        header: "x-hubspot-signature-v3",
        encoding: Encoding::Base64,
        signed: "{method}{url}{body}{timestamp}",
        time: Time::Header("x-hubspot-request-timestamp"),
        unit: TimeUnit::Millis,
        url: UrlForm::Unescaped,
        ..PLAIN
    },
    Preset {
        name: "intercom",
        header: "x-hub-signature",
        algorithm: Algorithm::Sha1,
        prefix: "sha1=",
        event_id: Some("/id"),
        ..PLAIN
    },
    Preset {
        name: "linear",
        header: "linear-signature",
        time: Time::Body("webhookTimestamp"),
        unit: TimeUnit::Millis,
        ..PLAIN
    },
    Preset {
        name: "meta",
        header: "x-hub-signature-256",
        prefix: "sha256=",
        ..PLAIN
    },
    Preset {
        name: "sentry",
        header: "sentry-hook-signature",
        ..PLAIN
    },
    Preset {
        name: "shopify",
        header: "x-shopify-hmac-sha256",
        encoding: Encoding::Base64,
        ..PLAIN
    },
    Preset {
        name: "slack",
        header: "x-slack-signature",
        prefix: "v0=",
        signed: "v0:{timestamp}:{body}",
        time: Time::Header("x-slack-request-timestamp"),
        event_id: Some("/event_id"),
        ..PLAIN
    },
    Preset {
        name: "square",
        header: "x-square-hmacsha256-signature",
        encoding: Encoding::Base64,
        signed: "{url}{body}",
        event_id: Some("/event_id"),
        ..PLAIN
    },
    STANDARD_WEBHOOKS,
    Preset {
        name: "stripe",
        header: "stripe-signature",
        prefix: "v1=",
        separator: Some(','),
        signed: "{timestamp}.{body}",
        time: Time::Prefix("t="),
        secret_begins: Some("whsec_"),
        event_id: Some("/id"),
        ..PLAIN
    },
    Preset {
        name: "svix",
        header: "svix-signature",
        time: Time::Header("svix-timestamp"),
        id_header: Some("svix-id"),
        ..STANDARD_WEBHOOKS
    },
    Preset {
        name: "twilio",
        header: "x-twilio-signature",
        algorithm: Algorithm::Sha1,
        encoding: Encoding::Base64,
        signed: "{url}{sorted_form}",
        digest_parameter: Some("bodySHA256"),
        ..PLAIN
    },
    Preset {
        name: "zoom",
        header: "x-zm-signature",
        prefix: "v0=",
        signed: "v0:{timestamp}:{body}",
        time: Time::Header("x-zm-request-timestamp"),
        ..PLAIN
    },
];

impl Preset {
    /// The sender with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// How it signs. `None` if it has no signature in a header.
    pub fn scheme(&self) -> Option<Scheme> {
        if self.proof != Proof::Signature {
            return None;
        }
        let place = match self.time {
            Time::Nowhere => None,
            Time::Header(name) => Some(TimePlace::Header(HeaderName::from_static(name))),
            Time::Prefix(prefix) => Some(TimePlace::Prefix(prefix.to_owned())),
            Time::Body(name) => Some(TimePlace::Body(name.to_owned())),
        };
        Some(Scheme {
            header: HeaderName::from_static(self.header),
            algorithm: self.algorithm,
            encoding: self.encoding,
            prefix: self.prefix.to_owned(),
            ed25519_prefix: self.ed25519_prefix.map(str::to_owned),
            separator: self.separator,
            signed: self.signed.parse().ok()?,
            time: place.map(|place| SignedTime {
                place,
                unit: self.unit,
                tolerance_secs: SIGNATURE_TOLERANCE_SECS_DEFAULT,
            }),
            id_header: self.id_header.map(HeaderName::from_static),
            secret: self.secret,
            url: self.url,
            digest_parameter: self.digest_parameter,
        })
    }

    /// The header of a sender that sends its secret.
    pub fn token_header(&self) -> Option<HeaderName> {
        (self.proof == Proof::Token).then(|| HeaderName::from_static(self.header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_scheme_and_has_its_place_in_the_alphabet() {
        assert!(PRESETS.is_sorted_by_key(|preset| preset.name));
        for preset in PRESETS {
            assert_eq!(
                preset.scheme().is_some(),
                preset.proof == Proof::Signature,
                "{preset:?}"
            );
            assert_eq!(
                preset.token_header().is_some(),
                preset.proof == Proof::Token,
                "{preset:?}"
            );
        }
    }
}
