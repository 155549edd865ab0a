//! The table `auth` of an endpoint.

mod dial;
mod hmac;
mod jwt;
mod scheme;
mod signature;
mod sns;
mod token;

use std::{path::PathBuf, time::Duration};

use danube_wasm_settings::{
    Field, Secret, Section, Table, Variant,
    kinds::{List, SecretText},
    values::{HeaderName, HttpUrl},
};

pub use self::{dial::DialConfig, jwt::IssuerConfig, signature::SignatureConfig};
use crate::{SnsOptions, TokenAlgorithm, limits::SECRETS_MAX};

/// How senders authenticate. With several secrets or keys, any of them is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuthConfig {
    /// Everyone may post.
    #[default]
    None,
    /// Senders send one of the secrets in a header.
    ApiKey {
        /// The header.
        header: HeaderName,
        /// 1 to [`SECRETS_MAX`].
        secrets: Vec<Secret>,
    },
    /// Senders send one of the secrets as a bearer token.
    Bearer {
        /// 1 to [`SECRETS_MAX`].
        secrets: Vec<Secret>,
    },
    /// Senders send their name and one of the secrets as password.
    Basic {
        /// Their name.
        user: String,
        /// 1 to [`SECRETS_MAX`].
        secrets: Vec<Secret>,
    },
    /// Senders send one of the secrets in the query.
    QueryToken {
        /// The parameter that carries it.
        parameter: String,
        /// 1 to [`SECRETS_MAX`].
        secrets: Vec<Secret>,
    },
    /// Senders show a certificate when TLS begins.
    ClientCertificate {
        /// Names that one may be made for.
        names: Vec<String>,
        /// Fingerprints that one may have.
        fingerprints: Vec<String>,
    },
    /// Senders sign as a preset or a scheme says.
    Signature(Box<SignatureConfig>),
    /// Amazon SNS signs.
    Sns(SnsOptions),
    /// Senders sign the body with one of the secrets.
    Hmac {
        /// The form of the signature.
        form: HmacForm,
        /// The header that carries it.
        header: HeaderName,
        /// Whether `GET` requests are accepted without one.
        unsigned_get: bool,
        /// 1 to [`SECRETS_MAX`].
        secrets: Vec<Secret>,
    },
    /// Senders send a signed token.
    Jwt {
        /// The keys that verify tokens.
        keys: JwtKeys,
        /// The required issuer.
        issuer: Option<String>,
        /// The required audience.
        audience: Option<String>,
        /// Other issuers.
        others: Vec<IssuerConfig>,
        /// Where keys may be fetched.
        dial: Option<DialConfig>,
    },
}

/// The form of an HMAC-SHA256 signature of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacForm {
    /// `t=…,v1=…`, over time and body.
    Stripe {
        /// How old, or how far in the future, a signature may be.
        tolerance: Duration,
    },
    /// `sha256=…`, over the body.
    Github,
}

/// The keys that verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtKeys {
    /// Shared secrets.
    Hs256(Vec<Secret>),
    /// The issuer's public keys.
    Rs256(Vec<PublicKey>),
    /// The issuer's public keys, for another algorithm.
    Public(TokenAlgorithm, Vec<PublicKey>),
    /// The URL of the issuer's keys.
    Jwks(TokenAlgorithm, HttpUrl),
}

/// A public key in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The file it was read from, absolute.
    pub path: PathBuf,
    /// Its text.
    pub pem: String,
}

impl AuthConfig {
    /// Whether what is asked for is made of the body.
    pub fn signs_bodies(&self) -> bool {
        matches!(self, Self::Signature(_) | Self::Sns(_) | Self::Hmac { .. })
    }
}

impl Section for AuthConfig {
    const ABOUT: &'static str = "Who may post. Others are answered 401. Where several secrets or keys are given, any \
        of them will do: give the old and the new one while senders change over.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        t.moved("secret_env", "write `secrets = [\"${NAME}\"]`");
        t.moved("secret", "write `secrets = [\"${NAME}\"]`");
        t.moved("public_key_path", "write `public_key_files = [\"path\"]`");
        let about = "`none` lets everyone post. `signature` asks for a signature, as known senders or any scheme make it; `hmac` is \
                     an older form of it for two senders; `sns` takes messages of Amazon SNS. `api_key` asks for a secret in a header, \
                     `bearer` in a bearer token, `basic` in a password, `query_token` in the query. `jwt` asks for a signed bearer \
                     token, `client_certificate` for a certificate.";
        let variant = |name, aliases, read| Variant { name, aliases, read };
        t.variants(
            "type",
            about,
            "\"signature\"",
            &[
                variant("none", &[], |_| Some(Self::None)),
                variant("signature", &[], signature::read),
                variant("hmac", &[], hmac::read),
                variant("sns", &[], sns::read),
                variant("api_key", &["apikey"], token::read_api_key),
                variant("bearer", &[], token::read_bearer),
                variant("basic", &[], token::read_basic),
                variant("query_token", &[], token::read_query_token),
                variant("jwt", &[], jwt::read),
                variant("client_certificate", &[], token::read_client_certificate),
            ],
        )
    }
}

fn secrets<'t, 's>(t: &'t mut Table<'s>) -> Field<'t, 's, List<SecretText>> {
    let kind = List {
        kind: SecretText,
        len: 1..=SECRETS_MAX,
    };
    t.field(
        "secrets",
        kind,
        "The secrets, each from the environment or from a file.",
    )
    .example("[\"${WEBHOOK_API_KEY}\", { file = \"secrets/old\" }]")
}
