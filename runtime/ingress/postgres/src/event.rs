//! Changes as events.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_model::{
    clock::{now_ms, upstream_order},
    event::{Event, Interests},
    identity::ORDER_ATTRIBUTE,
};

use crate::{
    config::Envelope,
    envelope,
    limits::ATTRIBUTE_BYTES_MAX,
    lsn::Lsn,
    relation::{Cell, Relation},
};

/// What all events of a source have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) connector: &'a str,
    pub(crate) database: &'a str,
    pub(crate) envelope: Envelope,
    pub(crate) int8_as_text: bool,
    pub(crate) wants: Interests,
    /// Where a snapshot began whose rows are to be read once more: rows that were inserted since are among them.
    pub(crate) unfinished_snapshot: Option<Lsn>,
}

/// When and where something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Where it begins in the log.
    pub(crate) start: Lsn,
    /// Its number among those that begin there.
    pub(crate) ordinal: u32,
    /// Its place among the changes of the same row.
    pub(crate) order: Lsn,
    /// Where its transaction ends.
    pub(crate) commit: Lsn,
    /// When that was, in microseconds since 1970-01-01 UTC. It tells a log that diverged from one that comes again.
    pub(crate) commit_us: i64,
    /// The transaction; none of a message that is in none, and of a snapshot.
    pub(crate) xid: Option<u32>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Nothing: the row was there.
    Read,
    Insert,
    Update,
    Delete,
    Truncate,
    Message,
}

/// What was done to a row, or to all rows of a table.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub(crate) operation: Operation,
    pub(crate) relation: &'a Relation,
    pub(crate) before: Option<Vec<Cell<'a>>>,
    pub(crate) after: Option<Vec<Cell<'a>>>,
    /// It is half of a change of the key.
    pub(crate) is_key_change: bool,
    /// The key before that, of the half that has the new one.
    pub(crate) old_key: Option<Vec<u8>>,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Message => "message",
        }
    }
}

impl Moment {
    /// The same whenever the change comes again.
    pub(crate) fn id(&self) -> String {
        format!("{:X}.{}.{}", self.start.0, self.ordinal, self.commit_us)
    }
}

/// The event that a change is, with this id.
pub(crate) fn event(
    source: &Source<'_>,
    endpoint: Arc<str>,
    id: String,
    change: &Change<'_>,
    moment: &Moment,
) -> Event {
    let row = change.after.as_deref().or(change.before.as_deref());
    let key = row.and_then(|row| change.relation.key_of(row, source.int8_as_text));
    let payload = envelope::payload(source, change, moment);
    Event {
        endpoint,
        id,
        payload: payload.into(),
        content_type: "application/json".to_owned(),
        key: key.map(Bytes::from),
        received_ms: now_ms(),
        attributes: attributes(source, change, moment),
        headers: Vec::new(),
        traceparent: None,
        refusal: None,
    }
}

/// The event that a message of `pg_logical_emit_message` is.
pub(crate) fn message(source: &Source<'_>, endpoint: Arc<str>, prefix: &str, content: Bytes, moment: &Moment) -> Event {
    let mut attributes = vec![order(moment)];
    if source.wants.attributes {
        attributes.push(named("change.op", Operation::Message.name()));
        attributes.push(named("pg.prefix", prefix));
        place(moment, &mut attributes);
    }
    Event {
        endpoint,
        id: moment.id(),
        payload: content,
        content_type: String::new(),
        key: None,
        received_ms: now_ms(),
        attributes,
        headers: Vec::new(),
        traceparent: None,
        refusal: None,
    }
}

fn attributes(source: &Source<'_>, change: &Change<'_>, moment: &Moment) -> Vec<(String, String)> {
    // For the host: the component need not pass it on.
    let mut attributes = vec![order(moment)];
    if !source.wants.attributes {
        return attributes;
    }
    let relation = change.relation;
    attributes.extend([
        named("change.op", change.operation.name()),
        named("pg.schema", &*relation.schema),
        named("pg.table", &*relation.table),
        named("pg.schema-version", &*relation.version),
    ]);
    place(moment, &mut attributes);
    let unchanged: Vec<_> = change.after.iter().flat_map(|row| relation.unchanged(row)).collect();
    if !unchanged.is_empty() {
        attributes.push(named("change.unchanged", unchanged.join(",")));
    }
    if change.is_key_change {
        attributes.push(named("change.key-changed", "true"));
    }
    if let Some(key) = change.old_key.as_ref().filter(|key| key.len() <= ATTRIBUTE_BYTES_MAX) {
        attributes.push(named("change.old-key", String::from_utf8_lossy(key)));
    }
    attributes
}

fn place(moment: &Moment, attributes: &mut Vec<(String, String)>) {
    attributes.push(named("pg.lsn", moment.start.to_string()));
    if let Some(xid) = moment.xid {
        attributes.push(named("pg.xid", xid.to_string()));
        attributes.push(named("pg.commit-lsn", moment.commit.to_string()));
    }
    if moment.commit_us > 0 {
        attributes.push(named("pg.commit-time-us", moment.commit_us.to_string()));
    }
}

fn order(moment: &Moment) -> (String, String) {
    named(ORDER_ATTRIBUTE, upstream_order(moment.order.0).to_string())
}

fn named(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}
