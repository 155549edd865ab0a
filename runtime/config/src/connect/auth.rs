//! `[auth]`, which holds for all endpoints of a file.

use toml::de::DeValue;

use crate::tables::auth::{Auth, HS256_SECRET_BYTES_MIN, HmacForm, JwtKeys, PublicKeyFile, TOLERANCE};
use danube_wasm_settings::{
    Effect, Secret, Section, Table, ValueRef,
    kinds::{Kind, OneOfNames, Parsed, Text, checked, quote},
    values::HeaderName,
};

/// Who may post, and that as a pipeline file says it; `None` for everyone.
pub(super) struct ConnectAuth {
    pub(super) auth: Auth,
    pub(super) toml: Option<String>,
}

impl Section for ConnectAuth {
    const ABOUT: &'static str = "Who may post. Danube Connect let every request in with `hmac`; here signatures are \
        checked.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let types = OneOfNames(&[("none", &[]), ("apikey", &["api_key"]), ("hmac", &[]), ("jwt", &[])]);
        let about = "`none` lets everyone post, `apikey` asks for a secret in a header, `hmac` for a signature of the \
                     body, `jwt` for a signed bearer token.";
        let chosen = t.field("type", types, about).example("\"apikey\"").required();
        let secret = t
            .field(
                "secret_env",
                SecretVariable,
                "Name of the environment variable that holds the secret.",
            )
            .example("\"WEBHOOK_API_KEY\"")
            .optional();
        let header = t
            .field(
                "header",
                Parsed::<HeaderName>::new("a header"),
                "The header that carries the secret or the signature.",
            )
            .example("\"x-api-key\"")
            .optional();
        let algorithm = t
            .field("algorithm", Text, "How a signature is made: `sha256`.")
            .example("\"sha256\"")
            .optional();
        // Read only where it is used: elsewhere it may name anything.
        let describing = t.session().manual().is_some();
        let public_key = if describing || chosen == Some("jwt") && !t.given("secret_env") {
            t.field(
                "public_key_path",
                PublicKeyFile,
                "The issuer's public key, PEM, for `jwt`.",
            )
            .example("\"keys/issuer.pem\"")
            .optional()
        } else {
            let help = "remove it, or remove `secret_env` to have tokens of RS256";
            t.inert("public_key_path", Effect::Never, help);
            None
        };
        if chosen.is_some_and(|chosen| chosen != "hmac") {
            t.tell_effect("algorithm", Effect::Never, "remove it");
        }
        match chosen? {
            "apikey" => api_key(t, header, secret),
            "hmac" => hmac(t, header, algorithm.as_deref(), secret),
            "jwt" => {
                t.tell_effect("header", Effect::Never, "remove it; tokens come in `Authorization`");
                jwt(t, secret, public_key)
            }
            _ => {
                t.tell_effect("header", Effect::Never, "remove it");
                Some(Self {
                    auth: Auth::None,
                    toml: None,
                })
            }
        }
    }
}

fn api_key(t: &Table<'_>, header: Option<HeaderName>, secret: Option<Named>) -> Option<ConnectAuth> {
    let header = header.or_else(|| "x-api-key".parse().ok().filter(|_| !t.given("header")));
    let secret = needed(t, "secret_env", secret);
    let (header, secret) = (header?, secret?);
    let toml = format!(
        "{{ type = \"api_key\", header = {}, secrets = [{}] }}",
        quote(header.as_str()),
        secret.toml
    );
    Some(ConnectAuth {
        auth: Auth::ApiKey {
            header,
            secrets: vec![secret.secret],
        },
        toml: Some(toml),
    })
}

