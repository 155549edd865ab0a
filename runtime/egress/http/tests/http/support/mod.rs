//! What the tests have in common: sinks made of a file's text, writes, and receivers.

mod reply;
pub(crate) mod server;

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_egress_http::{Http, HttpEgress, HttpSink};
use danube_wasm_model::{
    RecordId,
    door::{Egress as _, EgressError, Write, WriteReport},
    message::Operation,
};

/// Longest wait. A machine that builds beside it is slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Fails, saying what was waited for, instead of waiting for ever.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The text of a sink with one endpoint, `a`.
pub(crate) fn one(url: &str, keys: &str) -> String {
    several(&[("a", url, keys)])
}

/// The text of a sink with these endpoints: name, URL, further keys.
pub(crate) fn several(endpoints: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    let mut names = Vec::new();
    for (name, url, keys) in endpoints {
        text += &format!("[[sinks.http.endpoints]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n");
        names.push(format!("\"{name}\""));
    }
    let names = names.join(", ");
    text + &format!(
        "[[sinks.http.topic_mappings]]\ntopic = \"/test/events\"\nsubscription = \"out\"\nendpoints = [{names}]\n"
    )
}

/// Reads the text of a sink, behind `[sinks.http]`, as the host does.
pub(crate) fn read(dir: &Path, text: &str) -> Result<Http, String> {
    let builtin = Builtin {
        name: "http-sink",
        component: &[],
    };
    let registry = Registry::default().with_sink::<HttpSink>(builtin);
    let env = BTreeMap::new();
    // A component of its own may choose between endpoints; whether its file is there is not asked here.
    let component = dir.join("component.wasm");
    std::fs::write(&component, "").expect("a file");
    let text = format!(
        "[[sinks]]\nname = \"out\"\ncomponent = \"{}\"\n[sinks.http]\n{text}",
        component.display()
    );
    let loaded = Loader::new(&registry, &env).load_text(&dir.join("pipeline.toml"), text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sink = &loaded.pipeline.sinks[0].connector;
    Ok(sink.downcast::<HttpSink>().expect("its kind").clone())
}

/// As [`read`], of a text that is right and names no file.
pub(crate) fn config(text: &str) -> Http {
    let dir = tempfile::tempdir().expect("a directory");
    read(dir.path(), text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A sink of this text.
pub(crate) fn sink(text: &str) -> HttpEgress {
    let config = config(text);
    HttpEgress::new(&config, &Dialer::new(config.guard.policy())).expect("it opens")
}

/// An insert for endpoint `a`, as the pipeline makes one.
pub(crate) fn insert(id: &str, body: &str) -> Write {
    write(Operation::Insert, id, body)
}

pub(crate) fn write(operation: Operation, id: &str, body: &str) -> Write {
    Write {
        target: "a".into(),
        id: id.to_owned(),
        operation,
        order: 7,
        record: Some(RecordId::from_broker(format!("record-of-{id}"))),
        body: body.to_owned().into(),
        types: None,
        key: None,
        redelivered: false,
    }
}

/// Inserts `0`, `1`, … of `{"n":i}`.
pub(crate) fn inserts(n: usize) -> Vec<Write> {
    (0..n)
        .map(|i| insert(&i.to_string(), &format!("{{\"n\":{i}}}")))
        .collect()
}

/// What the sink reports within the deadline.
pub(crate) async fn try_write(sink: &HttpEgress, writes: &[Write]) -> Result<WriteReport, EgressError> {
    soon("a report", sink.write(writes)).await
}

/// As [`try_write`], of a call without an error.
pub(crate) async fn report(sink: &HttpEgress, writes: &[Write]) -> WriteReport {
    try_write(sink, writes).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Writes as the pipeline does, until nothing is left for later.
pub(crate) async fn finish(sink: &HttpEgress, mut writes: Vec<Write>) -> Vec<String> {
    let mut refused = Vec::new();
    let until = tokio::time::Instant::now() + DEADLINE;
    while !writes.is_empty() {
        assert!(tokio::time::Instant::now() < until, "{} writes are left", writes.len());
        let report = report(sink, &writes).await;
        refused.extend(report.refused.into_iter().map(|(_, reason)| reason));
        let wait = report.later.iter().filter_map(|later| later.retry_after).max();
        let mut places: Vec<_> = report.later.into_iter().flat_map(|later| later.places).collect();
        places.sort_unstable();
        writes = places.into_iter().map(|place| writes[place].clone()).collect();
        if !writes.is_empty() {
            // As long as the sink asks for, which is what the pipeline does.
            tokio::time::sleep(wait.unwrap_or(Duration::from_millis(10))).await;
        }
    }
    refused
}

/// The message of a target that waits until somebody acts.
pub(crate) fn unfit(result: Result<WriteReport, EgressError>) -> String {
    match result {
        Err(EgressError::Unfit { message, .. }) => message,
        other => panic!("not unfit: {other:?}"),
    }
}

/// The one reason for which writes are to be done later, and the wait that was asked for.
pub(crate) fn later(report: &WriteReport) -> (&str, Option<Duration>) {
    assert!(!report.later.is_empty(), "{report:?}");
    (&report.later[0].message, report.later[0].retry_after)
}
