//! Files of Danube Connect: what they are translated to, and the operator's warnings.

use std::time::Duration;

use danube_wasm_config::{FileFormat, Pipeline};
use danube_wasm_egress_surrealdb::{Credentials, config::StorageMode};
use danube_wasm_ingress_http::config::{AuthConfig, HmacForm, JwtKeys};
use danube_wasm_model::SubscriptionType;

use crate::{AsSurrealDb as _, AsWebhook as _, Workspace, assert_one, loader, repository};

pub(crate) const SOURCE: &str = "danube_service_url = \"http://b:6650\"\nconnector_name = \"in\"\n[server]\nhost = \"127.0.0.1\"\n\
                      port = 0\n[auth]\ntype = \"none\"\n[[routes]]\nfrom = \"/a\"\nto = \"/default/a\"\n\
                      reliable_dispatch = true\n";

pub(crate) const SINK: &str = "danube_service_url = \"http://b:6650\"\nconnector_name = \"out\"\n[surrealdb]\nurl = \"db:8000\"\n\
                    namespace = \"n\"\ndatabase = \"d\"\n[[surrealdb.routes]]\nfrom = \"/default/a\"\n\
                    subscription = \"s\"\nto = \"t\"\n";

/// Returns the warnings about a file, except those about who can reach its metrics.
pub(crate) fn notes_of(workspace: &Workspace, text: &str) -> Vec<String> {
    let mut notes = workspace.warnings(text);
    notes.retain(|note| !note.contains("metrics and health are served"));
    notes
}

fn seed() -> [std::path::PathBuf; 2] {
    let dir = repository().join("runtime/host/tests/fixtures/seed");
    [
        dir.join("webhook-connector.toml"),
        dir.join("surrealdb-sink-connector.toml"),
    ]
}

#[test]
fn the_announced_files_give_one_pipeline() {
    let loaded = loader(&Workspace::new().env)
        .load_all(&seed())
        .unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(loaded.formats, [FileFormat::DanubeConnect; 2]);
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.service_url.to_string(), "http://danube-broker:6650");
    assert_eq!(pipeline.admin.listen.to_string(), "0.0.0.0:9090");
    let source = pipeline.source("webhook-source-e2e").expect("it is there");
    assert_eq!(source.component.to_string(), concat!("builtin:", "webhook-source"));
    assert_eq!(source.webhook().listener.listen.to_string(), "0.0.0.0:8080");
    let endpoint = &source.webhook().endpoints[0];
    assert_eq!(endpoint.path.as_str(), "/webhooks/stripe/payments");
    assert_eq!((endpoint.partitions, endpoint.reliable_dispatch), (4, false));
    let schema = pipeline.schema_of(&endpoint.topic).expect("it has one");
    assert_eq!(schema.subject, "stripe-payment-v1");
    let sink = pipeline.sink("surrealdb-sink-e2e").expect("it is there");
    assert_eq!(sink.component.to_string(), concat!("builtin:", "surrealdb-sink"));
    assert_eq!(sink.surrealdb().url.to_string(), "ws://surrealdb:8000");
    assert!(matches!(&sink.surrealdb().credentials, Some(Credentials::Root { username, .. }) if username == "root"));
    let mapping = &sink.surrealdb().topic_mappings[0];
    assert_eq!(
        (mapping.batch.messages_max, mapping.batch.linger),
        (50, Duration::from_secs(1))
    );
    assert_eq!(mapping.table.as_deref(), Some("stripe_payments"));
    let warnings: Vec<_> = loaded
        .warnings
        .iter()
        .map(|w| format!("{}:{}", w.line, w.key))
        .collect();
    assert_eq!(
        warnings,
        [
            "1:",
            "14:webhook.host",
            "21:webhook.endpoints[0].reliable_dispatch",
            "9:surrealdb.password"
        ]
    );
}

#[test]
fn the_examples_files_give_the_announced_pipeline() {
    for file in seed() {
        let name = file.file_name().unwrap();
        let example = repository().join("examples/danube-connect").join(name);
        assert_eq!(
            std::fs::read(&file).unwrap(),
            std::fs::read(&example).unwrap(),
            "{}",
            example.display()
        );
    }
    let example = ["webhook-connector.toml", "surrealdb-sink-connector.toml"]
        .map(|name| repository().join("examples/danube-connect").join(name));
    loader(&Workspace::new().env)
        .load_all(&example)
        .unwrap_or_else(|found| panic!("{found}"));
}

