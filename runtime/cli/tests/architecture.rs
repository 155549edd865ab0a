//! The floor plan, kept by a test: dependencies point down, and what is deliberately absent from a room stays absent.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use danube_wasm_pipeline::failpoints::FailPoint;

/// Lowest room first: a room may depend only on rooms before it.
const ROOMS: &[(&str, &str)] = &[
    ("codes", "runtime/codes"),
    ("model", "runtime/model"),
    ("telemetry", "runtime/telemetry"),
    ("settings", "runtime/settings"),
    ("egress-dial", "runtime/egress/dial"),
    ("grants", "runtime/grants"),
    ("connector", "runtime/connector"),
    ("oci", "runtime/oci"),
    ("config", "runtime/config"),
    ("proto", "proto"),
    ("broker", "runtime/broker"),
    ("broker-danube", "runtime/broker/danube"),
    ("broker-nats", "runtime/broker/nats"),
    ("broker-migrate", "runtime/broker/migrate"),
    ("broker-server", "runtime/broker/server"),
    ("broker-spool", "runtime/broker/spool"),
    ("schema", "runtime/schema"),
    ("sandbox", "runtime/sandbox"),
    ("cases", "runtime/cases"),
    ("egress-common", "runtime/egress/common"),
    ("ingress-listener", "runtime/ingress/listener"),
    ("egress-delta", "runtime/egress/delta"),
    ("ingress-http", "runtime/ingress/http"),
    ("ingress-mqtt", "runtime/ingress/mqtt"),
    ("egress-http", "runtime/egress/http"),
    ("egress-clickhouse", "runtime/egress/clickhouse"),
    ("egress-qdrant", "runtime/egress/qdrant"),
    ("ingress-otlp", "runtime/ingress/otlp"),
    ("ingress-postgres", "runtime/ingress/postgres"),
    ("ingress-kafka", "runtime/ingress/kafka"),
    ("ingress-poll", "runtime/ingress/poll"),
    ("egress-surrealdb", "runtime/egress/surrealdb"),
    ("pipeline", "runtime/pipeline"),
    ("toolchain", "runtime/toolchain"),
    ("host", "runtime/host"),
    ("cli", "runtime/cli"),
];

