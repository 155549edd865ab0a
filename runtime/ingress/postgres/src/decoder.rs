//! Messages of the stream to events. A transaction is not collected: each change is an event as it comes.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_model::event::Event;
use pg_walstream::{ColumnInfo, LogicalReplicationMessage, LogicalReplicationParser, TupleData};
use pgwire_replication::protocol::pg_to_unix_timestamp;

use crate::{
    event::{Change, Moment, Operation, Source, event, message},
    lsn::Lsn,
    relation::{Cell, Relation, cells, key_cells},
    routes::Routes,
};

/// Version of the messages: each transaction comes whole, when it is committed.
const PROTOCOL: u32 = 1;

/// See the module.
pub(crate) struct Decoder {
    parser: LogicalReplicationParser,
    relations: HashMap<u32, Arc<Relation>>,
    transaction: Option<Transaction>,
    /// Where the last change began, and its number among those that begin there.
    last: Option<(Lsn, u32)>,
    /// Where snapshots were taken whose rows were delivered before, the last one last.
    snapshots: Vec<Lsn>,
}

#[derive(Debug, Clone, Copy)]
struct Transaction {
    xid: u32,
    commit: Lsn,
    commit_us: i64,
    /// Changes of it so far.
    changes: u64,
}

/// What a message is.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// One or more events.
    Events(Vec<Event>),
    /// A change of a table, or a message, that is not configured.
    Unrouted,
    /// A transaction begins whose commit is here.
    Began(Lsn),
    /// A transaction is whole, up to here.
    Committed(Lsn),
    /// A table is described, before its first change and after each change of its definition.
    Relation(Described),
    /// A type is described: what was known of it may be over.
    Type(u32),
    /// Nothing that matters.
    Nothing,
}

/// A table as the stream describes it.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) oid: u32,
    pub(crate) schema: Arc<str>,
    pub(crate) table: Arc<str>,
    /// `d`, `n`, `f` or `i`.
    pub(crate) identity: u8,
    pub(crate) columns: Vec<ColumnInfo>,
}

impl Decoder {
    pub(crate) fn new(snapshots: Vec<Lsn>) -> Self {
        Self {
            parser: LogicalReplicationParser::with_protocol_version(PROTOCOL),
            relations: HashMap::new(),
            transaction: None,
            last: None,
            snapshots,
        }
    }

    /// Whether what comes next belongs to a transaction.
    pub(crate) fn is_within_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Changes of this table are understood from now on.
    pub(crate) fn learn(&mut self, oid: u32, relation: Relation) {
        self.relations.insert(oid, Arc::new(relation));
    }

    /// What a message is that begins at `start`.
    pub(crate) fn decode(
        &mut self,
        source: &Source<'_>,
        routes: &Routes,
        start: Lsn,
        data: Bytes,
    ) -> Result<Decoded, String> {
        let parsed = self.parser.parse_wal_message_bytes(data);
        let parsed = parsed.map_err(|error| format!("the server sent what cannot be read: {error}"))?;
        match parsed.message {
            LogicalReplicationMessage::Begin {
                final_lsn,
                timestamp,
                xid,
            } => {
                self.last = None;
                self.transaction = Some(Transaction {
                    xid,
                    commit: Lsn(final_lsn),
                    commit_us: pg_to_unix_timestamp(timestamp),
                    changes: 0,
                });
                Ok(Decoded::Began(Lsn(final_lsn)))
            }
            LogicalReplicationMessage::Commit { end_lsn, .. } => {
                self.transaction = None;
                Ok(Decoded::Committed(Lsn(end_lsn)))
            }
            LogicalReplicationMessage::Relation {
                relation_id,
                namespace,
                relation_name,
                replica_identity,
                columns,
            } => Ok(Decoded::Relation(Described {
                oid: relation_id,
                schema: namespace,
                table: relation_name,
                identity: replica_identity,
                columns,
            })),
            LogicalReplicationMessage::Type { type_id, .. } => Ok(Decoded::Type(type_id)),
            LogicalReplicationMessage::Message {
                flags, prefix, content, ..
            } => {
                let moment = self.moment(start, flags & 1 == 1);
                let Some(endpoint) = routes.prefix(&prefix) else {
                    return Ok(Decoded::Unrouted);
                };
                let event = message(source, endpoint, &prefix, content, &moment);
                Ok(Decoded::Events(vec![event]))
            }
            LogicalReplicationMessage::Truncate { relation_ids, .. } => self.truncated(source, start, &relation_ids),
            other => self.changed(source, start, &other),
        }
    }

    fn moment(&mut self, start: Lsn, is_transactional: bool) -> Moment {
        let ordinal = match self.last {
            Some((last, ordinal)) if last == start => ordinal + 1,
            _ => 0,
        };
        self.last = Some((start, ordinal));
        let order = match &mut self.transaction {
            Some(transaction) => {
                transaction.changes += 1;
                order(&self.snapshots, start, transaction)
            }
            None => start,
        };
        let transaction = self.transaction.filter(|_| is_transactional);
        Moment {
            start,
            ordinal,
            order,
            commit: transaction.map_or(start, |transaction| transaction.commit),
            commit_us: transaction.map_or(0, |transaction| transaction.commit_us),
            xid: transaction.map(|transaction| transaction.xid),
        }
    }