fn hmac(
    t: &Table<'_>,
    header: Option<HeaderName>,
    algorithm: Option<&str>,
    secret: Option<Named>,
) -> Option<ConnectAuth> {
    if algorithm.is_some_and(|algorithm| algorithm != "sha256") {
        t.session().error(
            &t.span("algorithm"),
            "signatures are made with `sha256` here",
            "write `algorithm = \"sha256\"` if the sender makes them so",
        );
    }
    let header = needed(t, "header", header);
    let secret = needed(t, "secret_env", secret);
    let (header, secret) = (header?, secret?);
    let (form, name) = match header.as_str() {
        "stripe-signature" => (HmacForm::Stripe { tolerance: TOLERANCE }, "stripe"),
        "x-hub-signature-256" => (HmacForm::Github, "github"),
        _ => {
            // Nobody ever checked what is in that header: to guess would be to refuse every request, or none.
            t.session().error(
                &t.span("header"),
                format!("how a signature in `{header}` is made cannot be told from its header"),
                "write `Stripe-Signature` or `X-Hub-Signature-256`, or `type = \"none\"` to let everyone post as Danube \
                 Connect did",
            );
            return None;
        }
    };
    t.session().note(
        &t.span("type"),
        "Danube Connect let every request in; here its signature is checked",
        "see that the senders have the same secret",
    );
    let toml = format!("{{ type = \"hmac\", form = \"{name}\", secrets = [{}] }}", secret.toml);
    Some(ConnectAuth {
        auth: Auth::Hmac {
            form,
            header,
            unsigned_get: false,
            secrets: vec![secret.secret],
        },
        toml: Some(toml),
    })
}

fn jwt(t: &Table<'_>, secret: Option<Named>, key: Option<crate::tables::auth::PublicKey>) -> Option<ConnectAuth> {
    if !t.given("secret_env") && !t.given("public_key_path") {
        t.session().error(
            &t.span("secret_env"),
            "`jwt` needs `secret_env` or `public_key_path`",
            "write for example `secret_env = \"WEBHOOK_JWT_SECRET\"`",
        );
    }
    let (keys, toml) = match (secret, key) {
        (Some(secret), _) => {
            if secret.secret.expose().len() < HS256_SECRET_BYTES_MIN {
                let message = format!(
                    "a secret of HS256 has at least {HS256_SECRET_BYTES_MIN} bytes: a shorter one can be guessed"
                );
                let help = "make one with `openssl rand -hex 32`";
                t.session().error(&t.span("secret_env"), message, help);
            }
            let toml = format!(
                "{{ type = \"jwt\", algorithm = \"HS256\", secrets = [{}] }}",
                secret.toml
            );
            (JwtKeys::Hs256(vec![secret.secret]), toml)
        }
        (None, Some(key)) => {
            t.tell_effect("public_key_path", Effect::New, "see that the issuer signs with RS256");
            let path = t.session().portable(&key.path);
            let toml = format!("{{ type = \"jwt\", algorithm = \"RS256\", public_key_files = [{path}] }}");
            (JwtKeys::Rs256(vec![key]), toml)
        }
        (None, None) => return None,
    };
    Some(ConnectAuth {
        auth: Auth::Jwt {
            keys,
            issuer: None,
            audience: None,
        },
        toml: Some(toml),
    })
}

/// A key that this type of authentication needs.
fn needed<T>(t: &Table<'_>, key: &str, value: Option<T>) -> Option<T> {
    if !t.given(key) {
        t.session().error(
            &t.span(key),
            format!("this type of [auth] needs `{key}`"),
            format!("add `{key}`"),
        );
    }
    value
}

/// A secret, and the reference to its variable.
struct Named {
    secret: Secret,
    toml: String,
}

/// Reads the name of an environment variable, and the secret in it.
struct SecretVariable;

impl Kind for SecretVariable {
    type Value = Named;

    fn what(&self) -> String {
        "the name of an environment variable".to_owned()
    }

    fn show(&self, value: &Named) -> String {
        value.toml.clone()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Named> {
        let name = Text.read(input)?;
        let toml = quote(&format!("${{{name}}}"));
        let reference = DeValue::String(format!("${{{name}}}").into());
        let value = ValueRef {
            session: input.session,
            value: &reference,
            span: input.span.clone(),
            sample: input.sample.clone(),
            literal: false,
        };
        let Some(text) = input.session.env().get(&name) else {
            return input.refuse_with(
                format!(
                    "`{}` names the environment variable `{name}`, which is not set",
                    input.name()
                ),
                format!("set {name} for this process"),
            );
        };
        // Says what is wrong with a name that no reference can have.
        value.text(&self.what())?;
        let secret = checked(input, text)?;
        Some(Named { secret, toml })
    }
}
