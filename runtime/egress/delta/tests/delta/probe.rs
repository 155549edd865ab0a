//! What `check --connect` says of tables.

use std::sync::Arc;

use danube_wasm_connector::{Outcome, ProbeContext, SinkConnector as _};
use danube_wasm_egress_delta::DeltaSink;

use crate::support::{
    COLUMNS, append, config, inserts, one,
    proxy::{Fate, Proxy},
    s3, sink, with_storage,
};

async fn outcome(text: &str) -> Outcome {
    let context = ProbeContext {
        id: "test/lake".parse().expect("an id"),
        shared: Arc::new(()),
        is_builtin: true,
        is_running: false,
    };
    let mut findings = DeltaSink::probe(&config(text), context).await;
    assert_eq!(findings.len(), 1);
    findings.remove(0).outcome
}

fn failed(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_table_that_is_there_fits_or_says_what_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    assert!(matches!(outcome(&one(&url, COLUMNS)).await, Outcome::Awaited(_)));
    assert!(!dir.path().join("table/_delta_log").exists(), "a check makes no table");
    append(&sink(&one(&url, COLUMNS)), &inserts(0..1)).await;
    assert_eq!(outcome(&one(&url, COLUMNS)).await, Outcome::Reached);
    let other = COLUMNS.replace("\"long\"", "\"double\"");
    assert!(
        failed(outcome(&one(&url, &other)).await).contains("column `n` is double in the file and long in the table")
    );
    let absent = dir.path().join("absent").display().to_string();
    assert!(failed(outcome(&one(&absent, "")).await).contains("is not there"));
}

#[tokio::test]
async fn stores_that_cannot_be_used_are_named_with_a_cure() {
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    let text = |url: &str, port: u16| with_storage(url, COLUMNS, &s3::storage(port));
    assert!(
        failed(outcome(&text("s3://nowhere/table", proxy.port)).await)
            .contains("create it, or correct the table's `url`")
    );
    proxy.set(|_, _| Fate::Answer(403));
    assert!(failed(outcome(&text("s3://bucket/probed", proxy.port)).await).contains("refuses the credentials"));
    proxy.set(|_, _| Fate::Unconditional);
    assert!(
        failed(outcome(&text("s3://bucket/probed", proxy.port)).await)
            .contains("use a store that has conditional writes")
    );
    let nobody = danube_wasm_testkit::servers::free_port();
    assert!(failed(outcome(&text("s3://bucket/probed", nobody)).await).contains("cannot be reached"));
    // Not allowed to be dialed.
    let guarded = format!("networks = \"public\"\n{}", text("s3://bucket/probed", proxy.port));
    let why = failed(outcome(&guarded).await);
    assert!(why.contains("127.0.0.1") && why.contains("allow_networks"), "{why}");
}
