//! The table: what it means, and what an operator is told.

use danube_wasm_connector::Outcome;
use danube_wasm_ingress_otlp::{Otlp, OtlpSource, Signal, Split};

use crate::{
    JSON,
    support::{
        inbox::Inbox,
        receiver::{self, Host, TABLE},
        wire::{Coding, export},
    },
};

const LOGS: &str = "logs = { danube_topic = \"/otel/logs\" }\n";

fn otlp(table: &str) -> Otlp {
    receiver::config(table)
        .downcast::<OtlpSource>()
        .expect("its kind")
        .clone()
}

#[test]
fn exporters_find_a_receiver_that_only_has_topics() {
    let otlp = otlp(LOGS);
    assert_eq!(otlp.listener.listen.to_string(), "127.0.0.1:4318");
    assert_eq!(
        (otlp.grpc_port, otlp.max_body_bytes, otlp.split),
        (4317, 64 << 20, Split::Record)
    );
    let signals: Vec<_> = otlp.signals.iter().map(|(signal, _)| *signal).collect();
    assert_eq!(signals, [Signal::Logs]);
    let config = receiver::config(TABLE);
    let endpoints: Vec<_> = config.routes().into_iter().map(|route| route.endpoint).collect();
    assert_eq!(endpoints, ["/v1/traces", "/v1/metrics", "/v1/logs"]);
    assert_eq!(config.location("/v1/logs"), "http://127.0.0.1:0/v1/logs");
    let claims = receiver::config(LOGS).claims();
    assert_eq!(claims, ["127.0.0.1:4318/v1/logs", "127.0.0.1:4317/v1/logs"]);
}

#[test]
fn a_whole_export_as_one_record_has_the_limit_of_records() {
    let table = format!("{LOGS}split = \"request\"\n").replace('\n', " \n");
    let (logs, split) = table.split_once('\n').expect("two lines");
    assert_eq!(otlp(&format!("{split}\n{logs}\n")).max_body_bytes, 8 << 20);
    let found =
        receiver::load(&format!("split = \"request\"\nmax_body_bytes = 8388609\n{LOGS}")).expect_err("too large");
    assert!(found[0].contains("a record has at most 8388608 bytes"), "{found:?}");
}

#[test]
fn mistakes_are_named_with_their_cure() {
    for (table, what, cure) in [
        (
            "port = 4318\n",
            "receives no signal",
            "add a table `traces`, `metrics` or `logs`",
        ),
        (
            &format!("auth = {{ type = \"hmac\", form = \"github\", secrets = [\"${{TOKEN}}\"] }}\n{LOGS}"),
            "no exporter signs its exports",
            "`type = \"bearer\"`",
        ),
        (
            &format!("profiles = 1\n{LOGS}"),
            "profiles",
            "profiles are not received",
        ),
        (
            &format!("body_timeout_ms = 60000\n{LOGS}"),
            "has no time left",
            "lower the first",
        ),
        (
            &format!("endpoint = \"0.0.0.0:4317\"\n{LOGS}"),
            "endpoint",
            "write `host` and `port`",
        ),
        ("logs = {}\n", "danube_topic", "logs"),
        (&format!("split = \"batch\"\n{LOGS}"), "split", "\"request\""),
    ] {
        let found = receiver::load(table).expect_err(table).join("\n");
        assert!(found.contains(what) && found.contains(cure), "{table}: {found}");
    }
}

#[test]
fn two_sources_of_one_port_have_signals_of_their_own() {
    let second = |signal: &str| {
        format!(
            "{LOGS}[[sources]]\nname = \"other\"\ncomponent = \"builtin:record-source\"\n[sources.otlp]\n\
             {signal} = {{ danube_topic = \"/otel/other\" }}\n"
        )
    };
    receiver::load(&second("traces")).expect("traces beside logs");
    let found = receiver::load(&second("logs")).expect_err("logs twice");
    assert!(
        found.join("\n").contains("`/v1/logs` is the path of another endpoint"),
        "{found:?}"
    );
}

#[tokio::test]
async fn check_finds_a_port_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let free = danube_wasm_testkit::servers::free_port();
    let findings = receiver::probe(&format!("port = {free}\ngrpc_port = {port}\n{LOGS}")).await;
    assert_eq!(findings[0].outcome, Outcome::Reached);
    let Outcome::Failed(why) = &findings[1].outcome else {
        panic!("{findings:?}")
    };
    assert!(
        why.contains("end what listens there, or choose another `port`"),
        "{why}"
    );
    assert!(findings[1].what.contains(&port.to_string()));
}

#[tokio::test]
async fn both_ports_take_both_transports_and_end_together() {
    let (http, grpc) = (
        danube_wasm_testkit::servers::free_port(),
        danube_wasm_testkit::servers::free_port(),
    );
    let table = TABLE.replace("port = 0", &format!("port = {http}\ngrpc_port = {grpc}"));
    let inbox = Inbox::new();
    let host = Host::default();
    let running = host
        .start(&table, inbox.clone())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    for port in [http, grpc] {
        let url = format!("http://127.0.0.1:{port}");
        for transport in ["grpc", "http"] {
            let options = serde_json::json!({"transport": transport, "endpoint": url});
            let Some(printed) = crate::support::clients::python(options).await else {
                return;
            };
            assert_eq!(printed, crate::support::clients::ALL_SUCCEEDED, "{transport} at {port}");
        }
    }
    running.close().await;
    for port in [http, grpc] {
        std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_leaves_the_other_one_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (http, grpc) = (
        danube_wasm_testkit::servers::free_port(),
        taken.local_addr().expect("an address").port(),
    );
    let table = TABLE.replace("port = 0", &format!("port = {http}\ngrpc_port = {grpc}"));
    let Err(error) = Host::default().start(&table, Inbox::new()).await else {
        panic!("it started")
    };
    assert!(error.to_string().contains("another process has this port"), "{error}");
    std::net::TcpListener::bind(("127.0.0.1", http)).expect("the first port is free again");
}

/// A reload replaces the source without a gap: the port stays open.
#[tokio::test]
async fn a_source_that_replaces_another_takes_its_port_over() {
    let port = danube_wasm_testkit::servers::free_port();
    let table = TABLE.replace("port = 0", &format!("port = {port}\ngrpc_port = {port}"));
    let (first, second) = (Inbox::new(), Inbox::new());
    let host = Host::default();
    let before = host
        .start(&table, first.clone())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let after = host
        .start(&table, second.clone())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    before.close().await;
    let answer = export(
        &after,
        "/v1/logs",
        JSON,
        Coding::None,
        crate::bodies::LOGS_JSON.as_bytes(),
    )
    .await;
    assert_eq!(
        (answer.status, first.requests().len(), second.requests().len()),
        (200, 0, 1)
    );
}
