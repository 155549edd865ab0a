//! Signed bearer tokens: `type = "jwt"`.

use danube_wasm_settings::{
    Secret, Section, Table, ValueRef,
    kinds::{Credential, FilePath, Kind, List, OneOfNames, Parsed, quote},
    values::HttpUrl,
};

use super::{AuthConfig, DialConfig, JwtKeys, PublicKey, secrets};
use crate::{
    TokenAlgorithm,
    limits::{ISSUERS_MAX, SECRETS_MAX, TOKEN_SECRET_BYTES_MIN},
};

/// Largest public key file, in bytes.
const PUBLIC_KEY_BYTES_MAX: usize = 64 << 10;

/// An issuer beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its name, which its tokens have as `iss`.
    pub issuer: String,
    /// How its tokens are signed.
    pub algorithm: TokenAlgorithm,
    /// The URL of its keys.
    pub jwks_url: HttpUrl,
    /// The required audience.
    pub audience: Option<String>,
}

impl Section for IssuerConfig {
    const ABOUT: &'static str =
        "Another issuer of tokens. The `iss` of a token chooses the issuer whose keys must verify it.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let issuer = t
            .field("issuer", Credential, "Its name, as its tokens have it (`iss`).")
            .example("\"https://issuer.example\"")
            .required();
        let algorithm = algorithm(t);
        let jwks_url = jwks_url(t).required();
        let audience = audience(t);
        let algorithm = public_algorithm(t, algorithm?)?;
        Some(Self {
            issuer: issuer?,
            algorithm,
            jwks_url: jwks_url?,
            audience,
        })
    }
}

pub(super) fn read(t: &mut Table<'_>) -> Option<AuthConfig> {
    let algorithm = algorithm(t);
    let secrets = secrets(t).optional();
    let keys = t
        .field(
            "public_key_files",
            List {
                kind: PublicKeyFile,
                len: 1..=SECRETS_MAX,
            },
            "The issuer's public keys, PEM. Not with `algorithm = \"HS256\"`.",
        )
        .example("[\"keys/issuer.pem\"]")
        .optional();
    let jwks_url = jwks_url(t).optional();
    let issuer = t
        .field("issuer", Credential, "Who must have issued a token (`iss`).")
        .example("\"https://issuer.example\"")
        .optional();
    let audience = audience(t);
    let others = t.group("issuers").each::<IssuerConfig>();
    let dial = t.group("dial").or_default::<DialConfig>();
    let algorithm = algorithm?;
    let wanted: &[&str] = match algorithm {
        "HS256" => &["secrets"],
        _ => &["public_key_files", "jwks_url"],
    };
    check_keys(t, algorithm, wanted);
    if wanted == ["secrets"] {
        check_length(t, secrets.as_deref().unwrap_or_default());
    }
    if !others.is_empty() && issuer.is_none() {
        t.session().error(
            &t.span("issuers"),
            "with several issuers, each has a name: a token could choose its keys otherwise",
            "add `issuer = \"…\"` for the keys beside `issuers`",
        );
    }
    if others.len() >= ISSUERS_MAX {
        let message = format!("there are more than {ISSUERS_MAX} issuers");
        t.session().error(
            &t.span("issuers"),
            message,
            "give some of them an endpoint of their own",
        );
    }
    let keys = match (algorithm, jwks_url, named(algorithm)) {
        ("HS256", ..) => JwtKeys::Hs256(secrets?),
        (_, Some(url), Some(algorithm)) => JwtKeys::Jwks(algorithm, url),
        ("RS256", ..) => JwtKeys::Rs256(keys?),
        (.., algorithm) => JwtKeys::Public(algorithm?, keys?),
    };
    Some(AuthConfig::Jwt {
        keys,
        issuer,
        audience,
        others,
        dial,
    })
}

