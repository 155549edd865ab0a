//! Settings of a Danube cluster.

use std::time::Duration;

use danube_wasm_config::{SecretSource, ServiceUrl};

use crate::{AsWebhook as _, Workspace, assert_one, sink, source};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";

fn workspace() -> Workspace {
    Workspace::new()
        .with_file("tls/ca.pem", CERTIFICATE)
        .with_file("tls/key.pem", KEY)
        .with_file("token", "eyJ.x.y\n")
        .with_file("empty", "\n")
}

/// A pipeline of this broker, with these lines in `[danube]`.
fn with(url: &str, danube: &str) -> String {
    format!("danube_service_url = {url}\n[danube]\n{danube}\n") + &source("") + &sink("")
}

#[test]
fn one_broker_or_several() {
    let workspace = Workspace::new().with_env("URLS", "http://a:6650, http://b:6650");
    for (url, seeds) in [
        ("\"http://danube-broker:6650\"", "http://danube-broker:6650"),
        ("\"https://b.example\"", "https://b.example:6650"),
        (
            "[\"http://a:6650\", \"http://[::1]:1\"]",
            "http://a:6650,http://[::1]:1",
        ),
        ("\"${URLS}\"", "http://a:6650,http://b:6650"),
    ] {
        let pipeline = workspace.accept(&with(url, "")).pipeline;
        assert!(matches!(pipeline.service_url, ServiceUrl::Danube { .. }));
        assert_eq!(pipeline.service_url.to_string(), seeds);
    }
    let pipeline = workspace.accept(&source("")).pipeline;
    assert!(pipeline.service_url.seeds().is_empty());
}

