//! The older form of signatures, for two senders: `type = "hmac"`.

use std::time::Duration;

use danube_wasm_settings::{
    Table,
    kinds::{Flag, OneOfNames, Parsed, Secs},
    values::HeaderName,
};

use super::{AuthConfig, HmacForm, secrets};

/// Default for how old a signature may be.
const TOLERANCE: Duration = Duration::from_secs(300);

pub(super) fn read(t: &mut Table<'_>) -> Option<AuthConfig> {
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