/// A dependency that only these rooms may name.
const OWNED: &[(&str, &[&str])] = &[
    ("wasmtime", &["sandbox"]),
    ("async-nats", &["broker-nats"]),
    ("redb", &["broker"]),
    (
        "tonic",
        &[
            "proto",
            "broker-danube",
            "broker-server",
            "egress-qdrant",
            "ingress-otlp",
        ],
    ),
    ("surrealdb", &["egress-surrealdb"]),
    ("jsonschema", &["schema"]),
    (
        "hyper",
        &["ingress-listener", "egress-http", "egress-qdrant", "broker-danube"],
    ),
    ("delta_kernel", &["egress-delta"]),
    ("object_store", &["egress-delta"]),
    ("hyper", &["ingress-http", "egress-http", "broker-danube"]),
    ("mqtt-protocol-core", &["ingress-mqtt"]),
    ("tokio-tungstenite", &["ingress-mqtt"]),
    ("clickhouse-types", &["egress-clickhouse"]),
    ("opentelemetry-proto", &["ingress-otlp"]),
    ("rdkafka", &["ingress-kafka"]),
    ("tokio-postgres", &["ingress-postgres"]),
    ("pgwire-replication", &["ingress-postgres"]),
    ("postgres-protocol", &["ingress-postgres"]),
    ("pg_walstream", &["ingress-postgres"]),
    ("qdrant-client", &["egress-qdrant"]),
    ("clap", &["cli"]),
    ("ratatui", &["cli"]),
    ("addr2line", &["sandbox"]),
    ("oci-client", &["oci"]),
    ("wac-graph", &["toolchain"]),
    ("wasi-preview1-component-adapter-provider", &["toolchain"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository")
}

fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
    let table: toml::Table = text.parse().expect("a manifest");
    let section = table
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .cloned()
        .unwrap_or_default();
    section.keys().cloned().collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn dependencies_point_down_only() {
    for (rank, (room, dir)) in ROOMS.iter().enumerate() {
        for dependency in dependencies(&root().join(dir).join("Cargo.toml")) {
            let Some(name) = dependency.strip_prefix("danube-wasm-") else {
                continue;
            };
            let below = ROOMS[..rank].iter().any(|(lower, _)| *lower == name);
            assert!(below, "`{room}` depends on `{name}`, which is not below it");
        }
    }
}

#[test]
fn ingress_and_egress_never_see_a_broker() {
    for room in [
        "runtime/ingress/listener",
        "runtime/ingress/http",
        "runtime/ingress/mqtt",
        "runtime/ingress/otlp",
        "runtime/ingress/postgres",
        "runtime/ingress/kafka",
        "runtime/egress/common",
        "runtime/egress/delta",
        "runtime/egress/dial",
        "runtime/egress/http",
        "runtime/egress/clickhouse",
        "runtime/egress/qdrant",
        "runtime/egress/surrealdb",
    ] {
        let found = dependencies(&root().join(room).join("Cargo.toml"));
        assert!(!found.contains("danube-wasm-broker"), "{room} depends on the broker");
    }
}

/// Adding a connector edits its own folder and one line of this file: nobody else names it.
const CONNECTORS: &str = "runtime/host/src/connectors.rs";

/// Rooms of `ingress/` and `egress/` that are no connector: what connectors share.
const SHARED_BY_CONNECTORS: &[&str] = &["ingress-listener", "egress-common", "egress-dial"];

#[test]
fn only_its_own_folder_and_one_line_know_a_connector() {
    let is_within = |dir: &str| dir.starts_with("runtime/ingress/") || dir.starts_with("runtime/egress/");
    let (connectors, others): (Vec<_>, Vec<_>) = ROOMS.iter().partition(|(_, dir)| is_within(dir));
    let connectors = connectors.iter().map(|(room, _)| *room);
    let crates: Vec<_> = connectors
        .filter(|room| !SHARED_BY_CONNECTORS.contains(room))
        .map(|room| format!("danube_wasm_{}", room.replace('-', "_")))
        .collect();
    assert!(crates.len() >= 2, "{crates:?}");
    for path in others
        .iter()
        .flat_map(|(_, dir)| sources(&root().join(dir).join("src")))
    {
        if path.ends_with(CONNECTORS) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let named = words.find(|word| crates.iter().any(|name| name == word));
        assert_eq!(named, None, "{}", path.display());
    }
}

/// A program may be built without them: what puts the rooms together names them in one folder each.
const BROKERS: &[(&str, &str)] = &[
    ("danube_wasm_broker_danube", "runtime/host/src/danube"),
    ("danube_wasm_broker_nats", "runtime/host/src/nats"),
    ("danube_wasm_broker_server", "runtime/cli/src/verbs/broker.rs"),
];

#[test]
fn only_one_folder_of_the_host_and_one_verb_know_a_broker_that_can_be_left_out() {
    for path in ["runtime/host/src", "runtime/cli/src"]
        .map(|dir| sources(&root().join(dir)))
        .concat()
    {
        let text = fs::read_to_string(&path).expect("a source");
        for (name, place) in BROKERS {
            let is_there = path.starts_with(root().join(place)) || path == root().join(format!("{place}.rs"));
            assert!(is_there || !text.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn what_belongs_to_one_room_is_named_in_no_other() {
    for (room, dir) in ROOMS {
        for dependency in dependencies(&root().join(dir).join("Cargo.toml")) {
            let owner = OWNED
                .iter()
                .find(|(name, _)| dependency == *name || dependency.starts_with(&format!("{name}-")));
            if let Some((name, owners)) = owner {
                assert!(
                    owners.contains(room),
                    "`{room}` names `{name}`, which belongs to {owners:?}"
                );
            }
        }
    }
}

#[test]
fn the_pipeline_opens_no_socket_and_no_file() {
    for path in sources(&root().join("runtime/pipeline/src")) {
        let text = fs::read_to_string(&path).expect("a source");
        for word in [
            "std::fs",
            "tokio::fs",
            "std::net",
            "tokio::net",
            "std::thread",
            "std::time::Instant",
        ] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn nothing_under_runtime_knows_a_payload() {
    for (_, dir) in ROOMS.iter().filter(|(room, _)| *room != "cli") {
        for path in sources(&root().join(dir).join("src")) {
            let text = fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["payment_intent", "\"amount\"", "\"currency\"", "evt_"] {
                assert!(!code.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn guests_depend_on_the_sdk_only() {
    // The SDK, and what reads and writes data.
    let allowed = ["danube-connector", "serde", "serde_json", "base64", "wit-bindgen"];
    for folder in ["guests", "guests/testing", "guests/conformance"] {
        for entry in fs::read_dir(root().join(folder)).expect("guests") {
            let manifest = entry.expect("an entry").path().join("Cargo.toml");
            if manifest.exists() {
                for dependency in dependencies(&manifest) {
                    assert!(
                        allowed.contains(&dependency.as_str()),
                        "{} depends on {dependency}",
                        manifest.display()
                    );
                }
            }
        }
    }
}

#[test]
fn every_room_is_on_the_floor_plan_and_every_path_on_it_exists() {
    let plan = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the floor plan");
    for (_, dir) in ROOMS {
        assert!(
            plan.contains(&format!("`{dir}/`")),
            "ARCHITECTURE.md does not name `{dir}/`"
        );
    }
    for word in plan.split('`').skip(1).step_by(2) {
        let is_path = word.contains('/')
            && !word.contains(char::is_whitespace)
            && !word.contains(['{', '<', ':', '*', '#'])
            && !word.starts_with('/');
        if is_path && !word.starts_with("target/") {
            assert!(
                root().join(word).exists(),
                "ARCHITECTURE.md names `{word}`, which does not exist"
            );
        }
    }
}

#[test]
fn only_the_sandbox_has_unsafe_code() {
    for (_, dir) in ROOMS.iter().filter(|(room, _)| *room != "sandbox") {
        for path in sources(&root().join(dir).join("src")) {
            let text = fs::read_to_string(&path).expect("a source");
            assert!(
                !text.contains("unsafe {") && !text.contains("allow(unsafe_code)"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn every_failpoint_is_a_row_of_the_crash_table_and_every_row_is_one() {
    let table = fs::read_to_string(root().join("docs/crash-table.md")).expect("the crash table");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: BTreeSet<_> = rows.collect();
    let points: BTreeSet<_> = FailPoint::ALL.iter().map(|point| point.name()).collect();
    assert_eq!(rows, points);
}
