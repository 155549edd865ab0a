//! What a payload looks like.

use serde_json::json;

use crate::{
    config::Envelope,
    event::{Change, Moment, Operation, Source},
    relation::{Cell, Relation},
    values::write_text,
};

/// What Debezium writes for a large value that was not changed.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// What is written of a column without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacking {
    /// Nothing.
    Omitted,
    /// As Debezium does.
    Named,
}

/// The payload of a change.
pub(crate) fn payload(source: &Source<'_>, change: &Change<'_>, moment: &Moment) -> Vec<u8> {
    match source.envelope {
        Envelope::Row => row(source, change),
        Envelope::Debezium => debezium(source, change, moment),
    }
}

fn row(source: &Source<'_>, change: &Change<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let cells = change.after.as_deref().or(change.before.as_deref()).unwrap_or_default();
    write_object(source, change.relation, cells, Lacking::Omitted, &mut out);
    out
}

fn debezium(source: &Source<'_>, change: &Change<'_>, moment: &Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for (name, cells) in [("before", &change.before), ("after", &change.after)] {
        out.extend_from_slice(if name == "before" { b"{" } else { b"," });
        write_text(name, &mut out);
        out.push(b':');
        match cells {
            Some(cells) => write_object(source, change.relation, cells, Lacking::Named, &mut out),
            None => out.extend_from_slice(b"null"),
        }
    }
    let ms = moment.commit_us / 1000;
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "connector": "postgresql",
        "name": source.connector,
        "ts_ms": ms,
        "snapshot": if change.operation == Operation::Read { "true" } else { "false" },
        "db": source.database,
        "sequence": json!([moment.commit.0.to_string(), moment.start.0.to_string()]).to_string(),
        "ts_us": moment.commit_us,
        "ts_ns": moment.commit_us.saturating_mul(1000),
        "schema": &*change.relation.schema,
        "table": &*change.relation.table,
        "txId": moment.xid,
        "lsn": moment.start.0,
        "xmin": null,
    });
    let op = match change.operation {
        Operation::Read => "r",
        Operation::Insert => "c",
        // What Debezium makes of a change of the key: a delete and a create.
        Operation::Update if change.is_key_change => "c",
        Operation::Update => "u",
        Operation::Delete => "d",
        Operation::Truncate => "t",
        Operation::Message => "m",
    };
    let rest = format!(",\"source\":{about},\"transaction\":null,\"op\":\"{op}\",\"ts_ms\":{ms}}}");
    out.extend_from_slice(rest.as_bytes());
    out
}

fn write_object(source: &Source<'_>, relation: &Relation, cells: &[Cell<'_>], lacking: Lacking, out: &mut Vec<u8>) {
    out.push(b'{');
    let start = out.len();
    for (column, cell) in relation.columns.iter().zip(cells) {
        let is_left_out = matches!(cell, Cell::Unchanged | Cell::Absent) && lacking == Lacking::Omitted;
        if is_left_out {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        write_text(&column.name, out);
        out.push(b':');
        match cell {
            Cell::Text(text) => column.kind.write(text, source.int8_as_text, out),
            Cell::Null | Cell::Absent => out.extend_from_slice(b"null"),
            Cell::Unchanged => write_text(UNAVAILABLE, out),
        }
    }
    out.push(b'}');
}
