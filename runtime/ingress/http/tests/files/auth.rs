//! Keys about who may post.

use std::path::Path;

use crate::source::{Environment, load};

/// A file whose endpoint has these lines.
fn file(lines: &str) -> String {
    format!(
        "[[sources]]\nname = \"in\"\ncomponent = \"builtin:webhook-source\"\n[sources.webhook]\nport = 0\n\
         [[sources.webhook.endpoints]]\npath = \"/hook\"\ndanube_topic = \"/a/b\"\n{lines}\n"
    )
}

fn read(lines: &str) -> Result<Vec<String>, String> {
    // Of the environment, so that no warning says that a secret is written in the file.
    let env = [
        ("TEXT", "hunter2-hunter2"),
        ("HEX", "44782DEF547AAA06C910C43932B1EB0C"),
        (
            "KEY",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        ("WHSEC", "whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIGV4YW1wbGU="),
    ];
    let env: Environment = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load(Path::new("pipeline.toml"), file(lines), &env)
}

fn preset(name: &str, variable: &str, more: &str) -> String {
    format!("auth = {{ type = \"signature\", preset = \"{name}\", secrets = [\"${{{variable}}}\"]{more} }}")
}

#[test]
fn what_is_right_is_read_without_a_warning() {
    let url = ", url = \"https://hooks.example\"";
    for lines in [
        preset("shopify", "TEXT", ""),
        preset("slack", "TEXT", ", tolerance_secs = 60") + "\nevent_id = { pointer = \"/event_id\" }",
        preset("gitea", "TEXT", ", header = \"x-forgejo-signature\""),
        preset("twilio", "TEXT", url),
        preset("adyen", "HEX", ""),
        preset("discord", "KEY", ""),
        preset("stripe", "WHSEC", "") + "\nevent_id = \"minted\"",
        preset("svix", "WHSEC", ""),
        "auth = { type = \"signature\", header = \"x-sig\", algorithm = \"sha512\", encoding = \"base64\", secrets = [\"${TEXT}\"] }".into(),
        "auth = { type = \"signature\", header = \"x-sig\", separator = \";\", prefix = \"h1=\", timestamp_prefix = \"ts=\", \
         signed = \"{timestamp}:{body}\", secrets = [\"${TEXT}\"] }"
            .into(),
        "auth = { type = \"bearer\", secrets = [\"${TEXT}\", \"${HEX}\", \"${KEY}\"] }".into(),
        "auth = { type = \"basic\", user = \"shop\", secrets = [\"${TEXT}\"] }".into(),
        "auth = { type = \"query_token\", secrets = [\"${TEXT}\"] }".into(),
        "auth = { type = \"sns\", topics = [\"arn:aws:sns:eu-west-1:1:a\"] }".into(),
        "auth = { type = \"jwt\", algorithm = \"ES256\", jwks_url = \"https://a.example/keys\" }".into(),
        "auth = { type = \"jwt\", algorithm = \"ES256\", jwks_url = \"https://a.example/keys\", issuer = \"a\", dial = { networks = \
         \"public\" }, issuers = [{ issuer = \"b\", algorithm = \"EdDSA\", jwks_url = \"https://b.example/keys\" }] }"
            .into(),
        "methods = [\"POST\", \"HEAD\", \"OPTIONS\"]\nallow_networks = [\"192.0.2.0/24\"]".into(),
        format!("{}\nhandshake = {{ type = \"meta\", verify_tokens = [\"${{TEXT}}\"] }}", preset("meta", "TEXT", "")),
        "handshake = { type = \"cloudevents\", origins = [\"a.example\"] }".into(),
        "cors = { allow_origins = [\"https://shop.example\"] }\nanswer = { status = \"204\" }".into(),
    ] {
        assert_eq!(read(&lines), Ok(Vec::new()), "{lines}");
    }
}

#[test]
fn a_secret_of_another_shape_is_told_and_not_repeated() {
    for (name, says) in [
        ("adyen", "hexadecimal digits"),
        ("discord", "hexadecimal digits"),
        ("standard-webhooks", "it is `whsec_` and base64"),
        ("svix", "it is `whsec_` and base64"),
    ] {
        let wrong = read(&preset(name, "TEXT", "")).expect_err(name);
        assert!(wrong.contains(says), "{name}: {wrong}");
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
    let wrong = read(&preset("discord", "HEX", "")).expect_err("half a key");
    assert!(wrong.contains("32 bytes, not 16"), "{wrong}");
    let stripe = preset("stripe", "TEXT", "") + "\nevent_id = { pointer = \"/id\" }";
    let warnings = read(&stripe).expect("a warning alone");
    assert!(
        warnings.len() == 1 && warnings[0].contains("begins with `whsec_`"),
        "{warnings:?}"
    );
    assert!(!warnings[0].contains("hunter2"));
}

#[test]
fn keys_that_do_not_fit_each_other_are_named() {
    let signature = |keys: &str| format!("auth = {{ type = \"signature\", secrets = [\"${{TEXT}}\"], {keys} }}");
    for (lines, says) in [
        (preset("shopfy", "TEXT", ""), "did you mean \"shopify\"?"),
        (preset("shopify", "TEXT", ", algorithm = \"sha1\""), "the preset `shopify` has one"),
        (preset("shopify", "TEXT", ", tolerance_secs = 60"), "holds no time"),
        (preset("shopify", "TEXT", ", url = \"https://a.example\""), "does not sign the URL"),
        (preset("twilio", "TEXT", ""), "add `url ="),
        (preset("twilio", "TEXT", ", url = \"hooks.example\""), "as the sender has it"),
        ("auth = { type = \"signature\", secrets = [\"${TEXT}\"] }".into(), "needs `preset` or `header`"),
        (signature("header = \"x\", signed = \"{timestamp}.{body}\""), "exactly if the time has a place"),
        (signature("header = \"x\", timestamp_header = \"t\""), "exactly if the time has a place"),
        (signature("header = \"x\", signed = \"{id}.{body}\""), "exactly if the id has a header"),
        (signature("header = \"x\", signed = \"{timestamp}\""), "must have the body once"),
        (signature("header = \"x\", signed = \"{Body}\""), "has the places"),
        (signature("header = \"x\", timestamp_prefix = \"t=\", signed = \"{timestamp}.{body}\""), "needs `separator`"),
        (signature("header = \"x\", algorithm = \"ed25519\""), "32 bytes"),
        ("auth = { type = \"basic\", user = \"a:b\", secrets = [\"${TEXT}\"] }".into(), "no colon"),
        ("auth = { type = \"sns\" }".into(), "needs `topics`"),
        ("auth = { type = \"client_certificate\" }".into(), "add `client_ca_path`"),
        ("auth = { type = \"client_certificate\", names = [\"a b\"] }".into(), "no name that a certificate"),
        ("auth = { type = \"client_certificate\", fingerprints = [\"AB\"] }".into(), "no fingerprint"),
        ("auth = { type = \"jwt\", algorithm = \"HS256\", jwks_url = \"https://a\" }".into(), "has no use with this algorithm"),
        ("auth = { type = \"jwt\", algorithm = \"ES256\" }".into(), "needs `public_key_files` or `jwks_url`"),
        (
            "auth = { type = \"jwt\", algorithm = \"ES256\", jwks_url = \"https://a\", issuers = [{ issuer = \"b\", algorithm = \
             \"ES256\", jwks_url = \"https://b\" }] }"
                .into(),
            "each has a name",
        ),
        ("methods = [\"HEAD\"]".into(), "no event comes by `HEAD`"),
        ("allow_networks = [\"10.0.0.0/40\"]".into(), "allow_networks[0]"),
        ("handshake = { type = \"zoom\" }".into(), "signed with the endpoint's secret"),
        ("handshake = { type = \"sns\" }".into(), "known to be of SNS"),
        ("handshake = { type = \"meta\" }".into(), "needs `verify_tokens`"),
        ("answer = { status = \"204\", body = \"x\" }".into(), "has no body"),
        ("answer = { status = \"500\" }".into(), "status"),
        ("cors = { allow_origins = [\"shop.example\"] }".into(), "allow_origins[0]"),
    ] {
        let wrong = read(&lines).expect_err(&lines);
        assert!(wrong.contains(says), "{lines}: {wrong}");
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
}

#[test]
fn meta_without_its_handshake_is_warned_about() {
    let warnings = read(&preset("meta", "TEXT", "")).expect("a warning alone");
    assert!(
        warnings.len() == 1 && warnings[0].contains("add `handshake ="),
        "{warnings:?}"
    );
}

#[test]
fn a_sender_whose_ids_are_in_its_bodies_needs_to_be_told_where() {
    for (name, variable, pointer) in [
        ("slack", "TEXT", "/event_id"),
        ("stripe", "WHSEC", "/id"),
        ("intercom", "TEXT", "/id"),
    ] {
        let warnings = read(&preset(name, variable, "")).expect("no mistakes");
        let help = format!("write `event_id = {{ pointer = \"{pointer}\" }}`");
        assert!(warnings.len() == 1 && warnings[0].contains(&help), "{warnings:?}");
    }
}
