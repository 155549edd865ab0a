//! Signatures: `type = "signature"`, as a preset or the keys of a scheme say.

use std::time::Duration;

use danube_wasm_settings::{
    Secret, Table,
    kinds::{Flag, OneOfNames, Parsed, Secs},
    values::HeaderName,
};

use super::{AuthConfig, scheme, secrets};
use crate::{
    Adyen, AuthError, Secrets, Signature,
    auth::signature::{PRESETS, Part, Preset, Proof, PublicUrl, Scheme},
    limits::SIGNATURE_TOLERANCE_SECS_DEFAULT,
};

/// How senders sign, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureConfig {
    /// The sender, if it is a known one.
    pub preset: Option<&'static Preset>,
    /// How it signs, if it does so in a header.
    pub scheme: Option<Scheme>,
    /// The endpoint's URL as the sender knows it.
    pub url: Option<PublicUrl>,
    /// Whether `GET` requests are accepted without one.
    pub unsigned_get: bool,
    /// At least one.
    pub secrets: Vec<Secret>,
}

pub(super) fn read(t: &mut Table<'_>) -> Option<AuthConfig> {
    let names: Vec<_> = PRESETS.iter().map(|preset| (preset.name, &[][..])).collect();
    let preset = t
        .field(
            "preset",
            OneOfNames(&names),
            "The sender, whose signatures are known. `gitlab` sends its secret itself. Without it, the keys of a scheme say how \
             signatures are made.",
        )
        .example("\"shopify\"")
        .optional()
        .and_then(Preset::named);
    let secrets = secrets(t).required();
    let header = t
        .field(
            "header",
            Parsed::<HeaderName>::new("a header"),
            "The header that carries the signature. Of a preset, only for those who copied it.",
        )
        .example("\"x-signature\"")
        .defaults_to("the preset's");
    let written = scheme::read(t, header.as_ref());
    let tolerance = t
        .field(
            "tolerance_secs",
            Secs(1..=86_400),
            "How old a signature may be, or how far in the future. Only where its time is signed.",
        )
        .or(Duration::from_secs(SIGNATURE_TOLERANCE_SECS_DEFAULT));
    let url = t
        .field(
            "url",
            Parsed::<PublicUrl>::new("a URL"),
            "The endpoint's URL as the sender has it, without its query, for senders that sign it: with the path if something in \
             between changes that.",
        )
        .example("\"https://hooks.example\"")
        .optional();
    let unsigned_get = t
        .field(
            "unsigned_get",
            Flag,
            "Let `GET` requests in without a signature, for subscription handshakes. Only for components that check \
             them.",
        )
        .or(false);
    let mut scheme = match preset {
        Some(preset) => {
            scheme::refuse_keys(t, preset);
            preset.scheme()
        }
        None if t.session().manual().is_some() => None,
        None => Some(written?),
    };
    if let Some(scheme) = &mut scheme {
        if let Some(header) = header {
            scheme.header = header.into();
        }
        if let Some(time) = &mut scheme.time {
            time.tolerance_secs = tolerance.as_secs();
        }
    }
    let config = SignatureConfig {
        preset,
        scheme,
        url,
        unsigned_get,
        secrets: secrets?,
    };
    check(t, &config);
    Some(AuthConfig::Signature(Box::new(config)))
}

/// Reports what is wrong between keys, and secrets of another shape.
fn check(t: &Table<'_>, config: &SignatureConfig) {
    let session = t.session();
    let has = |part: &Part| config.scheme.as_ref().is_some_and(|scheme| scheme.signed.has(part));
    if has(&Part::Url) && config.url.is_none() {
        let message = "the sender signs the URL, which this host cannot know: a proxy may be in front of it";
        session.error(
            &t.span("preset"),
            message,
            "add `url = \"https://…\"`, as the sender has it",
        );
    }
    if config.url.is_some() && !has(&Part::Url) {
        session.error(&t.span("url"), "this sender does not sign the URL", "remove `url`");
    }
    let is_timed = config.scheme.as_ref().is_some_and(|scheme| scheme.time.is_some());
    if t.given("tolerance_secs") && !is_timed {
        let message = "this signature holds no time: there is nothing to tolerate";
        session.error(&t.span("tolerance_secs"), message, "remove `tolerance_secs`");
    }
    // A secret whose variable is asked for later cannot be looked at yet.
    if config.secrets.iter().any(|secret| secret.expose().contains("${")) {
        return;
    }
    if let Err(error) = config.build() {
        let key = match error {
            AuthError::Secret(_) => "secrets",
            AuthError::Id => "id_header",
            _ => "signed",
        };
        session.error(
            &t.span(key),
            error.to_string(),
            "correct it as the sender's page about webhooks says",
        );
        return;
    }
    let begins = config.preset.and_then(|preset| preset.secret_begins);
    if let Some(begins) =
        begins.filter(|begins| config.secrets.iter().any(|secret| !secret.expose().starts_with(begins)))
    {
        let message = format!("a secret of this sender begins with `{begins}`, and one that is given does not");
        session.warning(
            &t.span("secrets"),
            message,
            "copy it from the sender's page of the webhook",
        );
    }
}

impl SignatureConfig {
    /// What checks requests as this says.
    pub(crate) fn build(&self) -> Result<crate::Auth, AuthError> {
        let secrets = self
            .secrets
            .iter()
            .map(|secret| crate::Secret::try_new(secret.expose()));
        let secrets = secrets.collect::<Result<Vec<_>, _>>().and_then(Secrets::try_new);
        let secrets = secrets.map_err(|error| AuthError::Secret(error.to_string()))?;
        if let Some(header) = self.preset.and_then(Preset::token_header) {
            let key = crate::ApiKey::new(&secrets).with_header(header);
            return Ok(crate::Auth::ApiKey(key));
        }
        let Some(scheme) = &self.scheme else {
            return match self.preset.map(|preset| preset.proof) {
                Some(Proof::Adyen) => Adyen::try_new(&secrets).map(crate::Auth::Adyen),
                _ => Err(AuthError::Preset(String::new())),
            };
        };
        let mut signature = Signature::try_new(scheme.clone(), &secrets)?;
        if let Some(url) = &self.url {
            signature = signature.with_public_url(url.clone());
        }
        if self.unsigned_get {
            signature = signature.with_unsigned_get();
        }
        Ok(crate::Auth::Signature(Box::new(signature)))
    }
}
