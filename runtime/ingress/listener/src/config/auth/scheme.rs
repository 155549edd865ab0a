//! The keys of a scheme that no preset has.

use danube_wasm_settings::{
    Table,
    kinds::{Choice, Parsed, Text},
    values::HeaderName,
};

use crate::{
    auth::signature::{
        Algorithm, Encoding, Preset, Scheme, SecretEncoding, SignedTime, Template, TimePlace, TimeUnit, UrlForm,
    },
    limits::SIGNATURE_TOLERANCE_SECS_DEFAULT,
};

/// The keys of a scheme, which a preset replaces.
const SCHEME_KEYS: [&str; 10] = [
    "algorithm",
    "encoding",
    "prefix",
    "separator",
    "signed",
    "timestamp_header",
    "timestamp_prefix",
    "timestamp_unit",
    "id_header",
    "secret_encoding",
];

/// The keys of a scheme. `None` if there is no header.
pub(super) fn read(t: &mut Table<'_>, header: Option<&HeaderName>) -> Option<Scheme> {
    let (algorithm, encoding) = read_form(t);
    let prefix = t
        .field("prefix", Text, "What precedes a signature in its header.")
        .example("\"sha256=\"")
        .defaults_to("nothing");
    let separator = t
        .field(
            "separator",
            Choice::of(&[(",", ','), (" ", ' '), (";", ';')]),
            "What is between several signatures in the header. Any of the first eight that begin with `prefix` will do.",
        )
        .example("\",\"")
            .optional();
    let signed = t
        .field(
            "signed",
            Parsed::<Template>::new("a text with `{timestamp}`, `{id}`, `{method}`, `{url}`, `{body}` and `{sorted_form}`"),
            "What is signed. `{body}` is the body as it is sent; `{sorted_form}` are the names and values of a form, sorted by name.",
        )
        .example("\"{timestamp}.{body}\"")
        .or("{body}".parse().ok()?);
    let time = read_time(t);
    let id_header = t
        .field(
            "id_header",
            Parsed::<HeaderName>::new("a header"),
            "The header that carries `{id}`.",
        )
        .example("\"webhook-id\"")
        .optional();
    let secret = read_secret_encoding(t);
    if header.is_none() && !t.given("preset") && !t.given("header") {
        report_missing(t);
    }
    Some(Scheme {
        header: header?.clone().into(),
        algorithm,
        encoding,
        prefix: prefix.unwrap_or_default(),
        ed25519_prefix: None,
        separator,
        signed,
        time,
        id_header: id_header.map(Into::into),
        secret,
        url: UrlForm::AsSent,
        digest_parameter: None,
    })
}

/// Where the time is.
fn read_time(t: &mut Table<'_>) -> Option<SignedTime> {
    let header = t
        .field(
            "timestamp_header",
            Parsed::<HeaderName>::new("a header"),
            "The header that carries `{timestamp}`.",
        )
        .example("\"x-timestamp\"")
        .optional();
    let prefix = t
        .field(
            "timestamp_prefix",
            Text,
            "What precedes `{timestamp}` where it is in the signature's header. Needs `separator`.",
        )
        .example("\"t=\"")
        .optional();
    let unit = t
        .field(
            "timestamp_unit",
            Choice::of(&[("seconds", TimeUnit::Secs), ("milliseconds", TimeUnit::Millis)]),
            "The unit of `{timestamp}`.",
        )
        .or(TimeUnit::Secs);
    if header.is_some() && prefix.is_some() {
        t.session().error(
            &t.span("timestamp_prefix"),
            "the time is in a header of its own or in the signature's, not in both",
            "remove `timestamp_header` or `timestamp_prefix`",
        );
    }
    if prefix.is_some() && !t.given("separator") {
        t.session().error(
            &t.span("timestamp_prefix"),
            "`timestamp_prefix` needs `separator`: the signature is in the same header",
            "add for example `separator = \",\"`",
        );
    }
    let header = header.map(|header| TimePlace::Header(header.into()));
    let place = header.or_else(|| prefix.map(TimePlace::Prefix))?;
    Some(SignedTime {
        place,
        unit,
        tolerance_secs: SIGNATURE_TOLERANCE_SECS_DEFAULT,
    })
}

/// How a signature is made and written.
fn read_form(t: &mut Table<'_>) -> (Algorithm, Encoding) {
    let algorithm = t
        .field(
            "algorithm",
            Choice::of(&[
                ("sha256", Algorithm::Sha256),
                ("sha1", Algorithm::Sha1),
                ("sha512", Algorithm::Sha512),
                ("ed25519", Algorithm::Ed25519),
            ]),
            "How signatures are made: HMAC with one of three digests, or Ed25519, whose `secrets` are the sender's public keys.",
        )
        .or(Algorithm::Sha256);
    let encoding = t
        .field(
            "encoding",
            Choice::of(&[("hex", Encoding::Hex), ("base64", Encoding::Base64)]),
            "How a signature is written.",
        )
        .or(Encoding::Hex);
    (algorithm, encoding)
}

fn read_secret_encoding(t: &mut Table<'_>) -> SecretEncoding {
    t.field(
        "secret_encoding",
        Choice::of(&[
            ("text", SecretEncoding::Text),
            ("hex", SecretEncoding::Hex),
            ("base64", SecretEncoding::Base64),
        ]),
        "How the sender writes its secrets: whether their bytes are those of the text or what it encodes.",
    )
    .or(SecretEncoding::Text)
}

fn report_missing(t: &Table<'_>) {
    t.session().error(
        &t.span("header"),
        format!("{} needs `preset` or `header`", t.header()),
        "name the sender, as in `preset = \"shopify\"`, or the header that carries the signature",
    );
}

/// Refuses the keys beside a preset.
pub(super) fn refuse_keys(t: &Table<'_>, preset: &Preset) {
    for key in SCHEME_KEYS.iter().filter(|key| t.given(key)) {
        t.session().error(
            &t.span(key),
            format!(
                "`{key}` belongs to a scheme of its own, and the preset `{}` has one",
                preset.name
            ),
            format!("remove `{key}`, or remove `preset` and write the whole scheme"),
        );
    }
}
