//! Files of Danube Connect and the file that `migrate` writes give the same pipeline.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Loaded, Pipeline};

use crate::loader;

/// Returns the files of a version in `tests/fixtures`.
fn files(version: &str) -> [PathBuf; 2] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(version);
    ["webhook-connector.toml", "surrealdb-sink-connector.toml"].map(|name| dir.join(name))
}

type Variables<'a> = [(&'a str, &'a str)];

fn environment(variables: &Variables<'_>) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[track_caller]
fn loaded(files: &[PathBuf], variables: &Variables<'_>) -> Loaded {
    loader(&environment(variables))
        .load_all(files)
        .unwrap_or_else(|found| panic!("{found}"))
}

/// Returns the pipeline of `files`, and checks that the file they are migrated to, with `written` variables set, gives
/// the same.
#[track_caller]
fn same(files: &[PathBuf], written: &Variables<'_>, variables: &Variables<'_>) -> Pipeline {
    let pipeline = loaded(files, variables).pipeline;
    let migrated = loader(&environment(written))
        .migrate(files)
        .unwrap_or_else(|found| panic!("{found}"));
    let toml = migrated.toml;
    println!("{toml}");
    let variables = environment(variables);
    let again = loader(&variables).load_text(&files[0].with_file_name("pipeline.toml"), toml.clone());
    let again = again.unwrap_or_else(|found| panic!("{found}\n{toml}"));
    assert_eq!(again.pipeline, pipeline, "{toml}");
    pipeline
}

const KEYS: [(&str, &str); 4] = [
    ("WEBHOOK_API_KEY", "demo-api-key-e2e-12345"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
    ("SURREALDB_USERNAME", "root"),
    ("SURREALDB_PASSWORD", "hunter2"),
];

/// All variables that can override the files.
const VARIABLES: [(&str, &str); 9] = [
    ("DANUBE_SERVICE_URL", "http://127.0.0.1:16650"),
    ("SERVER_HOST", "127.0.0.1"),
    ("SERVER_PORT", "18080"),
    ("SURREALDB_URL", "wss://db.example"),
    ("SURREALDB_USERNAME", "u"),
    ("SURREALDB_PASSWORD", "hunter2"),
    ("DANUBE_WASM_DATA_DIR", "elsewhere"),
    ("WEBHOOK_API_KEY", "demo-api-key-e2e-12345"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
];

/// Checks that the pipeline is the same whether the variables are set when the file is written, when it is read, or
/// both times.
fn check_in_every_environment(files: &[PathBuf], bare: &Variables<'_>) {
    same(files, bare, bare);
    same(files, bare, &VARIABLES);
    same(files, &VARIABLES, &VARIABLES);
}

#[test]
fn the_announced_files_are_migrated() {
    let files = files("seed");
    check_in_every_environment(&files, &[]);
    for file in files {
        check_in_every_environment(std::slice::from_ref(&file), &[]);
        same(&[file], &[], &[("CONNECTOR_NAME", "own")]);
    }
}

#[test]
fn version_0_2() {
    let files = files("v0_2");
    same(&files, &KEYS, &KEYS);
    same(&files, &KEYS, &VARIABLES);
    same(&files, &VARIABLES, &VARIABLES);
    // Without its variables, the sink does not sign in.
    same(&files[1..], &[], &[]);
}

#[test]
fn version_0_3() {
    let files = files("v0_3");
    same(&files, &KEYS[..2], &KEYS[..2]);
    same(&files, &VARIABLES, &VARIABLES);
    check_in_every_environment(&files[..1], &KEYS[..2]);
    // Its password cannot be written as a default, which a note says.
    let toml = loader(&environment(&[]))
        .migrate(&files[1..])
        .unwrap_or_else(|found| panic!("{found}"))
        .toml;
    assert!(toml.contains("# - line 20, surrealdb.password: "), "{toml}");
}

#[test]
fn files_of_several_directories() {
    let [source, sink] = files("v0_2");
    let other = files("seed")[1].clone();
    same(&[source, other.clone()], &KEYS, &KEYS);
    let own = files("seed")[0].clone();
    // Paths of another directory are relative to the first file's, or absolute.
    same(&[sink, own], &KEYS, &KEYS);
}

#[test]
fn every_kind_of_value_survives() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("connector.toml");
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    std::fs::write(dir.path().join("k.pem"), pem).unwrap();
    std::fs::write(dir.path().join("a.avsc"), "{}").unwrap();
    std::fs::write(dir.path().join("a.proto"), "message A {}").unwrap();
    let source = |lines: &str| {
        format!(
            "danube_service_url = \"https://b\"\nconnector_name = \"in\"\n{lines}\n[[schemas]]\ntopic = \"/d/a\"\n\
             subject = \"q\\\"${{X}}\"\nschema_type = \"avro\"\nschema_file = \"a.avsc\"\n\
             version_strategy = {{ pinned = 3 }}\n[[schemas]]\ntopic = \"/d/b\"\nsubject = \"b\"\n\
             schema_type = \"protobuf\"\nschema_file = \"./a.proto\"\nmessage = \"A\"\n\
             [[endpoints]]\npath = \"/a\"\ndanube_topic = \"/d/a\"\n\
             [[endpoints]]\npath = \"/b\"\ndanube_topic = \"/d/b\"\n"
        )
    };
    let sink = |url: &str, password: &str| {
        format!(
            "danube_service_url = \"http://b\"\nconnector_name = \"out\"\n[surrealdb]\nurl = \"{url}\"\n\
             namespace = \"a b\"\ndatabase = \"\u{e4}'\"\nusername = \"u}}\"\npassword = {password}\n\
             connection_timeout_secs = 1\n[[surrealdb.topic_mappings]]\ntopic = \"/d/a\"\nsubscription = \"s\"\n\
             table = \"t\"\nbatch_size = 500\n"
        )
    };
    for text in [
        source("[server]\ntimeout_seconds = 600\nmax_body_size = 1\nport = 0"),
        source("[server]\nhost = \"::1\"\ntimeout_seconds = 1\n[auth]\ntype = \"jwt\"\npublic_key_path = \"k.pem\""),
        source("[server]\n[auth]\ntype = \"hmac\"\nsecret_env = \"WEBHOOK_API_KEY\"\nheader = \"X-Hub-Signature-256\""),
        source("[server]\n[processing]\nmetrics_port = 1"),
        sink("ws://db", "\"p\""),
        sink("https://db/rpc", "'quoted \"x\" }'"),
        sink("mem://", "\"\"\"a $ {b} $${c}\"\"\""),
        sink("surrealkv://dir", "\"back\\\\slash\""),
    ] {
        std::fs::write(&file, &text).unwrap();
        same(std::slice::from_ref(&file), &KEYS[..1], &KEYS[..1]);
        same(std::slice::from_ref(&file), &VARIABLES, &VARIABLES);
    }
}

#[test]
fn secrets_of_the_environment_stay_there() {
    let migrated = loader(&environment(&KEYS))
        .migrate(&files("v0_2"))
        .unwrap_or_else(|found| panic!("{found}"));
    for (_, secret) in KEYS {
        assert!(secret == "root" || !migrated.toml.contains(secret), "{}", migrated.toml);
    }
    assert!(
        migrated.toml.contains("secrets = [\"${WEBHOOK_API_KEY}\"]"),
        "{}",
        migrated.toml
    );
    assert!(
        migrated.toml.contains("password = \"${SURREALDB_PASSWORD}\""),
        "{}",
        migrated.toml
    );
    assert!(!migrated.toml.contains(env!("CARGO_MANIFEST_DIR")), "{}", migrated.toml);
}

/// The output is what one would have written by hand.
#[test]
fn the_announced_files_are_migrated_as_written_by_hand() {
    let migrated = loader(&environment(&[]))
        .migrate(&files("seed"))
        .unwrap_or_else(|found| panic!("{found}"));
    let expected = r#"# Translated from webhook-connector.toml and surrealdb-sink-connector.toml of Danube Connect.
# Every key: docs/configuration.md

name = "seed"
data_dir = "${DANUBE_WASM_DATA_DIR:-data}"
danube_service_url = "${DANUBE_SERVICE_URL:-http://danube-broker:6650}"

[admin]
host = "0.0.0.0"

[[schemas]]
topic = "/stripe/payments"
subject = "stripe-payment-v1"
schema_type = "json_schema"
schema_file = "schemas/payment.json"

[[sources]]
name = "webhook-source-e2e"
component = "builtin:webhook-source"

[sources.webhook]
host = "${SERVER_HOST:-0.0.0.0}"
port = "${SERVER_PORT:-8080}"

[[sources.webhook.endpoints]]
path = "/webhooks/stripe/payments"
danube_topic = "/stripe/payments"
partitions = 4
reliable_dispatch = false

# Of surrealdb-sink-connector.toml:
# - line 9, surrealdb.password: the file holds the password: set SURREALDB_PASSWORD, and remove the
#   default here

[[sinks]]
name = "surrealdb-sink-e2e"
component = "builtin:surrealdb-sink"

[sinks.surrealdb]
url = "${SURREALDB_URL:-surrealdb:8000}"
namespace = "default"
database = "default"
username = "${SURREALDB_USERNAME:-root}"
password = "${SURREALDB_PASSWORD:-root}"

[[sinks.surrealdb.topic_mappings]]
topic = "/stripe/payments"
subscription = "surrealdb-payment-sink"
table = "stripe_payments"
expected_schema_subject = "stripe-payment-v1"
batch_size = 50
"#;
    assert_eq!(migrated.toml, expected);
}

#[test]
fn notes_about_omitted_keys_are_next_to_their_connector() {
    let toml = loader(&environment(&KEYS[..2]))
        .migrate(&files("v0_3"))
        .unwrap_or_else(|found| panic!("{found}"))
        .toml;
    let at = |text: &str| toml.find(text).unwrap_or_else(|| panic!("{text:?} is not in\n{toml}"));
    assert!(
        at("# Of webhook-connector.toml:") < at("- line 32, rate_limit: ")
            && at("- line 32, rate_limit: ") < at("[[sources]]")
    );
    assert!(
        at("[[sources]]") < at("- line 7, retry.max_retries: ")
            && at("- line 7, retry.max_retries: ") < at("[[sinks]]")
    );
    assert!(toml.lines().all(|line| line.len() <= 120), "{toml}");
}
