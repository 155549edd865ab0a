//! The environment and secrets: where they are read from, and where they must not appear.

use std::collections::BTreeMap;

use danube_wasm_config::{Pipeline, resolve_settings};
use danube_wasm_egress_surrealdb::Credentials;
use danube_wasm_ingress_http::config::AuthConfig;

use crate::{AsSurrealDb as _, AsWebhook as _, Workspace, assert_one, sink, source};

fn secrets(pipeline: &Pipeline) -> Vec<&str> {
    match &pipeline.sources[0].webhook().endpoints[0].auth {
        AuthConfig::ApiKey { secrets, .. } => secrets.iter().map(|secret| secret.expose()).collect(),
        other => panic!("{other:?}"),
    }
}

fn keyed(secrets: &str) -> String {
    source(&format!("auth = {{ type = \"api_key\", secrets = {secrets} }}"))
}

#[test]
fn from_the_environment_and_from_files() {
    let workspace = Workspace::new()
        .with_env("KEY", "from-env")
        .with_file("secrets/old", "from-file\r\n");
    let loaded = workspace.accept(&keyed("[\"${KEY}\", { file = \"secrets/old\" }]"));
    assert_eq!(secrets(&loaded.pipeline), ["from-env", "from-file"]);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let loaded = workspace.accept(&keyed("[\"${OTHER:-fallback}\"]"));
    assert_eq!(secrets(&loaded.pipeline), ["fallback"]);
}

#[test]
fn missing_secrets_are_named() {
    let workspace = Workspace::new().with_file("empty", "\n").with_env("LINE", "a\n");
    for (given, says) in [
        ("[\"${KEY}\"]", "needs the environment variable `KEY`, which is not set"),
        ("[\"${KEY\"]", "is no reference to an environment variable"),
        (
            "[{ file = \"secrets/none\" }]",
            "secrets/none, which cannot be opened: No such file",
        ),
        ("[{ file = \"empty\" }]", "is empty"),
        ("[{ path = \"empty\" }]", "has one key, `file`"),
        ("[{ file = 3 }]", "must be a path"),
        ("[\"${LINE}\"]", "ends with a line break"),
        ("[3]", "must be a secret"),
    ] {
        assert_one(&workspace.refuse(&keyed(given)), &[says]);
    }
}

/// A verb that reads a log does not need the secrets of an endpoint.
#[test]
fn lazily_loaded_secrets_are_required_when_needed() {
    let workspace = Workspace::new();
    let text = source("auth = { type = \"api_key\", secrets = [\"${KEY}\", { file = \"secrets/none\" }] }") + &sink("");
    let text = text.replace(
        "[[sources]]\n",
        "[danube]\ntoken = \"${TOKEN}\"\n[[sources]]\nconfig = { key = \"${OWN}\" }\n",
    );
    let text = format!("danube_service_url = \"https://b\"\n{text}");
    let file = workspace.path("pipeline.toml");
    std::fs::write(&file, &text).unwrap();
    let loaded = workspace
        .loader()
        .load_lazily(&file)
        .unwrap_or_else(|found| panic!("{found}\n{text}"));
    for (table, missing) in [
        ("danube", vec!["`TOKEN`"]),
        ("sources[0].webhook", vec!["`KEY`", "secrets/none"]),
        ("sources[0].config", vec!["`OWN`"]),
        ("sinks", vec![]),
    ] {
        let asked = loaded.require(|key| key.starts_with(table));
        let found: Vec<_> = asked
            .err()
            .iter()
            .flatten()
            .map(|found| found.message.clone())
            .collect();
        assert_eq!(found.len(), missing.len(), "{table}: {found:?}");
        assert!(
            found.iter().zip(&missing).all(|(found, said)| found.contains(said)),
            "{found:?}"
        );
    }
    // Other values are needed to read the file.
    std::fs::write(&file, text.replace("/stripe/payments", "${TOPIC}")).unwrap();
    assert!(workspace.loader().load_lazily(&file).is_err());
    assert!(workspace.load(&text).is_err(), "whoever runs it needs all of it");
}