/// Keys that have no use with the algorithm, and such as are missing.
fn check_keys(t: &Table<'_>, algorithm: &str, wanted: &[&str]) {
    let all = ["secrets", "public_key_files", "jwks_url"];
    for unwanted in all.iter().filter(|key| !wanted.contains(key) && t.given(key)) {
        let needed = wanted.join("` or `");
        t.session().error(
            &t.span(unwanted),
            format!("`{unwanted}` has no use with this algorithm"),
            format!("remove it; this algorithm needs `{needed}`"),
        );
    }
    let given = wanted.iter().filter(|key| t.given(key)).count();
    if given == 0 {
        let help = "HS256 needs `secrets`, the others need `public_key_files` or `jwks_url`";
        let message = format!("{} needs `{}`", t.header(), wanted.join("` or `"));
        t.session().error(&t.span(wanted[0]), message, help);
    }
    if given > 1 {
        t.session().error(
            &t.span("jwks_url"),
            format!("the keys for {algorithm} are in files or at a URL, not both"),
            "remove `public_key_files` or `jwks_url`",
        );
    }
}

fn check_length(t: &Table<'_>, secrets: &[Secret]) {
    let is_short = |secret: &Secret| secret.expose().len() < TOKEN_SECRET_BYTES_MIN;
    if secrets.iter().any(is_short) {
        t.session().error(
            &t.span("secrets"),
            format!("a secret of HS256 has at least {TOKEN_SECRET_BYTES_MIN} bytes: a shorter one can be guessed"),
            "make one with `openssl rand -hex 32`",
        );
    }
}

fn algorithm(t: &mut Table<'_>) -> Option<&'static str> {
    t.field(
        "algorithm",
        Algorithm,
        "How tokens are signed. No other algorithm is accepted, whatever a token says.",
    )
    .example("\"RS256\"")
    .required()
}

fn jwks_url<'t, 's>(t: &'t mut Table<'s>) -> danube_wasm_settings::Field<'t, 's, Parsed<HttpUrl>> {
    t.field(
        "jwks_url",
        Parsed::<HttpUrl>::new("a URL"),
        "Where the issuer publishes its keys. They are fetched when the first token comes, kept, and fetched anew every five minutes \
         and when a token names an unknown key.",
    )
    .example("\"https://issuer.example/.well-known/jwks.json\"")
}

fn audience(t: &mut Table<'_>) -> Option<String> {
    t.field("audience", Credential, "Whom a token must be meant for (`aud`).")
        .example("\"danube-wasm\"")
        .optional()
}

fn public_algorithm(t: &Table<'_>, algorithm: &str) -> Option<TokenAlgorithm> {
    let named = named(algorithm);
    if named.is_none() {
        let message = "a URL has no shared secrets, which HS256 needs";
        t.session().error(
            &t.span("algorithm"),
            message,
            "write `algorithm = \"RS256\"`, or as the issuer signs",
        );
    }
    named
}

/// The algorithms with public keys.
fn named(algorithm: &str) -> Option<TokenAlgorithm> {
    match algorithm {
        "RS256" => Some(TokenAlgorithm::RS256),
        "PS256" => Some(TokenAlgorithm::PS256),
        "ES256" => Some(TokenAlgorithm::ES256),
        "ES384" => Some(TokenAlgorithm::ES384),
        "EdDSA" => Some(TokenAlgorithm::EdDSA),
        _ => None,
    }
}

/// The signing algorithm of tokens. The help for a wrong one never suggests HS256 in place of a public-key algorithm: with the
/// public key as its secret, everybody who has that key could sign.
struct Algorithm;

impl Algorithm {
    const NAMES: OneOfNames<'static> = OneOfNames(&[
        ("HS256", &[]),
        ("RS256", &[]),
        ("PS256", &[]),
        ("ES256", &[]),
        ("ES384", &[]),
        ("EdDSA", &[]),
    ]);
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
                false => "of the algorithms with a public key, `\"RS256\"`, `\"PS256\"`, `\"ES256\"`, `\"ES384\"` and `\"EdDSA\"` are supported",
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
