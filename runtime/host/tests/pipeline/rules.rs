//! Every rule, violated once.

use danube_wasm_config::SchemaType;
use danube_wasm_egress_surrealdb::Credentials;

use crate::{AsSurrealDb as _, AsWebhook as _, Workspace, assert_one, sink, source};

#[test]
fn values_within_their_range() {
    let workspace = Workspace::new();
    for (line, says) in [
        ("partitions = -1", "an integer from 0 to 1024, not -1"),
        ("partitions = 1025", "not 1025"),
        ("partitions = 99999999999999999999999999", "an integer from 0 to 1024"),
        ("partitions = 1.5", "not a decimal number"),
        ("partitions = \"4\"", "not a string"),
        ("key_pointer = \"customer_id\"", "a JSON pointer begins with `/`"),
        ("on_invalid = \"drop\"", "`\"reject\"` or `\"dead-letter\"`"),
        ("methods = []", "must have 1 to 7 items, not 0"),
        ("methods = [\"POST\", \"FETCH\"]", "methods[1]"),
        ("event_id = { headers = \"x\" }", "`event_id` must be"),
        ("event_id = { header = \"a b\" }", "a header's name"),
        ("event_id = \"random\"", "`event_id` must be"),
        (
            "content_type = \"any\"\nevent_id = { pointer = \"/id\" }",
            "need not be JSON",
        ),
        (
            "rate_limit = { requests_per_sec = 0 }",
            "an integer from 1 to 1000000, not 0",
        ),
        ("rate_limit = { burst = 1 }", "needs `requests_per_sec`"),
        ("max_body_bytes = 0", "from 1 to 67108864"),
        // GitHub may send these, but topics cannot have them.
        ("max_body_bytes = 67108865", "from 1 to 67108864, not 67108865"),
        ("auth = \"none\"", "must be a table"),
        ("auth = {}", "needs `type`"),
        ("auth = { type = \"apikeys\" }", "did you mean \"api_key\"?"),
        ("auth = { type = \"none\", header = \"x\" }", "unknown key `header`"),
        ("auth = { type = \"api_key\" }", "needs `secrets`"),
        ("auth = { type = \"api_key\", secrets = [\"\"] }", "is empty"),
        (
            "auth = { type = \"api_key\", secrets = [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"] }",
            "must have 1 to 8 items, not 9",
        ),
        (
            "auth = { type = \"api_key\", secret_env = \"A\", secrets = [\"${B:-b}\"] }",
            "secrets = [\"${NAME}\"]",
        ),
        ("auth = { type = \"hmac\", secrets = [\"a\"] }", "needs `form`"),
        (
            "auth = { type = \"hmac\", form = \"github\", secrets = [\"a\"], tolerance_secs = 3 }",
            "remove `tolerance_secs`",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"none\", secrets = [\"a\"] }",
            "`\"ES384\"` or `\"EdDSA\"`",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"ES512\" }",
            "with a public key, `\"RS256\"`, `\"PS256\"`, `\"ES256\"`, `\"ES384\"` and `\"EdDSA\"` are supported",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"ES256\" }",
            "needs `public_key_files` or `jwks_url`",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"HS512\", secrets = [\"a\"] }",
            "with a shared secret, only `\"HS256\"` is supported",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"HS256\", secrets = [\"short\"] }",
            "at least 32 bytes",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"RS256\" }",
            "needs `public_key_files`",
        ),
        (
            "auth = { type = \"jwt\", algorithm = \"RS256\", public_key_files = [\"schemas/payment.json\"] }",
            "holds no public key",
        ),
    ] {
        assert_one(&workspace.refuse(&source(line)), &[says]);
    }
}

