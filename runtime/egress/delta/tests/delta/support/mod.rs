//! What the tests have in common: sinks made of a file's text, writes, stores and readers.

pub(crate) mod azure;
pub(crate) mod proxy;
pub(crate) mod reader;
pub(crate) mod s3;

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_delta::{Delta, DeltaEgress, DeltaSink};
use danube_wasm_model::{
    RecordId,
    door::{Egress as _, EgressError, Write, WriteReport},
    message::Operation,
};

/// Longest wait. A machine that builds beside it is slow.
const DEADLINE: Duration = Duration::from_secs(120);

/// The columns of most tests.
pub(crate) const COLUMNS: &str = r#"
create = true
field_mappings = [
    { pointer = "/n", column = "n", type = "long" },
    { pointer = "/text", column = "text", type = "string" },
]
"#;

/// The text of a sink with the table `a`.
pub(crate) fn one(url: &str, keys: &str) -> String {
    with_storage(url, keys, "")
}

/// The same, with options of its store.
pub(crate) fn with_storage(url: &str, keys: &str, storage: &str) -> String {
    format!(
        "{storage}\n[[sinks.delta.tables]]\nname = \"a\"\nurl = \"{url}\"\n{keys}\n\
         [[sinks.delta.topic_mappings]]\ntopic = \"/test/events\"\nsubscription = \"out\"\ntable = \"a\"\n"
    )
}

/// Reads the text of a sink, behind `[sinks.delta]`, as the host does.
pub(crate) fn read(dir: &Path, text: &str) -> Result<Delta, String> {
    let builtin = Builtin {
        name: "document-sink",
        component: &[],
    };
    let registry = Registry::default().with_sink::<DeltaSink>(builtin);
    let env = BTreeMap::new();
    let text = format!("[[sinks]]\nname = \"out\"\ncomponent = \"builtin:document-sink\"\n[sinks.delta]\n{text}");
    let loaded = Loader::new(&registry, &env).load_text(&dir.join("pipeline.toml"), text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sink = &loaded.pipeline.sinks[0].connector;
    Ok(sink.downcast::<DeltaSink>().expect("its kind").clone())
}

/// As [`read`], of a text that is right.
pub(crate) fn config(text: &str) -> Delta {
    let dir = tempfile::tempdir().expect("a directory");
    read(dir.path(), text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

/// A sink of this text.
pub(crate) fn sink(text: &str) -> DeltaEgress {
    sink_as(text, "here")
}

/// A sink of this text in the process of this name.
pub(crate) fn sink_as(text: &str, consumer: &str) -> DeltaEgress {
    DeltaEgress::new(&config(text), "lake", consumer, true).expect("it opens")
}

/// An insert into table `a`, as the pipeline makes one.
pub(crate) fn insert(id: &str, body: &str) -> Write {
    write(Operation::Insert, id, body, 7)
}

pub(crate) fn write(operation: Operation, id: &str, body: &str, order: u64) -> Write {
    Write {
        target: "a".into(),
        id: id.to_owned(),
        operation,
        order,
        record: Some(RecordId::from_broker(format!("record-of-{id}-{order}"))),
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    }
}

/// Inserts of `{"n":i}` for each number.
pub(crate) fn inserts(numbers: std::ops::Range<usize>) -> Vec<Write> {
    numbers
        .map(|i| insert(&i.to_string(), &format!("{{\"n\":{i}}}")))
        .collect()
}

/// What the sink reports within the deadline.
pub(crate) async fn try_write(sink: &DeltaEgress, writes: &[Write]) -> Result<WriteReport, EgressError> {
    let report = tokio::time::timeout(DEADLINE, sink.write(writes)).await;
    report.expect("waited in vain for a report")
}

/// As [`try_write`], of a call without an error.
pub(crate) async fn report(sink: &DeltaEgress, writes: &[Write]) -> WriteReport {
    try_write(sink, writes).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Appends writes, none of which is refused.
pub(crate) async fn append(sink: &DeltaEgress, writes: &[Write]) -> WriteReport {
    let report = report(sink, writes).await;
    assert_eq!(report.refused, [], "of {} writes", writes.len());
    report
}

/// Writes until it is done, as the pipeline does.
pub(crate) async fn until_ok(sink: &DeltaEgress, writes: &[Write]) -> WriteReport {
    for _ in 0..20 {
        match try_write(sink, writes).await {
            Err(EgressError::Transient { .. }) => {}
            other => return other.unwrap_or_else(|error| panic!("{error}")),
        }
    }
    panic!("never written");
}

/// Why one document is refused.
pub(crate) async fn refused(sink: &DeltaEgress, body: &str) -> String {
    let report = report(sink, &[insert(body, body)]).await;
    match report.refused.as_slice() {
        [(0, why)] => why.clone(),
        other => panic!("{body} is not refused: {other:?}"),
    }
}

/// The message of a table that waits until somebody acts.
pub(crate) fn unfit(result: Result<WriteReport, EgressError>) -> String {
    match result {
        Err(EgressError::Unfit { message, .. }) => message,
        other => panic!("not unfit: {other:?}"),
    }
}
