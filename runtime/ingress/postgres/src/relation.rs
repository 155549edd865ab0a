//! Tables as the stream describes them, and their rows.

use std::sync::Arc;

use danube_wasm_model::hash::Fnv1a;
use pg_walstream::TupleData;
use sha2::{Digest as _, Sha256};
use tokio_postgres::SimpleQueryRow;

use crate::{catalog::Types, lsn::Lsn, values::ValueKind};

/// A table, as it was when a change was made.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) schema: Arc<str>,
    pub(crate) table: Arc<str>,
    pub(crate) columns: Vec<Column>,
    /// Places of the columns that tell rows apart, in the table's order.
    pub(crate) key: Vec<usize>,
    /// Old rows come whole.
    pub(crate) is_identity_full: bool,
    /// Changes with the table's definition.
    pub(crate) version: String,
    /// Where its events go; none if it is not configured.
    pub(crate) endpoint: Option<Arc<str>>,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ValueKind,
}

/// The value of a column in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(std::borrow::Cow<'a, str>),
    /// It is large, and was not changed: the server did not send it.
    Unchanged,
    /// The server does not say what it was.
    Absent,
}

/// Definition of a table's column, as it goes into the version.
pub(crate) struct Defined<'a> {
    pub(crate) name: &'a str,
    pub(crate) oid: u32,
    pub(crate) is_key: bool,
}

impl Relation {
    /// Of a table that is configured as `endpoint`.
    pub(crate) fn new(
        (oid, schema, table): (u32, Arc<str>, Arc<str>),
        columns: &[Defined<'_>],
        is_identity_full: bool,
        types: &Types,
        endpoint: Option<Arc<str>>,
    ) -> Self {
        let mut digest = Fnv1a::default();
        for column in columns {
            digest.write(column.name.bytes().chain([0]));
            digest.write(column.oid.to_be_bytes());
            digest.write([u8::from(column.is_key)]);
        }
        let keys = columns.iter().enumerate().filter(|(_, column)| column.is_key);
        Self {
            schema,
            table,
            key: keys.map(|(at, _)| at).collect(),
            columns: columns
                .iter()
                .map(|column| Column {
                    name: Arc::from(column.name),
                    kind: types.get(column.oid).unwrap_or(ValueKind::Text),
                })
                .collect(),
            is_identity_full,
            version: format!("{oid}-{:016x}", digest.finish()),
            endpoint,
        }
    }

    /// The key of a row as JSON: a list of values. None if the table has no key, or the row not all of it.
    pub(crate) fn key_of(&self, row: &[Cell<'_>], int8_as_text: bool) -> Option<Vec<u8>> {
        let mut key = vec![b'['];
        for (place, at) in self.key.iter().enumerate() {
            if place > 0 {
                key.push(b',');
            }
            let Cell::Text(text) = row.get(*at)? else { return None };
            self.columns[*at].kind.write(text, int8_as_text, &mut key);
        }
        key.push(b']');
        (!self.key.is_empty()).then_some(key)
    }

    /// Id of a row as it was at or after the beginning of a snapshot: the same whenever a row with this key and these values is read, or
    /// inserted, before that snapshot is finished. None if the row has no key.
    pub(crate) fn row_id(&self, since: Lsn, row: &[Cell<'_>], int8_as_text: bool) -> Option<String> {
        let mut digest = Sha256::new();
        let key = self.key_of(row, int8_as_text)?;
        let table = [self.schema.as_bytes(), self.table.as_bytes(), &key];
        for part in table {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        for cell in row {
            match cell {
                Cell::Text(text) => {
                    digest.update([1]);
                    digest.update(text.len().to_be_bytes());
                    digest.update(text.as_bytes());
                }
                Cell::Null | Cell::Unchanged | Cell::Absent => digest.update([0]),
            }
        }
        let digest = digest.finalize();
        let half: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(format!("snap.{:X}.{half}", since.0))
    }

    /// Whether two rows have the same key; a column that did not come is not another.
    pub(crate) fn has_same_key(&self, old: &[Cell<'_>], new: &[Cell<'_>]) -> bool {
        self.key.iter().all(|at| match (old.get(*at), new.get(*at)) {
            (Some(old @ (Cell::Text(_) | Cell::Null)), Some(new @ (Cell::Text(_) | Cell::Null))) => old == new,
            _ => true,
        })
    }

    /// Names of the columns that did not come because they were not changed.
    pub(crate) fn unchanged<'a>(&'a self, row: &'a [Cell<'_>]) -> impl Iterator<Item = &'a str> {
        let cells = self.columns.iter().zip(row);
        cells
            .filter(|(_, cell)| **cell == Cell::Unchanged)
            .map(|(column, _)| &*column.name)
    }
}

/// A row as the stream has it.
pub(crate) fn cells(tuple: &TupleData) -> Vec<Cell<'_>> {
    let cells = tuple.columns.iter().map(|column| match column.data_type {
        b'u' => Cell::Unchanged,
        b'n' => Cell::Null,
        _ => Cell::Text(String::from_utf8_lossy(column.as_bytes())),
    });
    cells.collect()
}

/// An old row that has its key only: the server writes NULL for the others, which means nothing.
pub(crate) fn key_cells<'a>(relation: &Relation, tuple: &'a TupleData) -> Vec<Cell<'a>> {
    let mut row = cells(tuple);
    for (at, cell) in row.iter_mut().enumerate() {
        if !relation.key.contains(&at) {
            *cell = Cell::Absent;
        }
    }
    row
}

/// A row as a query has it.
pub(crate) fn queried_cells(row: &SimpleQueryRow) -> Vec<Cell<'_>> {
    let cells = (0..row.len()).map(|at| row.get(at).map_or(Cell::Null, |text| Cell::Text(text.into())));
    cells.collect()
}