#[test]
fn a_listener() {
    let workspace = Workspace::new();
    let with = |lines: &str| source("").replace("port = 0\n", &format!("port = 0\n{lines}\n"));
    for (lines, says) in [
        ("host = \"http://x\"", "a host is an IP address or a name"),
        (
            "body_timeout_ms = 30000",
            "has no time left of its `request_deadline_ms`",
        ),
        ("trusted_proxies = [\"10.0.0.0/8\", \"proxy\"]", "trusted_proxies[1]"),
        ("timeout_seconds = 30", "write `request_deadline_ms`"),
        ("tls = { cert_path = \"schemas/payment.json\" }", "needs `key_path`"),
        (
            "tls = { cert_path = \"schemas/payment.json\", key_path = \"tls/key.pem\" }",
            "names tls/key.pem",
        ),
        (
            "tls = { cert_path = \"schemas/payment.json\", key_path = \"schemas\" }",
            "not a file",
        ),
    ] {
        assert_one(&workspace.refuse(&with(lines)), &[says]);
    }
    let none = "[[sources]]\nname = \"a\"\ncomponent = \"builtin:webhook-source\"\n[sources.webhook]\nport = 0\n";
    assert_one(
        &workspace.refuse(none),
        &[
            "4:1",
            "[sources.webhook] needs at least one `endpoints`",
            "[[sources.webhook.endpoints]]",
        ],
    );
    assert_one(
        &workspace.refuse(&format!("{none}endpoints = []")),
        &["6:13", "at least one `endpoints`"],
    );
}

#[test]
fn a_sink() {
    let workspace = Workspace::new();
    for (lines, says) in [
        ("on_poison = \"block-key\"", "a `Shared` subscription has none to keep"),
        ("subscription_type = \"shared\"", "did you mean \"Shared\"?"),
        ("batch_size = 0", "from 1 to 10000"),
        ("storage_mode = \"Documents\"", "did you mean \"Document\"?"),
        ("start = \"now\"", "`\"earliest\"` or `\"latest\"`"),
        ("expected_schema_subject = \"\"", "is empty"),
    ] {
        assert_one(&workspace.refuse(&sink(lines)), &[says]);
    }
    let with = |lines: &str| sink("").replace("namespace = \"n\"\n", &format!("namespace = \"n\"\n{lines}\n"));
    for (lines, says) in [
        ("username = \"root\"", "needs `password`"),
        ("password = \"${A:-x}\"", "needs `username`"),
        (
            "username = \"a\"\npassword = \"${A:-x}\"\ntoken = \"${A:-x}\"",
            "both given",
        ),
        ("level = \"database\"", "none is given"),
        ("connection_timeout_secs = 3", "write `connect_timeout_ms`"),
    ] {
        assert_one(&workspace.refuse(&with(lines)), &[says]);
    }
    for url in [
        "",
        "surrealkv://",
        "surrealkv://a?b",
        "mem://x",
        "rocksdb://x",
        "localhost",
        "ws://",
        "http://h/db",
    ] {
        let text = sink("").replace("mem://", url);
        assert_one(&workspace.refuse(&text), &["sinks[0].surrealdb.url"]);
    }
    let found = workspace.refuse(&sink("").replace("mem://", "ws://root:hunter2@db:8000"));
    assert_one(&found, &["holds credentials"]);
    assert!(!found[0].contains("hunter2"), "{found:?}");
}

#[test]
fn a_schema() {
    let workspace = Workspace::new().with_file("schemas/broken.json", "{\n  \"type\": \n}");
    let with =
        |lines: &str| format!("[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"x\"\n{lines}\n") + &source("");
    for (lines, says) in [
        ("schema_type = \"json_schema\"", "needs `schema_file`"),
        (
            "schema_type = \"string\"\nschema_file = \"schemas/payment.json\"",
            "has no `schema_file`",
        ),
        (
            "schema_type = \"json_schema\"\nschema_file = \"schemas/broken.json\"",
            "not JSON: expected value at line 3",
        ),
        (
            "schema_type = \"json_schema\"\nschema_file = \"schemas\"",
            "which is not a file",
        ),
        (
            "schema_type = \"bytes\"\nversion_strategy = { pinned = 0 }",
            "`version_strategy` must be",
        ),
        (
            "schema_type = \"bytes\"\nversion_strategy = \"newest\"",
            "`version_strategy` must be",
        ),
    ] {
        assert_one(&workspace.refuse(&with(lines)), &[says]);
    }
}

