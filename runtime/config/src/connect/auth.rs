//! `[auth]`, which holds for every endpoint of a file.

use danube_wasm_settings::{
    Span,
    kinds::{OneOfNames, Parsed, Text},
    values::HeaderName,
};
use toml::{Spanned, de::DeValue};

use super::{
    input::Input,
    keys::Effect,
    output::{Output, reference, text},
    translation::Translation,
};

/// What the keys of the table say, as far as they are given and right.
struct Auth<'s> {
    header: Option<HeaderName>,
    secret: Option<DeValue<'s>>,
    algorithm: Option<String>,
}

const TYPES: OneOfNames<'static> = OneOfNames(&[("none", &[]), ("apikey", &["api_key"]), ("hmac", &[]), ("jwt", &[])]);

impl<'s> Translation<'s> {
    /// Who may post, as a table at this path; `None` for everyone, or where something that is needed is wrong.
    pub(super) fn auth(&mut self, input: &Input<'s>, path: String) -> Option<Output<'s>> {
        if !input.is_table() {
            return None;
        }
        let mut out = self.make(path, &input.span);
        let chosen = self.read(input, "type", &TYPES, "\"apikey\"");
        if !input.has("type") {
            let help = "write for example `type = \"apikey\"`";
            self.session.error(&input.place("type"), "[auth] needs `type`", help);
        }
        let header = Parsed::<HeaderName>::new("a header");
        let auth = Auth {
            header: self.read(input, "header", &header, "\"x-api-key\""),
            secret: self.secret(input),
            algorithm: self.read(input, "algorithm", &Text, "\"sha256\""),
        };
        self.tell_unused(input, chosen);
        let kind = match chosen? {
            "apikey" => self.api_key(input, &auth, &mut out),
            "hmac" => self.hmac(input, &auth, &mut out)?,
            "jwt" => self.jwt(input, &auth, &mut out),
            _ => return None,
        };
        self.fill(&mut out, "type", &input.place("type"), text(kind));
        Some(out)
    }

    /// A reference to the variable that holds the secret.
    fn secret(&self, input: &Input<'s>) -> Option<DeValue<'s>> {
        let name = self.read(input, "secret_env", &Text, "\"WEBHOOK_API_KEY\"")?;
        if self.session.env().get(&name).is_none() {
            let message = format!("`secret_env` names the environment variable `{name}`, which is not set");
            let help = format!("set {name} for this process");
            self.session.error(&input.place("secret_env"), message, help);
            return None;
        }
        Some(reference(format!("${{{name}}}")))
    }

    /// Tells of keys that are of no use to the type.
    fn tell_unused(&mut self, input: &Input<'s>, chosen: Option<&str>) {
        let mut never = |key, help| self.tell_effect(input, key, Effect::Never, help);
        match chosen {
            Some("jwt") => never("header", "remove it; tokens come in `Authorization`"),
            Some("none") => never("header", "remove it"),
            _ => {}
        }
        if chosen.is_some_and(|chosen| chosen != "hmac") {
            never("algorithm", "remove it");
        }
        if chosen != Some("jwt") || input.has("secret_env") {
            let help = "remove it, or remove `secret_env` to have tokens of RS256";
            never("public_key_path", help);
        }
    }

    fn api_key(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) -> &'static str {
        let header = auth.header.as_ref().map_or("x-api-key", |header| header.as_str());
        self.fill(out, "header", &input.place("header"), text(header));
        self.put_secret(input, auth, out);
        "api_key"
    }

    fn hmac(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) -> Option<&'static str> {
        if auth.algorithm.as_ref().is_some_and(|algorithm| algorithm != "sha256") {
            self.session.error(
                &input.place("algorithm"),
                "signatures are made with `sha256` here",
                "write `algorithm = \"sha256\"` if the sender makes them so",
            );
        }
        self.needed(input, "header");
        self.put_secret(input, auth, out);
        let form = match auth.header.as_ref()?.as_str() {
            "stripe-signature" => "stripe",
            "x-hub-signature-256" => "github",
            header => {
                // Nobody ever checked what is in that header: to guess would be to refuse every request, or none.
                self.session.error(
                    &input.place("header"),
                    format!("how a signature in `{header}` is made cannot be told from its header"),
                    "write `Stripe-Signature` or `X-Hub-Signature-256`, or `type = \"none\"` to let everyone post as \
                     Danube Connect did",
                );
                return None;
            }
        };
        self.fill(out, "form", &input.place("header"), text(form));
        let message = "Danube Connect let every request in; here its signature is checked";
        self.note(
            &input.place("type"),
            message,
            "see that the senders have the same secret",
        );
        Some("hmac")
    }

    fn jwt(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) -> &'static str {
        let place = input.place("public_key_path");
        let is_public = input.has("public_key_path") && !input.has("secret_env");
        let algorithm = if is_public { "RS256" } else { "HS256" };
        self.fill(out, "algorithm", &input.place("type"), text(algorithm));
        if is_public {
            self.tell_effect(
                input,
                "public_key_path",
                Effect::New,
                "see that the issuer signs with RS256",
            );
            let path = self.read(input, "public_key_path", &Text, "\"keys/issuer.pem\"");
            let path = path.map(|path| text(&self.portable(&path)));
            self.put_list("public_key_files", &place, path, out);
        } else {
            if !input.has("secret_env") {
                self.session.error(
                    &input.place("secret_env"),
                    "`jwt` needs `secret_env` or `public_key_path`",
                    "write for example `secret_env = \"WEBHOOK_JWT_SECRET\"`",
                );
            }
            self.put_list("secrets", &input.place("secret_env"), auth.secret.clone(), out);
        }
        "jwt"
    }

    fn put_secret(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) {
        self.needed(input, "secret_env");
        self.put_list("secrets", &input.place("secret_env"), auth.secret.clone(), out);
    }

    /// A list of one value; without it, that it is missing has been recorded.
    fn put_list(&mut self, key: &'static str, place: &Span, value: Option<DeValue<'s>>, out: &mut Output<'s>) {
        let Some(value) = value else {
            return self.names.mark_told(out.path_of(key));
        };
        self.names.rename(format!("{}[0]", out.path_of(key)), place.key.clone());
        let items = std::iter::once(Spanned::new(place.bytes.clone(), value)).collect();
        self.fill(out, key, place, DeValue::Array(items));
    }

    fn needed(&self, input: &Input<'s>, key: &str) {
        if !input.has(key) {
            let message = format!("this type of [auth] needs `{key}`");
            self.session.error(&input.place(key), message, format!("add `{key}`"));
        }
    }
}