#[test]
fn invalid_broker_urls_are_refused() {
    let workspace = Workspace::new().with_env("SECRET_URL", "http://u:hunter2@b");
    for (url, says) in [
        ("\"http://b:port\"", "a broker's URL is `http://HOST:PORT`"),
        ("\"http://b:6650/path\"", "ends with its host and port"),
        ("\"${SECRET_URL}\"", "must not hold credentials"),
        ("[]", "must name 1 to 16 brokers, not 0"),
        ("[\"http://a\", \"https://b\"]", "with `http` and with `https`"),
        ("[\"http://a\", \"embedded://x\"]", "a broker's URL is"),
        ("[\"http://a\", 3]", "must be a broker's URL, not an integer"),
        ("\"grpc://b:6650\"", "must be `\"embedded://DIR\"`"),
    ] {
        let found = workspace.refuse(&with(url, ""));
        assert_one(&found, &[says]);
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    // All invalid URLs are reported.
    assert_eq!(workspace.refuse(&with("[\"a\", \"b\"]", "")).len(), 2);
}

#[test]
fn every_key_of_a_cluster_is_read() {
    let danube = r#"
tls = { ca_file = "tls/ca.pem", cert_file = "tls/ca.pem", key_file = "tls/key.pem" }
token = { file = "token" }
connect_timeout_ms = 100
request_timeout_ms = 200
publish_timeout_ms = 300
ack_timeout_ms = 60000
in_flight_max = 1
instance = "blue-1"
"#;
    let workspace = workspace();
    let loaded = workspace.accept(&with("\"https://b\"", danube));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let pipeline = loaded.pipeline;
    let danube = &pipeline.danube;
    let tls = danube.tls.as_ref().expect("given");
    assert_eq!(tls.ca_file, Some(workspace.path("tls/ca.pem")));
    let identity = tls.identity.as_ref().expect("given");
    assert_eq!(
        (&identity.cert_file, &identity.key_file),
        (&workspace.path("tls/ca.pem"), &workspace.path("tls/key.pem"))
    );
    assert_eq!(danube.token, Some(SecretSource::File(workspace.path("token"))));
    assert_eq!(
        (danube.connect_timeout, danube.request_timeout, danube.ack_timeout),
        (
            Duration::from_millis(100),
            Duration::from_millis(200),
            Duration::from_secs(60)
        )
    );
    assert_eq!(danube.publish_timeout, Duration::from_millis(300));
    assert_eq!(danube.in_flight_max, Some(1));
    let name = danube.instance.consumer_name(&pipeline.sinks[0].id);
    assert_eq!(name, format!("{}:db:blue-1", pipeline.name));
}

#[test]
fn defaults_of_a_cluster() {
    let danube = workspace().accept(&with("\"http://b\"", "")).pipeline.danube;
    assert_eq!(
        (danube.publish_timeout, danube.ack_timeout),
        (Duration::from_secs(5), Duration::from_secs(30))
    );
    assert_eq!((danube.tls, danube.token, danube.in_flight_max), (None, None, None));
    assert_eq!(danube.instance.as_str(), "desk");
}

#[test]
fn the_environment_names_the_slot() {
    let text = with("\"http://b\"", "instance = \"file\"");
    let named = |workspace: Workspace, text: &str| workspace.accept(text).pipeline.danube.instance.to_string();
    assert_eq!(named(workspace(), &text), "file");
    assert_eq!(named(workspace().with_env("DANUBE_WASM_INSTANCE", "7"), &text), "7");
    let bare = with("\"http://b\"", "");
    assert_eq!(
        named(workspace().with_env("HOSTNAME", "danube-wasm-2"), &bare),
        "danube-wasm-2"
    );
    let found = workspace().with_env("DANUBE_WASM_INSTANCE", "a b").refuse(&bare);
    assert_one(&found, &["danube.instance", "is not a valid instance name"]);
    let container = workspace().with_env("HOSTNAME", "3f2a9c81b2d4");
    assert_one(
        &container.warnings(&bare),
        &["the name of its container", "DANUBE_WASM_INSTANCE"],
    );
    let unnamed = workspace().with_env("HOSTNAME", "localhost");
    assert_one(
        &unnamed.warnings(&bare),
        &["`localhost`", "not this machine's name alone", "DANUBE_WASM_INSTANCE"],
    );
    // A pipeline without consumers needs no slot, and the embedded log has none.
    let sources = "danube_service_url = \"http://b\"\n".to_owned() + &source("");
    assert_eq!(container.warnings(&sources), [""; 0]);
    assert_eq!(container.warnings(&(source("") + &sink(""))), [""; 0]);
}

#[test]
fn keys_that_contradict_the_url_are_refused() {
    let workspace = workspace();
    let tls = "tls = { ca_file = \"tls/ca.pem\" }";
    assert_one(
        &workspace.refuse(&with("\"http://b\"", tls)),
        &["3:7 danube.tls", "http://b:6650 is not encrypted", "write `https://`"],
    );
    let token = "token = { file = \"token\" }";
    assert_one(
        &workspace.refuse(&with("\"http://b\"", token)),
        &["3:9 danube.token", "in plain text", "write `https://`"],
    );
    // The admin API has its own address and may be on another machine.
    let operated = format!("{token}\nadmin_url = \"http://b:50051\"");
    assert_one(
        &workspace.refuse(&with("\"https://b\"", &operated)),
        &[
            "3:9 danube.token",
            "http://b:50051 in plain text",
            "write `https://` in `danube.admin_url`",
        ],
    );
    // On one machine nobody is between this process and a broker.
    assert_eq!(workspace.warnings(&with("\"http://127.0.0.1\"", token)), [""; 0]);
    assert_one(
        &workspace.warnings(&with("\"embedded://log\"", token)),
        &["2:1 danube", "has no effect", "the embedded log"],
    );
}

#[test]
fn files_of_a_cluster() {
    let workspace = workspace();
    for (danube, says) in [
        ("tls = { cert_file = \"tls/ca.pem\" }", "`cert_file` needs `key_file`"),
        ("tls = { key_file = \"tls/key.pem\" }", "`key_file` needs `cert_file`"),
        (
            "tls = { ca_file = \"tls/none.pem\" }",
            "names tls/none.pem, which cannot be opened",
        ),
        ("tls = { ca_file = \"tls/key.pem\" }", "holds no certificate in PEM"),
        (
            "tls = { cert_file = \"tls/ca.pem\", key_file = \"tls/ca.pem\" }",
            "holds no private key in PEM",
        ),
        ("token = { file = \"none\" }", "names none, which cannot be opened"),
        ("token = { file = \"empty\" }", "the secret `token` is empty"),
        ("token = \"${NONE}\"", "`NONE`, which is not set"),
        ("ack_timeout_ms = 10", "from 1000 to 3600000"),
        ("in_flight_max = 0", "from 1 to 10000"),
        ("timeout_ms = 10", "unknown key `timeout_ms` in [danube]"),
    ] {
        assert_one(&workspace.refuse(&with("\"https://b\"", danube)), &[says]);
    }
}

#[test]
fn order_without_keys() {
    let workspace = Workspace::new();
    let ordered = |text: &str| workspace.accept(text).pipeline.sources[0].webhook().endpoints[0].ordered;
    assert!(!ordered(&source("")) && ordered(&source("ordered = true")));
    let other = source("ordered = true").replace("\"webhook\"", "\"other\"");
    assert_one(
        &workspace.refuse(&(source("") + &other)),
        &["/stripe/payments has another `ordered` on line 8"],
    );
}

#[test]
fn a_reload_sees_what_needs_a_restart() {
    let workspace = workspace();
    let old = workspace
        .accept(&with("\"https://b\"", "token = { file = \"token\" }"))
        .pipeline;
    let rotated = workspace.with_file("token", "another");
    let same = rotated
        .accept(&with("\"https://b\"", "token = { file = \"token\" }"))
        .pipeline;
    assert!(old.difference(&same).is_empty());
    let slower = rotated.accept(&with("\"https://c\"", "in_flight_max = 1")).pipeline;
    assert_eq!(old.difference(&slower).settings, ["danube_service_url", "danube"]);
}

#[test]
fn block_key_without_a_buffer_is_refused_because_danube_gives_up_on_the_partition() {
    let workspace = Workspace::new();
    let mapping = "subscription_type = \"KeyShared\"\non_poison = \"block-key\"";
    let cluster = "danube_service_url = \"http://b\"\n".to_owned();
    let found = workspace.refuse(&(cluster.clone() + &sink(mapping)));
    assert_one(
        &found,
        &[
            "14:13 sinks[0].surrealdb.topic_mappings[0].on_poison",
            "`block-key` needs a buffer",
            "buffer = { type = \"disk\"",
            "dead-letter",
            "\"stop\"",
        ],
    );
    let buffer = "[sinks.buffer]\ntype = \"disk\"\nmax_bytes = 1073741824";
    assert_eq!(
        workspace.warnings(&(cluster.clone() + &sink(&format!("{mapping}\n{buffer}")))),
        [""; 0]
    );
    // The buffer of another connector does not help.
    let other = source(&buffer.replace("sinks", "sources"));
    assert_eq!(workspace.refuse(&(cluster + &other + &sink(mapping))).len(), 1);
    // The embedded log gives up on no message.
    assert_eq!(workspace.warnings(&sink(mapping)), [""; 0]);
}
