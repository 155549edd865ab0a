//! Mistakes are reported all at once, each with its place, its key and its correction.

use crate::{Workspace, assert_one, sink, source};

const TEN_MISTAKES: &str = r#"name = "stripe payments"
[admin]
prot = 9090

[[schemas]]
topic = "stripe/payments"
subject = "stripe-payment-v1"
schema_type = "jsonschema"
schema_file = "schemas/payments.json"

[[sources]]
name = "webhook"
component = "builtin:webhook-sorce"
[sources.webhook]
port = 80800
adress = "0.0.0.0"
[[sources.webhook.endpoints]]
path = "/a"
danube_topic = "/stripe/payments"
reliable_dispatch = "yes"
auth = { type = "api_key", secrets = ["${WEBHOOK_API_KEY}"] }

[[sinks]]
name = "webhook"
component = "builtin:surrealdb-sink"
[sinks.surrealdb]
url = "mem://"
namespace = "n"
database = "d"
[[sinks.surrealdb.topic_mappings]]
topic = "/stripe/payments"
subscription = "s"
"#;

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let found = Workspace::new().refuse(TEN_MISTAKES);
    let expected = [
        "1:8 name: `stripe payments` is not a valid pipeline name: use 1 to 64 of a-z, A-Z, 0-9, `_`, `-`, `.`, \
         beginning with a letter or digit | write for example `name = \"stripe-payments\"`",
        "3:1 admin.prot: unknown key `prot` in [admin] | did you mean `port`? valid keys here: host, port",
        "6:9 schemas[0].topic: `topic`: `stripe/payments` is not a topic name: write `/namespace/name`, each of a-z, \
         A-Z, 0-9, `_`, `-`, at most 200 characters in all, of which 128 are the namespace's | write for \
         example `topic = \"/stripe/payments\"`",
        "8:15 schemas[0].schema_type: `schema_type` must be `\"json_schema\"`, `\"avro\"`, `\"protobuf\"`, `\"string\"`, `\"number\"` \
         or `\"bytes\"`, not \"jsonschema\" | did you mean \"json_schema\"?",
        "9:15 schemas[0].schema_file: `schema_file` names schemas/payments.json, which cannot be opened: No such file \
         or directory (os error 2) | create the file or correct the path; paths start from this file's directory",
        "13:13 sources[0].component: there is no built-in source `builtin:webhook-sorce` | did you mean \
         `\"builtin:webhook-source\"`?",
        "15:8 sources[0].webhook.port: `port` must be an integer from 0 to 65535, not 80800 | write a number from 0 to \
         65535",
        "16:1 sources[0].webhook.adress: unknown key `adress` in [sources.webhook] | remove it; valid keys here: host, \
         port, tls, max_body_bytes, header_timeout_ms, body_timeout_ms, request_deadline_ms, trusted_proxies, endpoints",
        "20:21 sources[0].webhook.endpoints[0].reliable_dispatch: `reliable_dispatch` must be `true` or `false`, not a \
         string | write for example `reliable_dispatch = true`",
        "21:39 sources[0].webhook.endpoints[0].auth.secrets[0]: `secrets[0]` needs the environment variable \
         `WEBHOOK_API_KEY`, which is not set | set WEBHOOK_API_KEY for this process, or give a default: \
         `${WEBHOOK_API_KEY:-value}`",
        "24:8 sinks[0].name: `webhook` is the name of another connector, on line 12 | give every source and sink a \
         name of its own",
        "30:1 sinks[0].surrealdb.topic_mappings[0].table: [[sinks.surrealdb.topic_mappings]] needs `table` | write for \
         example `table = \"stripe_payments\"`, or `tables = [\"payments\", …]` for a component that chooses",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn a_finding_is_shown_with_file_place_message_and_help() {
    let workspace = Workspace::new();
    let found = workspace.load(&source("partition = 4")).expect_err("an unknown key");
    let file = workspace.path("pipeline.toml");
    let expected = format!(
        "{}:9:1: error[DW0102]: unknown key `partition` in [[sources.webhook.endpoints]]\n  help: did you mean `partitions`? valid keys \
         here: path, danube_topic, partitions, reliable_dispatch, ordered, route, key_pointer, on_invalid, on_failure, \
         content_type, include, methods, event_id, on_id_reuse, on_missing_id, rate_limit, max_body_bytes, max_event_bytes, auth, allow_networks, handshake, cors, answer\n1 error",
        file.display()
    );
    assert_eq!(found.to_string(), expected);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[0]["line"], 9);
    assert_eq!(json[0]["severity"], "error");
    assert_eq!(json[0]["key"], "sources[0].webhook.endpoints[0].partition");
}

#[test]
fn columns_count_characters() {
    let text = "admin = { host = \"${É:-x}é\", port = -1 }\n".to_owned() + &source("");
    let found = Workspace::new().refuse(&text);
    assert!(found[0].starts_with("1:18 admin.host: "), "{found:#?}");
    assert!(found[1].starts_with("1:37 admin.port: "), "{found:#?}");
}

