//! Kinds of connectors that only a test's registry contains, a source and a sink, in a real host (sandbox, embedded
//! log, control socket).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_host::{HostOptions, PipelineHost};
use danube_wasm_model::RecordId;
use danube_wasm_sandbox::{Compiler, Sandbox, SandboxOptions};
use danube_wasm_telemetry::{Health, Metrics, Tracing};
use danube_wasm_testkit::{
    collector::{Collection, CollectorSink},
    ticker::{Confirmed, TickerSource},
    until,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

const COUNT: u64 = 100;

fn registry() -> Registry {
    Registry::default()
        .with_source::<TickerSource>(Builtin {
            name: "record-source",
            component: include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/record_source.wasm")),
        })
        .with_sink::<CollectorSink>(Builtin {
            name: "collector",
            component: include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/document_sink.wasm")),
        })
}

fn pipeline(count: u64) -> String {
    format!(
        "[[sources]]\nname = \"ticks\"\ncomponent = \"builtin:record-source\"\n[sources.ticker]\ndanube_topic = \"/test/ticks\"\n\
         count = {count}\n\
         [[sinks]]\nname = \"all\"\ncomponent = \"builtin:collector\"\n[sinks.collector]\ntopic = \"/test/ticks\"\n\
         subscription = \"all\"\n"
    )
}

/// Starts a host of this pipeline and returns it.
async fn host(dir: &TempDir, text: String) -> PipelineHost {
    let registry = registry();
    let env = BTreeMap::new();
    let loaded = Loader::new(&registry, &env).load_text(&dir.path().join("pipeline.toml"), text);
    let pipeline = loaded.unwrap_or_else(|found| panic!("{found}")).pipeline;
    let metrics = Metrics::new().expect("metrics");
    let sandbox = SandboxOptions::new(dir.path().join("components"), Compiler::InProcess);
    let options = HostOptions {
        registry,
        sandbox: Sandbox::try_new(sandbox).expect("a sandbox"),
        tracing: Tracing::new(None, &metrics).expect("no traces"),
        metrics,
        health: Health::starting(),
        name: PathBuf::from("pipeline.toml"),
    };
    let host = PipelineHost::open(pipeline.clone(), options).await.expect("it opens");
    host.apply(pipeline).await.expect("it starts");
    host
}

async fn stop(host: PipelineHost) {
    let deadline = Instant::now() + Duration::from_secs(10);
    host.shutdown(deadline).await.expect("it stops");
}

fn numbers(collection: &Collection) -> Vec<u64> {
    let writes = collection.0.lock();
    let number = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?["number"].as_u64();
    writes.iter().filter_map(|write| number(&write.body)).collect()
}

/// With the built-in component of all sources that read, in the sandbox.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_the_key_and_the_id_that_its_settings_point_at() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = "[sources.config]\nkey_pointer = \"/number\"\nid_pointer = \"/number\"\n[[sinks]]";
    let text = pipeline(3).replace("[[sinks]]", config) + "subscription_type = \"KeyShared\"\n";
    let host = host(&dir, text).await;
    let collection: Arc<Collection> = host.shared();
    until("everything is collected", || {
        (numbers(&collection).len() >= 3).then_some(())
    })
    .await;
    let source = host.pipeline().source("ticks").map(|source| source.id.clone());
    let source = source.expect("it is configured");
    stop(host).await;
    let mut writes = collection.0.lock().clone();
    writes.sort_by(|a, b| a.body.cmp(&b.body));
    for (write, number) in writes.iter().zip(["1", "2", "3"]) {
        let body: Value = serde_json::from_slice(&write.body).expect("JSON");
        assert_eq!(body["number"].to_string(), number);
        assert_eq!(write.key.as_deref(), Some(number.as_bytes()));
        let record = RecordId::derive(&source, "ticks", number, 0);
        assert_eq!(body["_danube_metadata"]["danube_message_id"], record.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_only_its_folder_knows_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let host = host(&dir, pipeline(COUNT)).await;
    let collection: Arc<Collection> = host.shared();
    let confirmed: Arc<Confirmed> = host.shared();
    until("everything is collected", || {
        (numbers(&collection).len() as u64 >= COUNT).then_some(())
    })
    .await;
    assert_eq!(numbers(&collection), (1..=COUNT).collect::<Vec<_>>());
    until("everything is confirmed", || {
        (confirmed.0.load(Ordering::Acquire) == COUNT).then_some(())
    })
    .await;
    stop(host).await;
}

/// What a source notes is kept in the log, under its own name.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_goes_on_behind_what_it_has_noted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut collected = Vec::new();
    for count in [3, 5] {
        let host = host(&dir, pipeline(count)).await;
        let (collection, confirmed): (Arc<Collection>, Arc<Confirmed>) = (host.shared(), host.shared());
        until("everything is confirmed", || {
            (confirmed.0.load(Ordering::Acquire) == count).then_some(())
        })
        .await;
        until("the last is collected", || {
            numbers(&collection).contains(&count).then_some(())
        })
        .await;
        collected.push(numbers(&collection));
        stop(host).await;
    }
    assert_eq!(collected, [vec![1, 2, 3], vec![4, 5]]);
}

/// The lowest that makes a process that hosts many.
#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_in_a_process_share_nothing() {
    let (dir, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let (first, second) = (host(&dir, pipeline(3)).await, host(&other, pipeline(5)).await);
    let collections: [Arc<Collection>; 2] = [first.shared(), second.shared()];
    for (collection, count) in collections.iter().zip([3, 5]) {
        until("its own numbers are there", || {
            (numbers(collection).len() >= count).then_some(())
        })
        .await;
    }
    stop(first).await;
    stop(second).await;
    assert_eq!(numbers(&collections[0]), [1, 2, 3]);
    assert_eq!(numbers(&collections[1]), [1, 2, 3, 4, 5]);
}

#[test]
fn its_table_is_read_and_documented_like_any_other() {
    let registry = registry();
    let env = BTreeMap::new();
    let text = pipeline(1).replace("count = 1", "cuont = 0\nto = \"/other/topic\"");
    let found = Loader::new(&registry, &env).load_text(Path::new("pipeline.toml"), text);
    let found: Vec<_> = found
        .expect_err("it is wrong")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("unknown key `cuont` in [sources.ticker]") && found[0].contains("did you mean `count`?"));
    assert!(
        found[1].contains("`to` is another spelling of `danube_topic`"),
        "{}",
        found[1]
    );
    let page = danube_wasm_config::reference_markdown(&registry);
    assert!(
        page.contains("## `[sources.ticker]`") && page.contains("How far it counts."),
        "{page}"
    );
}

/// Adding a connector takes its folder and one line.
#[test]
fn no_other_file_names_them() {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the rooms");
    let own = [runtime.join("testing/kit/src"), runtime.join("host/tests/door.rs")];
    let mut naming = Vec::new();
    let mut left = vec![runtime.clone()];
    while let Some(path) = left.pop() {
        if own.iter().any(|own| path.starts_with(own)) {
            continue;
        }
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let names = ["TickerSource", "CollectorSink", "sources.ticker", "sinks.collector"];
            naming.extend(names.iter().any(|name| text.contains(name)).then_some(path));
        }
    }
    assert!(naming.is_empty(), "these know a test's connectors: {naming:?}");
}