    fn relation(&self, oid: u32) -> Result<Arc<Relation>, String> {
        let known = self.relations.get(&oid).cloned();
        known.ok_or_else(|| format!("the server sent a change of table {oid}, which it has not described"))
    }

    fn truncated(&mut self, source: &Source<'_>, start: Lsn, oids: &[u32]) -> Result<Decoded, String> {
        let mut events = Vec::new();
        for oid in oids {
            let moment = self.moment(start, true);
            let relation = self.relation(*oid)?;
            let Some(endpoint) = relation.endpoint.clone() else {
                continue;
            };
            let change = change(Operation::Truncate, &relation, None, None);
            events.push(event(source, endpoint, moment.id(), &change, &moment));
        }
        Ok(match events.is_empty() {
            true => Decoded::Unrouted,
            false => Decoded::Events(events),
        })
    }

    /// A change of one row.
    fn changed(
        &mut self,
        source: &Source<'_>,
        start: Lsn,
        changed: &LogicalReplicationMessage,
    ) -> Result<Decoded, String> {
        let (oid, operation, old, new) = match changed {
            LogicalReplicationMessage::Insert { relation_id, tuple } => {
                (*relation_id, Operation::Insert, None, Some(tuple))
            }
            LogicalReplicationMessage::Update {
                relation_id,
                old_tuple,
                new_tuple,
                ..
            } => (*relation_id, Operation::Update, old_tuple.as_ref(), Some(new_tuple)),
            LogicalReplicationMessage::Delete {
                relation_id, old_tuple, ..
            } => (*relation_id, Operation::Delete, Some(old_tuple), None),
            // Where a transaction came from first.
            _ => return Ok(Decoded::Nothing),
        };
        let moment = self.moment(start, true);
        let relation = self.relation(oid)?;
        let Some(endpoint) = relation.endpoint.clone() else {
            return Ok(Decoded::Unrouted);
        };
        let old = old.map(|tuple| old_cells(&relation, tuple));
        let new = new.map(|tuple| new_cells(&relation, tuple, old.as_deref()));
        let mut events = Vec::with_capacity(1);
        match (operation, old, new) {
            (Operation::Update, Some(old), Some(new)) if !relation.has_same_key(&old, &new) => {
                let old_key = relation.key_of(&old, source.int8_as_text);
                let mut delete = change(Operation::Delete, &relation, Some(old), None);
                delete.is_key_change = true;
                let id = format!("{}.old", moment.id());
                events.push(event(source, endpoint.clone(), id, &delete, &moment));
                let mut update = change(Operation::Update, &relation, None, Some(new));
                update.is_key_change = true;
                update.old_key = old_key;
                events.push(event(source, endpoint, moment.id(), &update, &moment));
            }
            (operation, old, new) => {
                // What is known of a key only says nothing that the new row does not.
                let old = old.filter(|_| relation.is_identity_full || new.is_none());
                let change = change(operation, &relation, old, new);
                let id = row_id(source, &change).unwrap_or_else(|| moment.id());
                events.push(event(source, endpoint, id, &change, &moment));
            }
        }
        Ok(Decoded::Events(events))
    }
}

/// A place in the log that rises with each change of the same row. A transaction may write before a snapshot and be committed behind it:
/// then the snapshot has its rows as they were before it, and what it did is newer.
fn order(snapshots: &[Lsn], start: Lsn, transaction: &Transaction) -> Lsn {
    let commit = transaction.commit;
    let before = snapshots.iter().rev().find(|at| **at <= commit);
    match before {
        Some(at) if start < *at => Lsn(commit.0.min(at.0 + transaction.changes)),
        _ => start,
    }
}

/// Of a row that was inserted, the id that it has in the snapshot after it.
fn row_id(source: &Source<'_>, change: &Change<'_>) -> Option<String> {
    let since = source.unfinished_snapshot?;
    let row = change
        .after
        .as_ref()
        .filter(|_| change.operation == Operation::Insert)?;
    change.relation.row_id(since, row, source.int8_as_text)
}

fn change<'a>(
    operation: Operation,
    relation: &'a Relation,
    before: Option<Vec<Cell<'a>>>,
    after: Option<Vec<Cell<'a>>>,
) -> Change<'a> {
    Change {
        operation,
        relation,
        before,
        after,
        is_key_change: false,
        old_key: None,
    }
}

fn old_cells<'a>(relation: &Relation, tuple: &'a TupleData) -> Vec<Cell<'a>> {
    match relation.is_identity_full {
        true => cells(tuple),
        false => key_cells(relation, tuple),
    }
}

/// With the whole old row, what was not changed is in it.
fn new_cells<'a>(relation: &Relation, tuple: &'a TupleData, old: Option<&[Cell<'a>]>) -> Vec<Cell<'a>> {
    let mut row = cells(tuple);
    if let Some(old) = old.filter(|_| relation.is_identity_full) {
        for (cell, old) in row.iter_mut().zip(old) {
            if *cell == Cell::Unchanged && *old != Cell::Absent {
                *cell = old.clone();
            }
        }
    }
    row
}
