//! Components that were built against 0.1.0 still run.

mod support;

use std::{fs, path::Path, sync::Arc};

use danube_wasm_model::{
    columns::PayloadAt,
    door::{SinkGuest, SourceGuest},
};
use danube_wasm_sandbox::LoadSpec;
use support::{Bench, events, messages, spec};

fn component(path: &str) -> Arc<[u8]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read(&path).expect("the component is there").into()
}

fn configured(path: &str) -> LoadSpec {
    LoadSpec {
        settings: r#"{"endpoints": [{"path": "/hook", "danube_topic": "/t/a", "partitions": 4}],
            "topic_mappings": [{"topic": "/t/a", "subscription": "s", "table": "rows"}]}"#
            .into(),
        ..spec(component(path))
    }
}

#[tokio::test]
async fn a_source_built_against_0_1_0_forwards_payloads() {
    let bench = Bench::new();
    let spec = configured("guest-sdk/tests/frozen/0.1.0/source.wasm");
    let source = bench.source(spec).await.expect("it loads");
    assert_eq!(source.producer_configs()[0].partitions, 4);
    let records = source.poll(0, events(&["a", "b"])).await.expect("records");
    assert_eq!(records.topics.iter().collect::<Vec<_>>(), ["/t/a", "/t/a"]);
    assert_eq!(
        records.payloads.places().collect::<Vec<_>>(),
        [PayloadAt::Input(0), PayloadAt::Input(1)]
    );
}

#[tokio::test]
async fn a_sink_built_against_0_1_0_inserts_payloads() {
    let bench = Bench::new();
    let spec = configured("guest-sdk/tests/frozen/0.1.0/sink.wasm");
    let sink = bench.sink(spec).await.expect("it loads");
    assert_eq!(sink.consumer_configs()[0].subscription, "s");
    let writes = sink.process_batch(0, messages(&["{}", "[]"])).await.expect("writes");
    assert_eq!(writes.targets.iter().collect::<Vec<_>>(), ["rows", "rows"]);
    assert_eq!(
        writes.payloads.places().collect::<Vec<_>>(),
        [PayloadAt::Input(0), PayloadAt::Input(1)]
    );
}
