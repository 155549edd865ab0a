//! Files of Danube Connect: keys without effect, and mistakes, reported with the file's own keys.

use crate::{
    Workspace, assert_one,
    connect::{SINK, SOURCE, notes_of},
};

#[test]
fn every_key_without_effect_is_named_with_its_line() {
    let workspace = Workspace::new();
    let key = |text: &str| format!("{text}\n");
    for (text, says) in [
        (
            SOURCE.replace("port = 0\n", "port = 0\ntls_cert_path = \"x\"\n"),
            "6:17 server.tls_cert_path: `tls_cert_path` had no effect",
        ),
        (
            SOURCE.replace("to =", "rate_limit = { requests_per_second = 1, burst_size = 1 }\nto ="),
            "10:14 routes[0].rate_limit",
        ),
        (
            key(SOURCE) + "[rate_limit]\nrequests_per_second = 1\n",
            "rate_limit: `rate_limit` had no effect",
        ),
        (
            key(SOURCE) + "[processing]\nbatch_size = 5\n",
            "processing.batch_size: `batch_size` has no equivalent",
        ),
        (
            key(SOURCE) + "[processing]\npoll_interval_ms = 5\n",
            "nothing is polled",
        ),
        (key(SOURCE) + "[processing]\nlog_level = \"debug\"\n", "set RUST_LOG"),
        (
            key(SOURCE) + "[processing]\nhealth_check_interval_ms = 5\n",
            "has no equivalent",
        ),
        (
            key(SOURCE) + "[retry]\ninitial_interval_ms = 5\n",
            "`initial_interval_ms` had no effect",
        ),
        (
            key(SINK) + "[retry]\nmax_retries = 5\n",
            "`max_retries` has no equivalent",
        ),
        (
            "metrics_port = 9090\n".to_owned() + SINK,
            "1:16 metrics_port: `metrics_port` had no effect",
        ),
        (
            key(SINK) + "schema_type = \"Json\"\n",
            "surrealdb.routes[0].schema_type",
        ),
        (
            key(SINK) + "batch_size = 5\n",
            "surrealdb.routes[0].batch_size: `batch_size` had no effect",
        ),
        (
            SINK.replace("\nurl =", "\nrequest_timeout_secs = 5\nurl ="),
            "here it holds",
        ),
        (
            SINK.replace("\nurl =", "\nusername = \"root\"\nurl ="),
            "give both, as SURREALDB_USERNAME",
        ),
        (key(SINK) + "[auth]\ntype = \"none\"\n", "a sink listens to nobody"),
    ] {
        assert_one(&notes_of(&workspace, &text), &[says]);
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let workspace = Workspace::new();
    for (text, says) in [
        (SOURCE.replace("partitions", ""), None),
        (
            SOURCE.replace("to =", "partition = 1\nto ="),
            Some("10:1 routes[0].partition: unknown key `partition` in [[routes]] | did you mean `partitions`?"),
        ),
        (SOURCE.replace("host =", "hots ="), Some("did you mean `host`?")),
        (format!("{SINK}batch = 1\n"), Some("unknown key `batch`")),
        (
            SINK.replace("[surrealdb]\n", "[surrealdb]\ncredentials = 1\n"),
            Some("unknown key `credentials` in [surrealdb]"),
        ),
        (
            format!("{SOURCE}batch_size = 1\n"),
            Some("`batch_size` belongs in [processing]"),
        ),
        (format!("{SINK}[servers]\nport = 1\n"), Some("did you mean `server`?")),
    ] {
        match says {
            Some(says) => assert_one(&workspace.refuse(&text), &[says]),
            None => drop(workspace.accept(&text)),
        }
    }
}

#[test]
fn mistakes_are_reported_with_the_files_own_lines_and_keys() {
    let text = SINK
        .replace("/default/a", "default/a")
        .replace("db:8000", "db")
        .replace("connector_name = \"out\"\n", "")
        + "storage_mode = \"Documents\"\n";
    let found = Workspace::new().refuse(&text);
    let expected = [
        "1:1 connector_name: ",
        "3:7 surrealdb.url: ",
        "7:8 surrealdb.routes[0].from: ",
        "10:16 surrealdb.routes[0].storage_mode: ",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn missing_keys_are_reported() {
    let workspace = Workspace::new();
    let core = "danube_service_url = \"http://b\"\nconnector_name = \"x\"\n";
    for (text, says) in [
        (core.to_owned(), "none of [server], [mqtt], [surrealdb], [qdrant] and [deltalake]"),
        (format!("{core}[[routes]]\nfrom = \"/a\"\nto = \"/default/a\"\nreliable_dispatch = true\n"), "needs a table `server`"),
        (format!("{core}[server]\nhost = \"127.0.0.1\"\n"), "needs at least one of `routes`"),
        (SOURCE.to_owned() + "[[endpoints]]\npath = \"/b\"\ndanube_topic = \"/default/b\"\n", "`routes` is another spelling of `endpoints`"),
        (SOURCE.to_owned() + "[webhook]\nport = 0\n", "`webhook` is another spelling of `server`"),
        (SOURCE.to_owned() + &SINK[SINK.find("[surrealdb]").unwrap()..], "a source and a sink"),
        (SINK.replace("[[surrealdb.routes]]", "[[surrealdb.topic_mappings]]\ntopic = \"/default/b\"\nsubscription = \"x\"\ntable = \"t\"\n[[surrealdb.routes]]"), "`routes` is the newer spelling"),
        (SINK[..SINK.find("[[").unwrap()].to_owned(), "needs at least one of `routes`"),
    ] {
        assert_one(&workspace.refuse(&text), &[says]);
    }
}

const MISTAKES_OF_A_SOURCE: &str = r#"danube_service_url = "b:6650"
connector_nme = "in"
[server]
port = 80800
timeout_seconds = 0
max_body_size = "1 MiB"
host = "${HOST}"
[auth]
type = "hmac"
secret_env = "NONE"
header = 5
[[routes]]
from = "a"
to = "/default/a"
partitions = 2000
[[routes]]
path = "/b"
from = "/c"
reliable_dispatch = "yes"
[[schemas]]
topic = "/default/a"
subject = "s"
schema_type = "avro"
schema_file = "nowhere.avsc"
"#;

const MISTAKES_OF_A_SINK: &str = r#"danube_service_url = ["http://b", "https://c"]
connector_name = "out"
[processing]
batch_size = 0
metrics_port = "9091"
[surrealdb]
url = "ws://u:p@db"
username = "root"
password = { file = "x" }
request_timeout_secs = 601
[[surrealdb.routes]]
from = "/default/a"
subscription = "a b"
to = "t;"
include_danube_metadata = 1
storage_mode = "Timeseries"
"#;

/// Every message names the file's own keys and tables, and how to correct them.
#[test]
fn every_mistake_is_reported_at_once_with_the_files_own_keys() {
    let workspace = Workspace::new();
    let of_a_source = [
        "1:1 connector_name: the top level needs `connector_name` | write for example `connector_name = \
         \"webhook-source\"`",
        "1:22 danube_service_url: `danube_service_url` must be `\"embedded://DIR\"`, `\"http(s)://HOST:PORT\"`, `\"nats://HOST:PORT\"`, or a \
         list of one of the latter two | write for example `danube_service_url = \"http://danube-broker:6650\"`",
        "2:1 connector_nme: unknown key `connector_nme` in the top level | did you mean `connector_name`? valid keys \
         here: danube_service_url, connector_name, processing, retry, metrics_port, schemas, server, webhook, \
         endpoints, routes, auth, rate_limit, surrealdb, mqtt, qdrant, deltalake",
        "4:8 server.port: `port` must be an integer from 0 to 65535, not 80800 | write a number from 0 to 65535",
        "5:19 server.timeout_seconds: `timeout_seconds` must be an integer from 1 to 600, not 0 | write a number \
         from 1 to 600",
        "6:17 server.max_body_size: `max_body_size` must be an integer from 1 to 67108864, not a string | write for \
         example `max_body_size = 1048576`",
        "7:8 server.host: `host`: a host is an IP address or a name, without scheme and port | write for example \
         `host = \"0.0.0.0\"`",
        "10:14 auth.secret_env: `secret_env` names the environment variable `NONE`, which is not set | set NONE for \
         this process",
        "11:10 auth.header: `header` must be a header, not an integer | write for example `header = \"x-api-key\"`",
        "13:8 routes[0].from: `from`: a path begins with `/` and is as it stands in a URL, without `?`, `#`, spaces \
         and dot segments | write for example `from = \"/webhooks/stripe/payments\"`",
        "15:14 routes[0].partitions: `partitions` must be an integer from 0 to 1024, not 2000 | write a number from \
         0 to 1024",
        "16:1 routes[1].danube_topic: [[routes]] needs `danube_topic` | write for example `danube_topic = \
         \"/stripe/payments\"`",
        "18:1 routes[1].from: `from` is another spelling of `path`, and `path` is given too | keep `path` and remove \
         the other",
        "19:21 routes[1].reliable_dispatch: `reliable_dispatch` must be `true` or `false`, not a string | write for \
         example `reliable_dispatch = false`",
        "24:15 schemas[0].schema_file: `schema_file` names nowhere.avsc, which cannot be opened: No such file or \
         directory (os error 2) | create the file or correct the path; paths start from this file's directory",
    ];
    let of_a_sink = [
        "1:22 danube_service_url: `danube_service_url` names brokers with `http` and with `https` | a cluster has \
         TLS or has none: write the same for all",
        "4:14 processing.batch_size: `batch_size` must be an integer from 1 to 10000, not 0 | write a number from 1 \
         to 10000",
        "5:16 processing.metrics_port: `metrics_port` must be an integer from 0 to 65535, not a string | write for \
         example `metrics_port = 9090`",
        "6:1 surrealdb.namespace: [surrealdb] needs `namespace` | write for example `namespace = \"default\"`",
        "6:1 surrealdb.database: [surrealdb] needs `database` | write for example `database = \"default\"`",
        "7:7 surrealdb.url: `url` holds credentials, which would be shown in logs | write them as `username` and \
         `password`",
        "9:12 surrealdb.password: `password` must be a secret: `\"${NAME}\"` or `{ file = \"path\" }`, not a table | \
         write for example `password = \"secret\"`",
        "10:24 surrealdb.request_timeout_secs: `request_timeout_secs` must be an integer from 1 to 600, not 601 | \
         write a number from 1 to 600",
        "13:16 surrealdb.routes[0].subscription: `a b` is not a valid subscription name: use 1 to 64 of a-z, A-Z, \
         0-9, `_`, `-`, `.`, beginning with a letter or digit | write for example `subscription = \
         \"surrealdb-payments\"`",
        "15:27 surrealdb.routes[0].include_danube_metadata: `include_danube_metadata` must be `true` or `false`, not \
         an integer | write for example `include_danube_metadata = true`",
        "16:16 surrealdb.routes[0].storage_mode: `storage_mode` must be `\"Document\"` or `\"TimeSeries\"`, not \
         \"Timeseries\" | did you mean \"TimeSeries\"?",
    ];
    assert_eq!(workspace.refuse(MISTAKES_OF_A_SOURCE), of_a_source);
    assert_eq!(workspace.refuse(MISTAKES_OF_A_SINK), of_a_sink);
}

#[test]
fn a_mistake_that_affects_every_endpoint_is_reported_once() {
    let text = SOURCE.replace("\"none\"", "\"apikey\"\nheader = \"x y\"\nsecret_env = \"NONE\"")
        + "[[routes]]\nfrom = \"/b\"\nto = \"/default/b\"\nreliable_dispatch = true\n";
    let found = Workspace::new().refuse(&text);
    let keys: Vec<_> = found.iter().filter_map(|found| found.split(' ').nth(1)).collect();
    assert_eq!(keys, ["auth.header:", "auth.secret_env:"], "{found:#?}");
}

#[test]
fn an_invalid_variable_is_named_as_what_to_correct() {
    let variables = [
        ("DANUBE_SERVICE_URL", "http://danube-broker:6650"),
        ("CONNECTOR_NAME", "webhook-source"),
        ("SERVER_HOST", "0.0.0.0"),
        ("SERVER_PORT", "8080"),
    ];
    for (variable, example) in variables {
        let found = Workspace::new().with_env(variable, "a b").refuse(SOURCE);
        assert_one(&found, &[&format!("write for example `{variable}={example}`")]);
    }
}