#[test]
fn a_schema_that_encodes() {
    let proto = "syntax = \"proto3\";\npackage payments;\nmessage Payment { string id = 1; }\n";
    let workspace = Workspace::new()
        .with_file("schemas/payment.avsc", "{ \"type\": \"string\" }")
        .with_file("schemas/payment.proto", proto);
    let with =
        |lines: &str| format!("[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"x\"\n{lines}\n") + &source("");
    let schema = |lines: &str| workspace.accept(&with(lines)).pipeline.schemas.remove(0);

    let avro = schema("schema_type = \"avro\"\nschema_file = \"schemas/payment.avsc\"");
    assert_eq!((avro.schema_type, avro.message), (SchemaType::Avro, None));
    assert_eq!(avro.definition.expect("a file").text, "{ \"type\": \"string\" }");

    let protobuf = "schema_type = \"protobuf\"\nmessage = \"payments.Payment\"\n";
    let text = schema(&format!("{protobuf}schema_file = \"schemas/payment.proto\""));
    assert_eq!(text.message.as_deref(), Some("payments.Payment"));
    assert_eq!(text.definition.expect("a file").text, proto);

    for (lines, says) in [
        ("schema_type = \"avro\"", "a schema of type `avro` needs `schema_file`"),
        (
            "schema_type = \"avro\"\nschema_file = \"schemas/payment.proto\"",
            "not JSON",
        ),
        (
            "schema_type = \"protobuf\"\nschema_file = \"schemas/payment.proto\"",
            "needs `message`, the message that records are",
        ),
        (
            "schema_type = \"protobuf\"\nschema_file = \"schemas/payment.proto\"\nmessage = \"payments.Refund\"",
            "schemas/payment.proto defines no message `payments.Refund`",
        ),
        (
            "schema_type = \"protobuf\"\nschema_file = \"schemas/payment.proto\"\nmessage = \".Payment\"",
            "the full name of a message",
        ),
        (
            "schema_type = \"bytes\"\nmessage = \"payments.Payment\"",
            "a schema of type `bytes` has no `message`",
        ),
    ] {
        assert_one(&workspace.refuse(&with(lines)), &[says]);
    }
}

#[test]
fn every_way_to_sign_in() {
    let workspace = Workspace::new()
        .with_env("PASSWORD", "hunter2")
        .with_file("token", "eyJ.x.y\n");
    let credentials = |lines: &str| {
        let remote = sink("").replace("mem://", "wss://db.example");
        let text = remote.replace("database = \"d\"\n", &format!("database = \"d\"\n{lines}\n"));
        workspace.accept(&text).pipeline.sinks[0]
            .surrealdb()
            .credentials
            .clone()
    };
    assert_eq!(credentials(""), None);
    let user = "username = \"u\"\npassword = \"${PASSWORD}\"\n";
    let (username, password) = ("u".to_owned(), "hunter2".to_owned());
    let root = Credentials::Root {
        username: username.clone(),
        password: password.clone(),
    };
    let namespace = Credentials::Namespace {
        username: username.clone(),
        password: password.clone(),
    };
    for (line, expected) in [
        ("", root.clone()),
        ("level = \"root\"", root),
        ("level = \"namespace\"", namespace),
        ("level = \"database\"", Credentials::Database { username, password }),
    ] {
        assert_eq!(credentials(&format!("{user}{line}")), Some(expected), "{line}");
    }
    assert!(
        matches!(credentials("token = { file = \"token\" }"), Some(Credentials::Token(token)) if token == "eyJ.x.y")
    );
}

#[test]
fn the_top_level() {
    let workspace = Workspace::new();
    for (line, says) in [
        ("danube_service_url = \"broker\"", "must be `\"embedded://DIR\"`"),
        ("danube_service_url = \"embedded://\"", "must be `\"embedded://DIR\"`"),
        ("shutdown = { grace_secs = 0 }", "from 1 to 3600"),
        ("telemetry = { otlp_endpoint = \"grpc://x\" }", "begins with `http://`"),
        (
            "telemetry = { otlp_endpoint = \"http://u:p@x\" }",
            "must not hold credentials",
        ),
        ("telemetry = { sample_ratio = 1.1 }", "a number from 0.0 to 1.0"),
        (
            "telemetry = { log_format = \"xml\" }",
            "`\"auto\"`, `\"json\"` or `\"text\"`",
        ),
        ("retention = { bytes = 1 }", "from 1048576"),
    ] {
        assert_one(&workspace.refuse(&format!("{line}\n{}", source(""))), &[says]);
    }
}

