//! The table `[auth]`, which applies to every endpoint of a file.

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

/// The table's keys that are given and valid.
struct Auth<'s> {
    header: Option<HeaderName>,
    secret: Option<DeValue<'s>>,
    algorithm: Option<String>,
}

const TYPES: OneOfNames<'static> = OneOfNames(&[("none", &[]), ("apikey", &["api_key"]), ("hmac", &[]), ("jwt", &[])]);

impl<'s> Translation<'s> {
    /// Translates the table to one at `path`; `None` if everyone may post, or if a required key is invalid.
    pub(super) fn auth(&mut self, input: &Input<'s>, path: String) -> Option<Output<'s>> {
        if !input.is_table() {
            return None;
        }
        let mut out = self.start_table(path, &input.span);
        let chosen = self.read(input, "type", &TYPES, "\"apikey\"");
        if !input.has("type") {
            let help = "write for example `type = \"apikey\"`";
            self.session
                .error(&input.value_span("type"), "[auth] needs `type`", help);
        }
        let header = Parsed::<HeaderName>::new("a header");
        let auth = Auth {
            header: self.read(input, "header", &header, "\"x-api-key\""),
            secret: self.secret(input),
            algorithm: self.read(input, "algorithm", &Text, "\"sha256\""),
        };
        self.warn_about_unused_keys(input, chosen);
        let kind = match chosen? {
            "apikey" => self.api_key(input, &auth, &mut out),
            "hmac" => self.hmac(input, &auth, &mut out)?,
            "jwt" => self.jwt(input, &auth, &mut out),
            _ => return None,
        };
        self.fill(&mut out, "type", &input.value_span("type"), text(kind));
        Some(out)
    }

    /// Returns a reference to the variable that holds the secret.
    fn secret(&self, input: &Input<'s>) -> Option<DeValue<'s>> {
        let name = self.read(input, "secret_env", &Text, "\"WEBHOOK_API_KEY\"")?;
        if self.session.env().get(&name).is_none() {
            let message = format!("`secret_env` names the environment variable `{name}`, which is not set");
            let help = format!("set {name} for this process");
            self.session.error(&input.value_span("secret_env"), message, help);
            return None;
        }
        Some(reference(format!("${{{name}}}")))
    }

    /// Warns about keys that the type of authentication does not use.
    fn warn_about_unused_keys(&mut self, input: &Input<'s>, chosen: Option<&str>) {
        let mut never = |key, help| self.warn_about_effect(input, key, Effect::Never, help);
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
        self.fill(out, "header", &input.value_span("header"), text(header));
        self.put_secret(input, auth, out);
        "api_key"
    }

    fn hmac(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) -> Option<&'static str> {
        if auth.algorithm.as_ref().is_some_and(|algorithm| algorithm != "sha256") {
            self.session.error(
                &input.value_span("algorithm"),
                "signatures are made with `sha256` here",
                "write `algorithm = \"sha256\"` if the sender makes them so",
            );
        }
        self.report_missing(input, "header");
        self.put_secret(input, auth, out);
        let form = match auth.header.as_ref()?.as_str() {
            "stripe-signature" => "stripe",
            "x-hub-signature-256" => "github",
            header => {
                // Danube Connect never checked this header, so any guess could refuse every request, or none.
                self.session.error(
                    &input.value_span("header"),
                    format!("how a signature in `{header}` is made cannot be told from its header"),
                    "write `Stripe-Signature` or `X-Hub-Signature-256`, or `type = \"none\"` to let everyone post as \
                     Danube Connect did",
                );
                return None;
            }
        };
        self.fill(out, "form", &input.value_span("header"), text(form));
        let message = "Danube Connect let every request in; here its signature is checked";
        self.note(
            &input.value_span("type"),
            message,
            "see that the senders have the same secret",
        );
        Some("hmac")
    }

    fn jwt(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) -> &'static str {
        let place = input.value_span("public_key_path");
        let is_public = input.has("public_key_path") && !input.has("secret_env");
        let algorithm = if is_public { "RS256" } else { "HS256" };
        self.fill(out, "algorithm", &input.value_span("type"), text(algorithm));
        if is_public {
            self.warn_about_effect(
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
                    &input.value_span("secret_env"),
                    "`jwt` needs `secret_env` or `public_key_path`",
                    "write for example `secret_env = \"WEBHOOK_JWT_SECRET\"`",
                );
            }
            self.put_list("secrets", &input.value_span("secret_env"), auth.secret.clone(), out);
        }
        "jwt"
    }

    fn put_secret(&mut self, input: &Input<'s>, auth: &Auth<'s>, out: &mut Output<'s>) {
        self.report_missing(input, "secret_env");
        self.put_list("secrets", &input.value_span("secret_env"), auth.secret.clone(), out);
    }

    /// Puts a list of one value. Records an error if the value is missing.
    fn put_list(&mut self, key: &'static str, place: &Span, value: Option<DeValue<'s>>, out: &mut Output<'s>) {
        let Some(value) = value else {
            return self.names.mark_reported(out.path_of(key));
        };
        self.names.rename(format!("{}[0]", out.path_of(key)), place.key.clone());
        let items = std::iter::once(Spanned::new(place.bytes.clone(), value)).collect();
        self.fill(out, key, place, DeValue::Array(items));
    }

    fn report_missing(&self, input: &Input<'s>, key: &str) {
        if !input.has(key) {
            let message = format!("this type of [auth] needs `{key}`");
            self.session
                .error(&input.value_span(key), message, format!("add `{key}`"));
        }
    }
}