#[test]
fn variables_override_the_files() {
    let workspace = Workspace::new()
        .with_env("DANUBE_SERVICE_URL", "http://127.0.0.1:16650")
        .with_env("SERVER_HOST", "127.0.0.1")
        .with_env("SERVER_PORT", "18080")
        .with_env("SURREALDB_URL", "127.0.0.1:18000")
        .with_env("SURREALDB_USERNAME", "u")
        .with_env("SURREALDB_PASSWORD", "hunter2")
        .with_env("DANUBE_WASM_DATA_DIR", "/var/lib/danube-wasm");
    let loaded = loader(&workspace.env)
        .load_all(&seed())
        .unwrap_or_else(|found| panic!("{found}"));
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.service_url.to_string(), "http://127.0.0.1:16650");
    assert_eq!(pipeline.data_dir.to_str(), Some("/var/lib/danube-wasm"));
    assert_eq!(
        pipeline.sources[0].webhook().listener.listen.to_string(),
        "127.0.0.1:18080"
    );
    let surrealdb = &pipeline.sinks[0].surrealdb();
    assert_eq!(surrealdb.url.to_string(), "ws://127.0.0.1:18000");
    assert!(
        matches!(&surrealdb.credentials, Some(Credentials::Root { username, password })
            if username == "u" && password == "hunter2")
    );
    assert!(!format!("{:?}", loaded.warnings).contains("hunter2"));
    let named = Workspace::new().with_env("CONNECTOR_NAME", "own").accept(SINK).pipeline;
    assert_eq!(named.sinks[0].id.connector(), "own");
}

#[test]
fn an_invalid_variable_is_reported_without_its_value() {
    let workspace = Workspace::new().with_env("SERVER_PORT", "hunter2");
    let found = workspace.refuse(SOURCE);
    assert_one(&found, &["5:8 server.port", "the value from the environment is not"]);
    assert!(!found[0].contains("hunter2"), "{found:?}");
    // An empty variable counts as not set.
    Workspace::new().with_env("SERVER_PORT", "").accept(SOURCE);
}

#[test]
fn one_process_can_run_both_files_with_the_embedded_log() {
    let workspace = Workspace::new()
        .with_env("DANUBE_SERVICE_URL", "embedded://data/log")
        .with_env("SURREALDB_URL", "mem://");
    let loaded = workspace
        .load_files(&[("a/in.toml", SOURCE), ("b/out.toml", SINK)])
        .unwrap_or_else(|found| panic!("{found}"));
    let url = format!("embedded://{}", workspace.path("a/data/log").display());
    assert_eq!(loaded.pipeline.service_url.to_string(), url);
    assert_eq!(loaded.pipeline.sinks[0].surrealdb().url.to_string(), "mem://");
}

#[test]
fn paths_start_from_the_directory_of_their_file() {
    let workspace = Workspace::new().with_file("b/a.avsc", "{}");
    let schema =
        "[[schemas]]\ntopic = \"/default/a\"\nsubject = \"a\"\nschema_type = \"avro\"\nschema_file = \"a.avsc\"\n";
    let sink = SINK.replace("db:8000", "surrealkv://kv") + schema;
    let loaded = workspace
        .load_files(&[("a/in.toml", SOURCE), ("b/out.toml", &sink)])
        .unwrap_or_else(|found| panic!("{found}"));
    let pipeline = loaded.pipeline;
    assert_eq!(
        pipeline.sinks[0].surrealdb().url.to_string(),
        format!("surrealkv://{}", workspace.path("b/kv").display())
    );
    let schema = pipeline.schemas[0].definition.as_ref().expect("it has a file");
    assert_eq!(schema.path, workspace.path("b/a.avsc"));
    let files = [workspace.path("a/in.toml"), workspace.path("b/out.toml")];
    let migrated = workspace.loader().migrate(&files).expect("right files");
    let again = workspace
        .loader()
        .load_text(&workspace.path("a/pipeline.toml"), migrated.toml);
    assert_eq!(again.expect("a right file").pipeline, pipeline);
}