#[test]
fn components() {
    let workspace = Workspace::new();
    let component = |name: &str| source("").replace("builtin:webhook-source", name);
    assert_one(
        &workspace.refuse(&component("guests/mine.wasm")),
        &["3:13", "guests/mine.wasm", "No such file"],
    );
    assert_one(
        &workspace.refuse(&component("builtin:surrealdb-sink")),
        &["is a sink, and this is a source"],
    );
    assert_one(
        &workspace.refuse(&component("builtin:x")),
        &["no built-in source `builtin:x`", "webhook-source"],
    );
}

#[test]
fn duplicates_are_refused() {
    let workspace = Workspace::new();
    let two = source("[[sources.webhook.endpoints]]\npath = \"/a\"\ndanube_topic = \"/stripe/payments\"");
    assert_one(
        &workspace.refuse(&two),
        &["10:8", "path of another endpoint of this listener, on line 7"],
    );

    let same_name = source("") + &source("").replace("/a", "/b");
    assert_one(
        &workspace.refuse(&same_name),
        &["11:8", "name of another connector, on line 2"],
    );
    let near_name =
        source("").replace("webhook\"\ncomp", "a.b\"\ncomp") + &sink("").replace("db\"\ncomp", "a-b\"\ncomp");
    assert_one(&workspace.refuse(&near_name), &["differ only in `.` and `-`"]);

    let admin =
        "[admin]\nport = 8080\n".to_owned() + &source("").replace("port = 0", "host = \"0.0.0.0\"\nport = 8080");
    let found = workspace.refuse(&admin);
    assert_one(&found, &["8:8", "port 8080 is taken by what line 2 configures"]);
}

#[test]
fn sources_share_an_address_if_they_agree() {
    let workspace = Workspace::new();
    let first = source("").replace("port = 0", "port = 8080");
    let other = first.replace("\"webhook\"", "\"other\"");
    let found = workspace.refuse(&(first.clone() + &other));
    assert_one(
        &found,
        &["16:8", "path of another endpoint of this listener, on line 7"],
    );
    let other = other.replace("/a\"", "/b\"");
    workspace.accept(&(first.clone() + &other));
    let slower = other.replace("port = 8080", "port = 8080\nbody_timeout_ms = 500");
    let found = workspace.refuse(&(first.clone() + &slower));
    assert_one(&found, &["14:8", "shared with line 5, where it has other settings"]);
    let wider = other.replace("port = 8080", "port = 8080\nhost = \"0.0.0.0\"\n")
        + "auth = { type = \"api_key\", secrets = [\"${A:-b}\"] }";
    assert_one(
        &workspace.refuse(&(first + &wider)),
        &["14:8", "port 8080 is taken by what line 5 configures"],
    );
    // With port 0 each source gets its own port.
    workspace.accept(&(source("") + &source("").replace("\"webhook\"", "\"other\"")));
}

#[test]
fn contradictions_are_refused() {
    let workspace = Workspace::new();
    let other = source("partitions = 4").replace("\"webhook\"", "\"other\"");
    assert_one(
        &workspace.refuse(&(source("") + &other)),
        &["17:16", "4 partitions here and 0 on line 8"],
    );
    let other = source("reliable_dispatch = false").replace("\"webhook\"", "\"other\"");
    assert_one(
        &workspace.refuse(&(source("") + &other)),
        &["another `reliable_dispatch`"],
    );

    let schema = "[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"a\"\nschema_type = \"bytes\"\n";
    assert_one(
        &workspace.refuse(&(schema.repeat(2) + &source(""))),
        &["6:9", "has a schema already, on line 2"],
    );
    let expects = sink("expected_schema_subject = \"b\"");
    let found = workspace.refuse(&(schema.to_owned() + &source("") + &expects));
    assert_one(
        &found,
        &["`b` is expected, but /stripe/payments has subject `a` (line 2)"],
    );
    let found = workspace.refuse(&(source("") + &expects));
    assert_one(&found, &["has no [[schemas]] table"]);

    let second = |mapping: &str| sink("") + &sink(mapping).replace("\"db\"", "\"db2\"");
    assert_one(
        &workspace.refuse(&second("subscription_type = \"Failover\"")),
        &["another `subscription_type` on line 9"],
    );
    let exclusive = second("").replace("table = \"t\"", "table = \"t\"\nsubscription_type = \"Exclusive\"");
    assert_one(&workspace.refuse(&exclusive), &["subscription `s` is taken on line 9"]);
    let twice =
        sink("[[sinks.surrealdb.topic_mappings]]\ntopic = \"/stripe/payments\"\nsubscription = \"s\"\ntable = \"u\"");
    assert_one(
        &workspace.refuse(&twice),
        &["13:9", "this sink has a mapping of /stripe/payments already, on line 9"],
    );
    assert_one(&workspace.warnings(&second("")), &["is shared with line 9"]);
}