#[test]
fn any_string_may_refer_to_the_environment_and_so_may_numbers() {
    let workspace = Workspace::new()
        .with_env("TOPIC", "/from/env")
        .with_env("PORT", "1234")
        .with_env("BAD", "hunter2")
        .with_env("RELIABLE", "false");
    let text = source("reliable_dispatch = \"${RELIABLE}\"")
        .replace("\"/stripe/payments\"", "\"${TOPIC}\"")
        .replace("port = 0", "port = \"${PORT}\"");
    let source = workspace.accept(&text).pipeline.sources.remove(0);
    assert_eq!(source.webhook().listener.listen.port, 1234);
    assert_eq!(source.webhook().endpoints[0].topic.as_str(), "/from/env");
    assert!(!source.webhook().endpoints[0].reliable_dispatch);
    let found = workspace.refuse(&text.replace("${PORT}", "${BAD}"));
    assert_one(
        &found,
        &["`port` must be an integer from 0 to 65535; the value from the environment is not"],
    );
    assert!(!found[0].contains("hunter2"), "{found:?}");
}

#[test]
fn a_components_own_table_gets_its_references_replaced() {
    let workspace = Workspace::new().with_env("REGION", "eu");
    let config =
        "[sources.config]\nregion = \"${REGION}\"\nnested = { n = 1, x = [1.5, true, \"$${A}\"] }\nday = 2026-01-02";
    let loaded = workspace.accept(&source(config));
    let settings: serde_json::Value = serde_json::from_str(&loaded.pipeline.settings_json("webhook").unwrap()).unwrap();
    assert_eq!(
        settings["config"],
        serde_json::json!({ "region": "eu", "nested": { "n": 1, "x": [1.5, true, "${A}"] }, "day": "2026-01-02" })
    );
    let found = workspace.refuse(&source(
        "[sources.config]\na = \"${NONE}\"\nb = inf\nc = 99999999999999999999",
    ));
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn stored_settings_contain_references_and_resolve_to_the_same_settings() {
    let workspace = Workspace::new().with_env("KEY", "hunter2");
    let config = "[sources.config]\nkey = \"${KEY}\"\nodd = [\"$${KEY}\", 1.5, { day = 2026-01-02, b = \"${NO:-x}\" }]";
    let pipeline = workspace.accept(&source(config)).pipeline;
    let (given, kept) = (pipeline.sources[0].settings_json(), pipeline.sources[0].settings_kept());
    assert!(given.contains("hunter2") && !kept.contains("hunter2"), "{kept}");
    assert!(kept.contains("${KEY}"), "{kept}");
    let env = |key: &str| BTreeMap::from([(key.to_owned(), "hunter2".to_owned())]);
    assert_eq!(resolve_settings(&kept, &env("KEY")), Ok(given));
    let missing = resolve_settings(&kept, &env("OTHER")).expect_err("a variable is missing");
    assert!(missing.contains("`KEY`"), "{missing}");
}

#[test]
fn secrets_are_never_shown() {
    let workspace = Workspace::new().with_env("KEY", "hunter2");
    let signed = sink("").replace(
        "database = \"d\"",
        "database = \"d\"\nusername = \"u\"\npassword = \"${KEY}\"",
    );
    let loaded = workspace.accept(&(keyed("[\"${KEY}\"]") + &signed));
    let pipeline = loaded.pipeline;
    let credentials = &pipeline.sinks[0].surrealdb().credentials;
    assert!(matches!(credentials, Some(Credentials::Root { password, .. }) if password == "hunter2"));
    let AuthConfig::ApiKey { secrets, .. } = &pipeline.sources[0].webhook().endpoints[0].auth else {
        panic!("a key")
    };
    assert_eq!(secrets[0].expose(), "hunter2");
    assert_eq!(secrets[0].to_string(), "***");
    assert_eq!(serde_json::to_string(&secrets[0]).unwrap(), "\"***\"");
    assert!(!format!("{pipeline:?}").contains("hunter2"));
    for connector in ["webhook", "db"] {
        let settings = pipeline.settings_json(connector).expect("it is there");
        assert!(!settings.contains("hunter2") && !settings.contains("***"), "{settings}");
    }
    assert_eq!(pipeline.settings_json("none"), None);
}

#[test]
fn a_secret_under_another_key_is_not_shown() {
    let workspace = Workspace::new().with_env("KEY", "hunter2");
    for text in [
        source("on_invalid = \"${KEY}\""),
        source("methods = [\"${KEY}\"]"),
        source("event_id = \"${KEY}\""),
        source("key_pointer = \"${KEY}\""),
        source("").replace("builtin:webhook-source", "builtin:${KEY}"),
        sink("").replace("mem://", "${KEY}"),
        sink("subscription_type = \"${KEY}\""),
    ] {
        let found = workspace.refuse(&text).join("\n");
        assert!(!found.contains("hunter2"), "{found}");
    }
}