#[test]
fn defaults_are_those_of_danube_connect() {
    let workspace = Workspace::new();
    let bare = SOURCE
        .replace("host = \"127.0.0.1\"\nport = 0\n", "")
        .replace("reliable_dispatch = true\n", "");
    let source = workspace.accept(&bare).pipeline.sources.remove(0);
    assert_eq!(source.webhook().listener.listen.to_string(), "0.0.0.0:8080");
    assert!(!source.webhook().endpoints[0].reliable_dispatch);
    let batches = |text: &str| {
        let pipeline = workspace.accept(text).pipeline;
        let mapping = &pipeline.sinks[0].surrealdb().topic_mappings[0];
        (mapping.batch.messages_max, mapping.batch.linger.as_millis())
    };
    let old = SINK.replace(".routes]", ".topic_mappings]");
    let surrealdb = |text: &str| text.replace("[surrealdb]\n", "[surrealdb]\nbatch_size = 7\nflush_interval_ms = 8\n");
    let processing = "[processing]\nbatch_size = 5\nbatch_timeout_ms = 6\n";
    assert_eq!(batches(SINK), (1000, 1000));
    assert_eq!(batches(&format!("{SINK}{processing}")), (5, 6));
    // Each version has its own place for these keys, and reads no other.
    assert_eq!(batches(&format!("{}{processing}", surrealdb(SINK))), (5, 6));
    assert_eq!(batches(&old), (100, 1000));
    assert_eq!(batches(&format!("{old}{processing}")), (100, 1000));
    assert_eq!(batches(&format!("{}{processing}", surrealdb(&old))), (7, 8));
    assert_eq!(batches(&(surrealdb(&old) + "batch_size = 9\n")), (9, 8));
}

#[test]
fn every_spelling_of_an_endpoint_and_a_mapping() {
    let workspace = Workspace::new();
    let old = SOURCE
        .replace("[[routes]]", "[[endpoints]]")
        .replace("from =", "path =")
        .replace("to =", "danube_topic =");
    let announced = old
        .replace("[server]", "[webhook]")
        .replace("[auth]\ntype = \"none\"\n", "")
        .replace("[[endpoints]]", "[[webhook.endpoints]]");
    let new = workspace.accept(SOURCE).pipeline;
    for text in [old, announced] {
        assert_eq!(notes_of(&workspace, &text), [""; 0]);
        assert_eq!(workspace.accept(&text).pipeline, new, "{text}");
    }
    let mapping = |pipeline: Pipeline| pipeline.sinks[0].surrealdb().topic_mappings[0].clone();
    let old = SINK
        .replace(".routes]", ".topic_mappings]")
        .replace("from =", "topic =");
    for table in ["table_name =", "table =", "to ="] {
        let read = mapping(workspace.accept(&old.replace("to =", table)).pipeline);
        assert_eq!(
            (read.table.as_deref(), read.consumer.topic.as_str()),
            (Some("t"), "/default/a")
        );
        assert_eq!(read.consumer.subscription_type, SubscriptionType::Shared);
        assert_eq!(read.storage_mode, StorageMode::Document);
    }
    let twice = old.replace("to =", "table_name = \"u\"\nto =");
    assert_one(
        &workspace.refuse(&twice),
        &["11:1", "`to` is another spelling of `table_name`"],
    );
}