#[test]
fn syntax_errors_have_lines_too() {
    let found = Workspace::new().refuse("name = \n[admin\nport = 1\nport = 2\n");
    assert!(found.len() >= 2, "{found:#?}");
    assert!(found[0].starts_with("1:"), "{found:#?}");
    assert!(found.iter().all(|f| f.contains(": not TOML: ")), "{found:#?}");
    assert_one(
        &Workspace::new().refuse("[admin]\nport = 1\nport = 2\n"),
        &["3:1", "duplicate key", "keep one of them"],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let workspace = Workspace::new();
    let found = workspace
        .loader()
        .load(&workspace.path("none.toml"))
        .expect_err("no file");
    let text = found.to_string();
    assert!(
        text.contains("none.toml: error[DW0108]: the pipeline file cannot be read: No such file"),
        "{text}"
    );
    std::fs::write(workspace.path("latin.toml"), b"\n# caf\xe9\n").unwrap();
    let found = workspace
        .loader()
        .load(&workspace.path("latin.toml"))
        .expect_err("not UTF-8");
    assert!(found.to_string().contains("line 2 is not UTF-8"), "{found}");
}

#[test]
fn an_empty_file_says_what_is_missing() {
    for text in ["", "sources = []\nsinks = []\n"] {
        assert_one(
            &Workspace::new().refuse(text),
            &["1:1", "nothing to run", "[[sources]]"],
        );
    }
}

#[test]
fn misplaced_keys_are_refused_with_their_place() {
    let workspace = Workspace::new();
    let found = workspace.refuse(&(source("") + "batch_size = 5\nflush_interval = 3"));
    assert!(
        found[0].contains("`batch_size` belongs in [[sinks.surrealdb.topic_mappings]]"),
        "{found:#?}"
    );
    let text = "connector_name = \"x\"\n[processing]\nbatch_size = 1\n".to_owned() + &source("");
    let found = workspace.refuse(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("name each connector in its own table"), "{found:#?}");
    assert!(found[1].contains("[sources.batch]"), "{found:#?}");
}

#[test]
fn tables_and_lists_of_tables_are_distinguished() {
    let workspace = Workspace::new();
    assert_one(
        &workspace.refuse("[sources]\nname = \"a\"\n"),
        &["1:1 sources", "list of tables", "[[sources]]"],
    );
    assert_one(
        &workspace.refuse(&("admin = 3\n".to_owned() + &source(""))),
        &["1:9 admin", "must be a table", "[admin]"],
    );
    let no_table = "[[sinks]]\nname = \"db\"\ncomponent = \"builtin:surrealdb-sink\"\n";
    assert_one(
        &workspace.refuse(no_table),
        &[
            "1:1 sinks[0].surrealdb",
            "needs a table of its kind: `surrealdb`",
            "[sinks.surrealdb]",
        ],
    );
    assert_one(
        &workspace.refuse(&sink("[sinks.limits]\nmemory_byte = 1")),
        &["13:1", "`memory_bytes`"],
    );
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let text = "\"a\\u001b[31m\\nb\" = 1\n".to_owned() + &source("");
    let found = Workspace::new().load(&text).expect_err("an unknown key").to_string();
    assert!(!found.contains('\u{1b}'), "{found:?}");
    assert!(found.contains("a\u{fffd}[31m\u{fffd}b"), "{found:?}");
}

#[test]
fn an_escaped_reference_is_literal_text() {
    let text = source("").replace("port = 0", "port = \"$${PORT}\"");
    assert_one(
        &Workspace::new().with_env("PORT", "1").refuse(&text),
        &["`port` must be an integer from 0 to 65535, not a string"],
    );
    let text = sink("storage_mode = \"$${MODE}\"");
    assert_one(&Workspace::new().refuse(&text), &["not \"${MODE}\""]);
}

/// What a file with this in its endpoint is told, message and help alike.
fn findings(endpoint: &str) -> String {
    Workspace::new().refuse(&source(endpoint)).join("\n")
}

#[test]
fn a_word_of_another_key_is_led_to_it() {
    let github = findings("auth = { type = \"github\", secret = \"${WEBHOOK_API_KEY}\" }");
    assert!(
        github.contains("write `type = \"signature\", preset = \"github\"`"),
        "{github}"
    );
    // Beside it, what no `type` has.
    assert!(github.contains("write `secrets = [\"${NAME}\"]`"), "{github}");
    let old = findings("auth = { type = \"hmac\", preset = \"github\", secrets = [\"${WEBHOOK_API_KEY}\"] }");
    assert!(old.contains("`preset` goes with `type = \"signature\"`"), "{old}");
    let topic = findings("topic = \"/a/b\"");
    assert!(topic.contains("did you mean `danube_topic`?"), "{topic}");
}

#[test]
fn a_sender_and_a_kind_by_half_its_name_are_led_to_what_is_meant() {
    let workspace = Workspace::new();
    let half = workspace.refuse(&source("").replace("builtin:webhook-source", "builtin:webhook"));
    assert!(
        half.iter()
            .any(|line| line.contains("did you mean `\"builtin:webhook-source\"`?")),
        "{half:?}"
    );
    let sender = workspace.refuse(&source("").replace("[sources.webhook]", "[sources.github]\n[sources.webhook]"));
    let says = "`github` is a value of `preset` in [sources.webhook.endpoints.auth]";
    assert!(sender.iter().any(|line| line.contains(says)), "{sender:?}");
}
