//! Credentials, right and wrong.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_ingress_http::{ApiKey, Auth, Jwt, Secret, Secrets, Signature};
use danube_wasm_model::clock::now_ms;
use hmac::{KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

pub(crate) const SECRET: &str = "a shared secret of at least 32 bytes";
pub(crate) const OTHER: &str = "another secret of at least 32 bytes!";

pub(crate) fn now_secs() -> u64 {
    now_ms() / 1000
}

pub(crate) fn secrets() -> Secrets {
    Secrets::try_new(vec![Secret::try_new(SECRET).unwrap()]).unwrap()
}

fn signed(preset: &str) -> Auth {
    Signature::preset(preset, &secrets()).unwrap().into()
}

/// HMAC-SHA256, in hex.
pub(crate) fn mac(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

/// How an endpoint knows its senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Stripe,
    GitHub,
    Shopify,
    Token,
    Key,
}

pub(crate) const SCHEMES: [Scheme; 5] = [
    Scheme::Stripe,
    Scheme::GitHub,
    Scheme::Shopify,
    Scheme::Token,
    Scheme::Key,
];

impl Scheme {
    pub(crate) fn auth(self) -> Auth {
        match self {
            Self::Stripe => signed("stripe"),
            Self::GitHub => signed("github"),
            Self::Shopify => signed("shopify"),
            Self::Token => Auth::Jwt(Jwt::try_hs256(&secrets()).unwrap()),
            Self::Key => Auth::ApiKey(ApiKey::new(&secrets())),
        }
    }

    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Stripe => "stripe-signature",
            Self::GitHub => "x-hub-signature-256",
            Self::Shopify => "x-shopify-hmac-sha256",
            Self::Token => "authorization",
            Self::Key => "x-api-key",
        }
    }

    /// The value of the header, made with `secret` at `time_secs` for `body`.
    pub(crate) fn value(self, secret: &str, time_secs: u64, body: &[u8]) -> String {
        match self {
            Self::Stripe => {
                let signature = mac(secret, &[format!("{time_secs}.").as_bytes(), body]);
                format!("t={time_secs},v1={signature}")
            }
            Self::GitHub => format!("sha256={}", mac(secret, &[body])),
            Self::Shopify => BASE64_STANDARD.encode(hex::decode(mac(secret, &[body])).unwrap()),
            Self::Token => format!("Bearer {}", token(Algorithm::HS256, secret, time_secs + 300)),
            Self::Key => secret.to_owned(),
        }
    }

    /// Whether the credential covers the body.
    pub(crate) fn signs_body(self) -> bool {
        matches!(self, Self::Stripe | Self::GitHub | Self::Shopify)
    }

    /// Whether it is only valid for a time.
    pub(crate) fn has_time(self) -> bool {
        matches!(self, Self::Stripe | Self::Token)
    }
}

/// A token that is valid until `exp`.
pub(crate) fn token(algorithm: Algorithm, secret: &str, exp: u64) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), &json!({ "exp": exp }), &key).expect("a token")
}

/// The same claims under `{"alg":"none"}`, in the spellings that have fooled others.
pub(crate) fn unsigned(valid: &str) -> Vec<String> {
    let claims = valid.split('.').nth(1).expect("claims");
    let signature = valid.split('.').nth(2).expect("a signature");
    // {"alg":"none"}, {"alg":"None"}, {"alg":"NONE"}, {"alg":""}, {}
    let heads = [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIn0",
        "eyJhbGciOiJOT05FIn0",
        "eyJhbGciOiIifQ",
        "e30",
    ];
    let of = |head: &str| {
        [
            format!("{head}.{claims}."),
            format!("{head}.{claims}.{signature}"),
            format!("{head}.{claims}"),
        ]
    };
    heads.into_iter().flat_map(of).collect()
}