#[test]
fn authentication_is_translated() {
    let secret = "0123456789abcdef0123456789abcdef";
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let workspace = Workspace::new()
        .with_env("KEY", secret)
        .with_env("SHORT", "short")
        .with_file("k.pem", pem);
    let with = |auth: &str| SOURCE.replace("type = \"none\"\n", &format!("{auth}\n"));
    let auth = |text: &str| {
        workspace.accept(&with(text)).pipeline.sources[0].webhook().endpoints[0]
            .auth
            .clone()
    };
    assert!(
        matches!(auth("type = \"apikey\"\nsecret_env = \"KEY\"\nheader = \"X-Key\""),
            AuthConfig::ApiKey { header, secrets } if header.as_str() == "x-key" && secrets[0].expose() == secret)
    );
    let signed =
        |header: &str| format!("type = \"hmac\"\nsecret_env = \"KEY\"\nheader = \"{header}\"\nalgorithm = \"sha256\"");
    assert!(matches!(
        auth(&signed("Stripe-Signature")),
        AuthConfig::Hmac {
            form: HmacForm::Stripe { .. },
            ..
        }
    ));
    assert!(matches!(
        auth(&signed("X-Hub-Signature-256")),
        AuthConfig::Hmac {
            form: HmacForm::Github,
            ..
        }
    ));
    assert_one(
        &notes_of(&workspace, &with(&signed("Stripe-Signature"))),
        &["7:8 auth.type", "let every request in; here its signature is checked"],
    );
    let jwt = "type = \"jwt\"\nsecret_env = \"KEY\"";
    assert!(matches!(
        auth(jwt),
        AuthConfig::Jwt {
            keys: JwtKeys::Hs256(_),
            ..
        }
    ));
    let both = format!("{jwt}\npublic_key_path = \"/nowhere.pem\"");
    assert_one(
        &notes_of(&workspace, &with(&both)),
        &["auth.public_key_path", "had no effect in Danube Connect"],
    );
    let key = "type = \"jwt\"\npublic_key_path = \"k.pem\"";
    assert!(matches!(auth(key), AuthConfig::Jwt { keys: JwtKeys::Rs256(keys), .. } if keys[0].pem == pem));
    assert_one(
        &notes_of(&workspace, &with(key)),
        &["auth.public_key_path", "here it holds"],
    );
    for (auth, says) in [
        ("type = \"apikey\"", "needs `secret_env`"),
        ("type = \"apikey\"\nsecret_env = \"NONE\"", "`NONE`, which is not set"),
        ("type = \"apikey\"\nsecret_env = \"NO NE\"", "`NO NE`, which is not set"),
        ("type = \"hmac\"\nsecret_env = \"KEY\"", "needs `header`"),
        (&signed("X-Signature"), "cannot be told from its header"),
        (
            &signed("Stripe-Signature").replace("256", "512"),
            "made with `sha256` here",
        ),
        ("type = \"jwt\"", "needs `secret_env` or `public_key_path`"),
        ("type = \"jwt\"\nsecret_env = \"SHORT\"", "at least 32 bytes"),
        ("type = \"oauth\"", "`type` must be"),
        ("type = \"none\"\nsecret = \"x\"", "unknown key `secret` in [auth]"),
    ] {
        assert_one(&workspace.refuse(&with(auth)), &[says]);
    }
}

#[test]
fn text_is_taken_literally() {
    let text = SINK.replace("namespace = \"n\"", "namespace = \"${HOME}\"");
    assert_eq!(
        Workspace::new().accept(&text).pipeline.sinks[0].surrealdb().namespace,
        "${HOME}"
    );
}

#[test]
fn files_of_both_kinds_run_together() {
    let workspace = Workspace::new();
    let own = "danube_service_url = \"http://b\"\n".to_owned() + &crate::sink("");
    let loaded = workspace
        .load_files(&[("in.toml", SOURCE), ("pipeline.toml", &own)])
        .unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(loaded.formats, [FileFormat::DanubeConnect, FileFormat::Pipeline]);
    let other = own.replace("http://b", "http://c");
    let found = workspace.refuse_files(&[("in.toml", SOURCE), ("pipeline.toml", &other)]);
    assert_one(&found, &["pipeline.toml:1:22", "is given on line 1 of", "in.toml"]);
}

#[test]
fn equal_ports_are_refused_with_both_places() {
    let workspace = Workspace::new();
    let port = |text: &str, port: u16| format!("{text}[processing]\nmetrics_port = {port}\n");
    let found = workspace.refuse_files(&[("in.toml", &port(SOURCE, 9091)), ("out.toml", &port(SINK, 9092))]);
    assert_one(&found, &["out.toml:12:16", "is given on line 13 of", "in.toml"]);
    let loaded = workspace.load_files(&[("in.toml", &port(SOURCE, 9091)), ("out.toml", SINK)]);
    let pipeline = loaded.unwrap_or_else(|found| panic!("{found}")).pipeline;
    assert_eq!(pipeline.admin.listen.to_string(), "0.0.0.0:9091");
}

#[test]
fn one_variable_cannot_name_two_connectors() {
    let workspace = Workspace::new().with_env("CONNECTOR_NAME", "one");
    let found = workspace.refuse_files(&[("in.toml", SOURCE), ("out.toml", SINK)]);
    assert_one(
        &found,
        &["out.toml:2:18 connector_name", "`one` is the name of another connector"],
    );
    assert!(found[0].contains("CONNECTOR_NAME"), "{found:?}");
}

#[test]
fn only_files_of_danube_connect_are_migrated() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path("p.toml"), crate::sink("")).unwrap();
    let found = workspace
        .loader()
        .migrate(&[workspace.path("p.toml")])
        .expect_err("a pipeline file");
    assert!(found.to_string().contains("this is a pipeline file already"), "{found}");
    std::fs::write(workspace.path("in.toml"), SOURCE.replace("port = 0", "port = -1")).unwrap();
    let found = workspace
        .loader()
        .migrate(&[workspace.path("in.toml")])
        .expect_err("a wrong file");
    assert_eq!(found.len(), 1, "{found}");
}
