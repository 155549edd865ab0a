//! What the tests have in common: sinks made of a file's text, writes, and servers.

mod database;
mod fake;
mod relay;
mod server;

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_clickhouse::{ClickHouse, ClickHouseEgress, ClickHouseSink};
use danube_wasm_model::{
    RecordId,
    door::{Egress as _, EgressError, Write, WriteReport},
    message::Operation,
};

pub(crate) use database::Database;
pub(crate) use fake::{Fake, Reply};
pub(crate) use relay::{Fate, Relay};
pub(crate) use server::Server;

/// Longest wait. A machine that builds beside it is slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Fails, saying what was waited for, instead of waiting for ever.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The text of a sink with one mapping, to the table `t`.
pub(crate) fn text(url: &str, database: &str, keys: &str, mapping: &str) -> String {
    format!(
        "url = \"{url}\"\ndatabase = \"{database}\"\n{keys}\n[[sinks.clickhouse.topic_mappings]]\ntopic = \"/test/events\"\n\
         subscription = \"out\"\ntable = \"t\"\n{mapping}\n"
    )
}

/// Reads the text of a sink, behind `[sinks.clickhouse]`, as the host does.
pub(crate) fn read(dir: &Path, text: &str) -> Result<ClickHouse, String> {
    let builtin = Builtin {
        name: "document-sink",
        component: &[],
    };
    let registry = Registry::default().with_sink::<ClickHouseSink>(builtin);
    let env = BTreeMap::new();
    // A component of its own may choose between tables; whether its file is there is not asked here.
    let component = dir.join("component.wasm");
    std::fs::write(&component, "").expect("a file");
    let text = format!(
        "[[sinks]]\nname = \"out\"\ncomponent = \"{}\"\n[sinks.clickhouse]\n{text}",
        component.display()
    );
    let loaded = Loader::new(&registry, &env).load_text(&dir.join("pipeline.toml"), text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sink = &loaded.pipeline.sinks[0].connector;
    Ok(sink.downcast::<ClickHouseSink>().expect("its kind").clone())
}

/// As [`read`], of a text that is right and names no file.
pub(crate) fn config(text: &str) -> ClickHouse {
    let dir = tempfile::tempdir().expect("a directory");
    read(dir.path(), text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A sink of this text.
pub(crate) fn sink(text: &str) -> ClickHouseEgress {
    ClickHouseEgress::new(&config(text)).expect("it opens")
}

/// A write to `t`, as the pipeline makes one.
pub(crate) fn write(operation: Operation, id: &str, order: u64, body: &str) -> Write {
    Write {
        target: "t".into(),
        id: id.to_owned(),
        operation,
        order,
        record: Some(RecordId::from_broker(format!("record-{id}-{order}"))),
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    }
}

pub(crate) fn insert(id: &str, body: &str) -> Write {
    write(Operation::Insert, id, 0, body)
}

pub(crate) fn upsert(id: &str, order: u64, body: &str) -> Write {
    write(Operation::Upsert, id, order, body)
}

pub(crate) fn delete(id: &str, order: u64) -> Write {
    write(Operation::Delete, id, order, "")
}

pub(crate) fn to(table: &str, write: Write) -> Write {
    Write {
        target: table.into(),
        ..write
    }
}

/// Inserts `0`, `1`, … of `{"n":i}`.
pub(crate) fn inserts(range: std::ops::Range<usize>) -> Vec<Write> {
    range
        .map(|i| insert(&i.to_string(), &format!("{{\"n\":{i}}}")))
        .collect()
}

/// What the sink reports within the deadline.
pub(crate) async fn try_write(sink: &ClickHouseEgress, writes: &[Write]) -> Result<WriteReport, EgressError> {
    soon("a report", sink.write(writes)).await
}

/// As [`try_write`], of a call without an error.
pub(crate) async fn report(sink: &ClickHouseEgress, writes: &[Write]) -> WriteReport {
    try_write(sink, writes).await.unwrap_or_else(|error| panic!("{error}"))
}

/// As [`report`], of a call that writes everything.
pub(crate) async fn done(sink: &ClickHouseEgress, writes: &[Write]) {
    let report = report(sink, writes).await;
    assert!(report.refused.is_empty() && report.later.is_empty(), "{report:?}");
}

/// The message for a table that waits until somebody acts.
pub(crate) fn unfit(result: Result<WriteReport, EgressError>) -> String {
    match result {
        Err(EgressError::Unfit { message, .. }) => message,
        other => panic!("not unfit: {other:?}"),
    }
}

/// The message for what passes, and the wait that was asked for.
pub(crate) fn transient(result: Result<WriteReport, EgressError>) -> (String, Option<Duration>) {
    match result {
        Err(EgressError::Transient { message, retry_after }) => (message, retry_after),
        other => panic!("not transient: {other:?}"),
    }
}
