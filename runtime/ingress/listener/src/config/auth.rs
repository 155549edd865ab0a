//! The table `auth` of an endpoint.

use std::{path::PathBuf, time::Duration};

use danube_wasm_settings::{
    Field, Secret, Section, Table, ValueRef, Variant,
    kinds::{Credential, FilePath, Flag, Kind, List, OneOfNames, Parsed, SecretText, Secs, quote},
    values::HeaderName,
};

use crate::limits::{SECRETS_MAX, TOKEN_SECRET_BYTES_MIN};

/// Largest public key file, in bytes.
const PUBLIC_KEY_BYTES_MAX: usize = 64 << 10;

/// Default for how old a signature may be.
const TOLERANCE: Duration = Duration::from_secs(300);

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
}

/// A public key in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The file it was read from, absolute.
    pub path: PathBuf,
    /// Its text.
    pub pem: String,
}

impl Section for AuthConfig {
    const ABOUT: &'static str = "Who may post. Others are answered 401. Where several secrets or keys are given, any \
        of them will do: give the old and the new one while senders change over.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        t.moved("secret_env", "write `secrets = [\"${NAME}\"]`");
        t.moved("secret", "write `secrets = [\"${NAME}\"]`");
        t.moved("public_key_path", "write `public_key_files = [\"path\"]`");
        let about = "`none` lets everyone post, `api_key` asks for a secret in a header, `bearer` for one as \
                     `Authorization: Bearer SECRET`, `hmac` for a signature of the body, `jwt` for a signed bearer token.";
        t.variants(
            "type",
            about,
            "\"api_key\"",
            &[
                Variant {
                    name: "none",
                    aliases: &[],
                    read: |_| Some(Self::None),
                },
                Variant {
                    name: "api_key",
                    aliases: &["apikey"],
                    read: read_api_key,
                },
                Variant {
                    name: "bearer",
                    aliases: &[],
                    read: read_bearer,
                },
                Variant {
                    name: "hmac",
                    aliases: &[],
                    read: read_hmac,
                },
                Variant {
                    name: "jwt",
                    aliases: &[],
                    read: read_jwt,
                },
            ],
        )
    }
}

fn read_api_key(t: &mut Table<'_>) -> Option<AuthConfig> {
    let header = t.field(
        "header",
        Parsed::<HeaderName>::new("a header"),
        "The header that carries the secret.",
    );
    let header = header.example("\"x-api-key\"").defaults_to("`\"x-api-key\"`");
    let header = header.or_else(|| "x-api-key".parse().ok());
    let secrets = secrets(t).required();
    Some(AuthConfig::ApiKey {
        header: header?,
        secrets: secrets?,
    })
}

fn read_bearer(t: &mut Table<'_>) -> Option<AuthConfig> {
    let secrets = secrets(t).required();
    Some(AuthConfig::Bearer { secrets: secrets? })
}

fn read_hmac(t: &mut Table<'_>) -> Option<AuthConfig> {
    let form = t
        .field(
            "form",
            OneOfNames(&[("stripe", &[]), ("github", &[])]),
            "How the signature is made: `stripe` is `t=…,v1=…` over time and body, `github` is `sha256=…` over the body.",
        )
        .example("\"stripe\"")
        .required();
    let secrets = secrets(t).required();
    let tolerance = t
        .field(
            "tolerance_secs",
            Secs(1..=86_400),
            "How old a signature may be, or how far in the future. Only with `form = \"stripe\"`.",
        )
        .or(TOLERANCE);
    let header = t
        .field(
            "header",
            Parsed::<HeaderName>::new("a header"),
            "The header that carries the signature.",
        )
        .example("\"x-signature\"")
        .defaults_to("`\"stripe-signature\"` or `\"x-hub-signature-256\"`, as `form` says");
    let unsigned_get = t
        .field(
            "unsigned_get",
            Flag,
            "Let `GET` requests in without a signature, for subscription handshakes. Only for components that check \
             them.",
        )
        .or(false);
    let (form, default_header) = match form? {
        "stripe" => (HmacForm::Stripe { tolerance }, "stripe-signature"),
        _ => (HmacForm::Github, "x-hub-signature-256"),
    };
    let header = header.or_else(|| default_header.parse().ok())?;
    if form == HmacForm::Github && t.given("tolerance_secs") {
        t.session().error(
            &t.span("tolerance_secs"),
            "a signature of GitHub's form holds no time: there is nothing to tolerate",
            "remove `tolerance_secs`",
        );
    }
    Some(AuthConfig::Hmac {
        form,
        header,
        unsigned_get,
        secrets: secrets?,
    })
}