#[test]
fn warnings_do_not_refuse_the_file() {
    let workspace = Workspace::new();
    let open = source("").replace("port = 0", "port = 0\nhost = \"0.0.0.0\"");
    assert_one(
        &workspace.warnings(&open),
        &[
            "6:8 sources[0].webhook.host",
            "everyone who can reach 0.0.0.0:0 may post to /a",
        ],
    );
    let keyed = open.clone() + "auth = { type = \"api_key\", secrets = [\"${A:-b}\"] }";
    assert_eq!(workspace.warnings(&keyed), [""; 0]);
    assert_one(
        &workspace.warnings(&source("reliable_dispatch = false")),
        &["9:21", "lost when the broker stops"],
    );
    let admin = "[admin]\nhost = \"0.0.0.0\"\n".to_owned() + &source("");
    assert_one(&workspace.warnings(&admin), &["2:8 admin.host", "metrics"]);
    let literal = source("auth = { type = \"api_key\", secrets = [\"demo\"] }");
    assert_one(&workspace.warnings(&literal), &["9:39", "a secret written in the file"]);
    let typo = source("") + &sink("").replace("/stripe/payments", "/stripe/payment");
    assert_one(
        &workspace.warnings(&typo),
        &[
            "no endpoint of this file publishes to /stripe/payment",
            "did you mean /stripe/payments?",
        ],
    );
}

#[test]
fn storing_the_newest_of_an_id_warns_without_keys_in_partitions() {
    let workspace = Workspace::new().with_file("own.wasm", "");
    let by_id = sink("id_pointer = \"/id\"");
    let keyless = source("partitions = 4") + &by_id;
    assert_one(
        &workspace.warnings(&keyless),
        &[
            "sinks[0].surrealdb.topic_mappings[0].id_pointer",
            "records of /stripe/payments have no key (line 8)",
            "all of its 4 partitions",
            "write `key_pointer`",
        ],
    );
    for fine in [
        source("partitions = 4\nkey_pointer = \"/id\"") + &by_id,
        source("partitions = 1") + &by_id,
        source("") + &by_id,
        source("partitions = 4") + &sink(""),
        source("partitions = 4").replace("builtin:webhook-source", "own.wasm") + &by_id,
        by_id.clone(),
    ] {
        assert_eq!(workspace.warnings(&fine), [""; 0], "{fine}");
    }
    let files = [("a.toml", &*source("partitions = 4")), ("b.toml", &by_id)];
    let loaded = workspace.load_files(&files).expect("no mistakes");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
}

#[test]
fn attributes_that_no_endpoint_gives_are_warned_of() {
    let workspace = Workspace::new().with_file("own.wasm", "");
    let given = source("include = { headers = [\"x-github-event\"], query = [\"site\"] }");
    let asking = |name: &str| given.clone() + &sink(&format!("include_attributes = {{ event = \"{name}\" }}"));
    for (asked, help) in [
        (
            "webhook.header.x-github-evnt",
            "did you mean `webhook.header.x-github-event`?",
        ),
        ("x-github-event", "did you mean `webhook.header.x-github-event`?"),
        (
            "webhook.query.tenant",
            "write `include = { query = [\"tenant\"] }` in that endpoint",
        ),
    ] {
        let place = "sinks[0].surrealdb.topic_mappings[0].include_attributes";
        let message = format!("no record of /stripe/payments has an attribute `{asked}`: its endpoint (line ");
        assert_one(&workspace.warnings(&asking(asked)), &[place, &message, help]);
    }
    let none = source("") + &sink("include_attributes = [\"webhook.header.x-a\"]");
    let help = "write `include = { headers = [\"x-a\"] }` in that endpoint";
    assert_one(&workspace.warnings(&none), &[help]);
    for fine in [
        asking("webhook.header.x-github-event"),
        asking("webhook.timestamp"),
        asking("webhook.header.other").replace("builtin:webhook-source", "own.wasm"),
        given.clone() + &sink("include_attributes = [\"*\"]"),
        sink("include_attributes = [\"webhook.header.x-a\"]"),
    ] {
        assert_eq!(workspace.warnings(&fine), [""; 0], "{fine}");
    }
}

