//! What the tests have in common: sinks made of a file's text, writes, and servers.

pub(crate) mod embedder;
pub(crate) mod fake;
pub(crate) mod server;

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_egress_qdrant::{Qdrant, QdrantEgress, QdrantSink};
use danube_wasm_model::{
    RecordId,
    clock::order_at,
    door::{Egress as _, EgressError, Write, WriteReport},
    message::Operation,
};
use qdrant_client::qdrant::{DeleteCollection, collections_client::CollectionsClient};

/// Longest wait. A machine that builds beside it is slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Fails, saying what was waited for, instead of waiting for ever.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The text of a sink with one mapping to the collection.
pub(crate) fn text(url: &str, collection: &str, keys: &str, mapping: &str) -> String {
    format!(
        "url = \"{url}\"\n{keys}\n[[sinks.qdrant.topic_mappings]]\ntopic = \"/test/events\"\nsubscription = \"out\"\n\
         collection = \"{collection}\"\n{mapping}\n"
    )
}

/// Reads the text of a sink, behind `[sinks.qdrant]`, as the host does.
pub(crate) fn read(dir: &Path, text: &str) -> Result<Qdrant, String> {
    let builtin = Builtin {
        name: "document-sink",
        component: &[],
    };
    let registry = Registry::default().with_sink::<QdrantSink>(builtin);
    let env = BTreeMap::new();
    // A component of its own may choose between collections; whether its file is there is not asked here.
    let component = dir.join("component.wasm");
    std::fs::write(&component, "").expect("a file");
    let text = format!(
        "[[sinks]]\nname = \"out\"\ncomponent = \"{}\"\n[sinks.qdrant]\n{text}",
        component.display()
    );
    let loaded = Loader::new(&registry, &env).load_text(&dir.join("pipeline.toml"), text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sink = &loaded.pipeline.sinks[0].connector;
    Ok(sink.downcast::<QdrantSink>().expect("its kind").clone())
}

/// As [`read`], of a text that is right and names no file.
pub(crate) fn config(text: &str) -> Qdrant {
    let dir = tempfile::tempdir().expect("a directory");
    read(dir.path(), text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A sink of this text.
pub(crate) fn sink(text: &str) -> QdrantEgress {
    let config = config(text);
    QdrantEgress::new(&config, &Dialer::new(config.guard.policy())).expect("it opens")
}

/// A write to a collection, without an order.
pub(crate) fn write(collection: &str, operation: Operation, id: &str, body: &str) -> Write {
    Write {
        target: collection.into(),
        id: id.to_owned(),
        operation,
        order: 0,
        record: None,
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    }
}

/// The same with the order of a record of the n-th instant.
pub(crate) fn ordered(write: Write, n: u64, record: &str) -> Write {
    Write {
        order: order_at(1_764_000_000_000, 0) + n,
        record: Some(RecordId::from_broker(record.to_owned())),
        ..write
    }
}

/// Inserts `0`, `1`, … of `{"n":i, "vector":[…]}` with vectors of two numbers.
pub(crate) fn inserts(collection: &str, n: usize) -> Vec<Write> {
    let body = |i: usize| format!("{{\"n\":{i},\"vector\":[1,{i}]}}");
    let insert = |i: usize| write(collection, Operation::Insert, &i.to_string(), &body(i));
    (0..n).map(insert).collect()
}

/// What the sink reports within the deadline.
pub(crate) async fn try_write(sink: &QdrantEgress, writes: &[Write]) -> Result<WriteReport, EgressError> {
    soon("a report", sink.write(writes)).await
}

/// As [`try_write`], of a call without an error.
pub(crate) async fn report(sink: &QdrantEgress, writes: &[Write]) -> WriteReport {
    try_write(sink, writes).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Writes all of them, none of which is refused or left.
pub(crate) async fn done(sink: &QdrantEgress, writes: &[Write]) {
    let report = report(sink, writes).await;
    assert!(report.refused.is_empty() && report.later.is_empty(), "{report:?}");
}

/// The one reason for which a write is refused.
pub(crate) async fn refusal(sink: &QdrantEgress, one: Write) -> String {
    let mut report = report(sink, &[one]).await;
    assert_eq!(report.refused.len(), 1, "{report:?}");
    report.refused.remove(0).1
}

/// The message of a collection that waits until somebody acts.
pub(crate) fn unfit(result: Result<WriteReport, EgressError>) -> String {
    match result {
        Err(EgressError::Unfit { message, .. }) => message,
        other => panic!("not unfit: {other:?}"),
    }
}

/// The message of a sink that cannot go on.
pub(crate) fn configuration(result: Result<WriteReport, EgressError>) -> String {
    match result {
        Err(EgressError::Configuration { message }) => message,
        other => panic!("no mistake of the configuration: {other:?}"),
    }
}

/// The message of something that passes, and the wait that was asked for.
pub(crate) fn transient(result: Result<WriteReport, EgressError>) -> (String, Option<Duration>) {
    match result {
        Err(EgressError::Transient { message, retry_after }) => (message, retry_after),
        other => panic!("not transient: {other:?}"),
    }
}

/// Drops a collection behind the sink's back.
pub(crate) async fn drop_collection(url: &str, name: &str) {
    let mut client = CollectionsClient::connect(url.to_owned()).await.expect("a connection");
    let request = DeleteCollection {
        collection_name: name.to_owned(),
        timeout: None,
    };
    client.delete(request).await.expect("it is dropped");
}