fn read_jwt(t: &mut Table<'_>) -> Option<AuthConfig> {
    let algorithm = t
        .field(
            "algorithm",
            Algorithm,
            "How tokens are signed. No other algorithm is accepted, whatever a token says.",
        )
        .example("\"RS256\"")
        .required();
    let secrets = secrets(t).optional();
    let keys = t
        .field(
            "public_key_files",
            List {
                kind: PublicKeyFile,
                len: 1..=SECRETS_MAX,
            },
            "The issuer's public keys, PEM. Only with `algorithm = \"RS256\"`.",
        )
        .example("[\"keys/issuer.pem\"]")
        .optional();
    let issuer = t
        .field("issuer", Credential, "Who must have issued a token (`iss`).")
        .example("\"https://issuer.example\"")
        .optional();
    let audience = t
        .field("audience", Credential, "Whom a token must be meant for (`aud`).")
        .example("\"danube-wasm\"")
        .optional();
    let (wanted, unwanted) = match algorithm? {
        "HS256" => ("secrets", "public_key_files"),
        _ => ("public_key_files", "secrets"),
    };
    if t.given(unwanted) {
        let message = format!("`{unwanted}` has no use with this algorithm");
        t.session().error(
            &t.span(unwanted),
            message,
            format!("remove it; this algorithm needs `{wanted}`"),
        );
    }
    if !t.given(wanted) {
        let help = "HS256 needs `secrets`, RS256 needs `public_key_files`";
        t.session()
            .error(&t.span(wanted), format!("{} needs `{wanted}`", t.header()), help);
    }
    let short = |secret: &Secret| secret.expose().len() < TOKEN_SECRET_BYTES_MIN;
    if wanted == "secrets" && secrets.iter().flatten().any(short) {
        t.session().error(
            &t.span("secrets"),
            format!("a secret of HS256 has at least {TOKEN_SECRET_BYTES_MIN} bytes: a shorter one can be guessed"),
            "make one with `openssl rand -hex 32`",
        );
    }
    let keys = if wanted == "secrets" {
        JwtKeys::Hs256(secrets?)
    } else {
        JwtKeys::Rs256(keys?)
    };
    Some(AuthConfig::Jwt { keys, issuer, audience })
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

/// The signing algorithm of tokens. The help for a wrong one never suggests HS256 in place of a public-key algorithm: with the
/// public key as its secret, everybody who has that key could sign.
struct Algorithm;

impl Algorithm {
    const NAMES: OneOfNames<'static> = OneOfNames(&[("HS256", &[]), ("RS256", &[])]);
}

impl Kind for Algorithm {
    type Value = &'static str;

    fn what(&self) -> String {
        Self::NAMES.what()
    }

    fn show(&self, value: &&'static str) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<&'static str> {
        let text = input.text(&self.what())?;
        if let Some((name, _)) = Self::NAMES.0.iter().find(|(name, _)| *name == text) {
            return Some(name);
        }
        let message = format!(
            "`{}` must be {}, not {}",
            input.name(),
            self.what(),
            quote(&input.written())
        );
        let is_symmetric = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("hs"));
        input.refuse_with(
            message,
            match is_symmetric {
                true => "of the algorithms with a shared secret, only `\"HS256\"` is supported",
                false => "of the algorithms with a public key, only `\"RS256\"` is supported: have the issuer sign with an RSA key",
            },
        )
    }
}

/// The path of a public key in PEM; reads the file.
struct PublicKeyFile;

impl Kind for PublicKeyFile {
    type Value = PublicKey;

    fn what(&self) -> String {
        FilePath.what()
    }

    fn show(&self, value: &PublicKey) -> String {
        FilePath.show(&value.path)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<PublicKey> {
        let path = FilePath.read(input)?;
        let pem = input.file_text(&path, PUBLIC_KEY_BYTES_MAX)?;
        if pem.contains("PUBLIC KEY-----") {
            return Some(PublicKey { path, pem });
        }
        input.refuse_with(
            format!(
                "`{}` names {}, which holds no public key in PEM",
                input.name(),
                path.display()
            ),
            "name a file with `-----BEGIN PUBLIC KEY-----`",
        )
    }
}