#[test]
fn older_spellings_are_accepted_with_a_note() {
    let workspace = Workspace::new();
    let text = source("")
        .replace("path =", "from =")
        .replace("danube_topic =", "to =")
        .replace(".endpoints]", ".routes]");
    let loaded = workspace.accept(&text);
    assert_eq!(loaded.pipeline.sources[0].webhook().endpoints[0].path.as_str(), "/a");
    assert_eq!(loaded.warnings.len(), 3, "{:#?}", loaded.warnings);
    assert_eq!(loaded.warnings[1].help, "write `path`");
    for older in ["table_name", "to"] {
        let loaded = workspace.accept(&sink("").replace("table =", &format!("{older} =")));
        assert_eq!(
            loaded.pipeline.sinks[0].surrealdb().topic_mappings[0].table.as_deref(),
            Some("t")
        );
        assert_eq!(loaded.warnings.len(), 1);
    }
    assert_one(
        &workspace.refuse(&sink("table_name = \"u\"")),
        &["12:1", "another spelling of `table`", "is given too"],
    );
    let found = workspace.refuse(&sink("to = \"u\"").replace("table =", "table_name ="));
    assert_one(
        &found,
        &[
            "12:1",
            "`to` is another spelling of `table`",
            "`table_name` is given too",
        ],
    );
}

#[test]
fn table_names_are_checked() {
    let workspace = Workspace::new();
    let (chooser, no_table) = (workspace.path("chooser.wasm"), "table = \"t\"\n");
    std::fs::write(&chooser, "").expect("a file");
    let by_component = |text: String| text.replace("builtin:surrealdb-sink", "chooser.wasm");
    let loaded = workspace.accept(&by_component(sink("tables = [\"u\", \"v\"]").replace(no_table, "")));
    let mapping = &loaded.pipeline.sinks[0].surrealdb().topic_mappings[0];
    assert_eq!(mapping.targets().collect::<Vec<_>>(), ["u", "v"]);
    let settings = loaded.pipeline.sinks[0].settings_json();
    assert!(
        settings.contains(r#""tables":["u","v"]"#) && !settings.contains("\"table\":"),
        "{settings}"
    );
    let loaded = workspace.accept(&sink("tables = [\"u\"]"));
    let mapping = &loaded.pipeline.sinks[0].surrealdb().topic_mappings[0];
    assert_eq!(mapping.targets().collect::<Vec<_>>(), ["t", "u"]);
    assert_one(
        &workspace.refuse(&sink("tables = [\"u\"]").replace(no_table, "")),
        &["`builtin:surrealdb-sink` writes to `table`", "/stripe/payments"],
    );
    assert_one(
        &workspace.refuse(&by_component(sink("").replace(no_table, ""))),
        &["needs `table`", "`tables = [", "for a component that chooses"],
    );
    for own in ["_danube_wasm_order", "_danube_wasm_"] {
        let says = ["is a table of the runtime's own", "choose another name"];
        assert_one(
            &workspace.refuse(&sink("").replace("\"t\"", &format!("{own:?}"))),
            &says,
        );
        assert_one(&workspace.refuse(&sink(&format!("tables = [{own:?}]"))), &says);
    }
    let long = "t".repeat(129);
    assert_one(
        &workspace.refuse(&sink(&format!("tables = [{long:?}]"))),
        &["longer than 128 bytes"],
    );
}
