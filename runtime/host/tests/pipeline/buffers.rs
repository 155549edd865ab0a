//! Buffers on disk.

use std::time::Duration;

use crate::{Workspace, assert_one, sink, source};

const CLUSTER: &str = "danube_service_url = \"http://b\"\n";

fn source_with(buffer: &str) -> String {
    source(&format!("[sources.buffer]\n{buffer}"))
}

fn sink_with(buffer: &str) -> String {
    sink(&format!("[sinks.buffer]\n{buffer}"))
}

#[test]
fn sources_and_sinks_can_have_buffers() {
    let workspace = Workspace::new();
    let disk = "type = \"disk\"\nmax_bytes = 1073741824";
    let text = CLUSTER.to_owned() + &source_with(disk) + &sink_with(disk);
    let loaded = workspace.accept(&text);
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let pipeline = loaded.pipeline;
    let buffer = pipeline.sources[0].buffer.as_ref().expect("given");
    assert_eq!(
        (buffer.max_bytes, buffer.broker_flush),
        (1 << 30, Duration::from_secs(10))
    );
    assert_eq!(pipeline.sinks[0].buffer.as_ref().expect("given").max_bytes, 1 << 30);
    assert_eq!(pipeline.spools_dir(), workspace.path("data/spool"));

    let none = workspace.accept(&(CLUSTER.to_owned() + &source_with("type = \"none\"") + &sink("")));
    assert_eq!(
        (&none.pipeline.sources[0].buffer, &none.pipeline.sinks[0].buffer),
        (&None, &None)
    );
    let difference = pipeline.difference(&none.pipeline);
    assert_eq!(difference.changed.len(), 2, "{difference:?}");
}

#[test]
fn invalid_buffers_are_refused() {
    let workspace = Workspace::new();
    for (buffer, says) in [
        ("type = \"disk\"", "needs `max_bytes`"),
        ("type = \"disc\"\nmax_bytes = 1", "did you mean \"disk\"?"),
        ("max_bytes = 1073741824", "needs `type`"),
        ("type = \"disk\"\nmax_bytes = 1000", "from 1048576"),
        ("type = \"none\"\nmax_bytes = 1073741824", "unknown key `max_bytes`"),
    ] {
        let found = workspace.refuse(&(CLUSTER.to_owned() + &source_with(buffer)));
        assert_one(&found, &["sources[0].buffer", says]);
    }
    let sink = sink_with("type = \"disk\"\nmax_bytes = 1073741824\nbroker_flush_ms = 1");
    assert_one(
        &workspace.refuse(&(CLUSTER.to_owned() + &sink)),
        &["unknown key `broker_flush_ms`", "belongs in [sources.buffer]"],
    );
}

#[test]
fn the_embedded_log_needs_no_buffer() {
    let disk = "type = \"disk\"\nmax_bytes = 1073741824";
    let workspace = Workspace::new();
    let loaded = workspace.accept(&(source_with(disk) + &sink("")));
    assert_eq!(loaded.pipeline.sources[0].buffer, None);
    assert_one(
        &workspace.warnings(&(source_with(disk) + &sink(""))),
        &["sources[0].buffer", "is not used", "on this disk itself"],
    );
}
