//! The rows of one table.

use std::sync::Arc;

use danube_wasm_model::event::Event;

use crate::{
    catalog::{PublishedTable, Types, key_columns, snapshot_columns},
    client::Shared,
    event::{Change, Moment, Operation, Source, event},
    lsn::Lsn,
    refusal::PgError,
    relation::{Defined, Relation, queried_cells},
    sql::{Rows, Sql},
};

/// Rows of a table, as events.
pub(super) struct TableRows {
    relation: Relation,
    endpoint: Arc<str>,
    rows: Rows,
    at: Beginning,
    count: u64,
}

/// Where a snapshot is in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    /// What is committed before this is in it.
    pub(super) consistent: Lsn,
    /// Where the first one began that this one repeats.
    pub(super) since: Lsn,
}

impl TableRows {
    pub(super) async fn begin(
        shared: &Shared,
        sql: &Sql,
        types: &mut Types,
        table: &PublishedTable,
        at: Beginning,
    ) -> Result<Self, PgError> {
        let columns = snapshot_columns(sql, &shared.config.publication, table).await?;
        let unknown = types.unknown(columns.iter().map(|(_, oid)| *oid));
        if !unknown.is_empty() {
            types.learn(sql, unknown).await?;
        }
        let key = key_columns(sql, table.oid, &table.identity).await?;
        let defined: Vec<_> = columns
            .iter()
            .map(|(name, oid)| Defined {
                name,
                oid: *oid,
                is_key: key.contains(name),
            })
            .collect();
        let (schema, name) = (Arc::from(table.name.schema()), Arc::from(table.name.table()));
        let endpoint: Arc<str> = Arc::from(table.name.to_string());
        let of = (table.oid, schema, name);
        let relation = Relation::new(of, &defined, false, types, Some(endpoint.clone()));
        let names: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
        let what = format!("reading the rows of `{}`", table.name);
        let rows = sql.stream(&what, &table.select(&names)).await?;
        Ok(Self {
            relation,
            endpoint,
            rows,
            at,
            count: 0,
        })
    }

    /// The next row; none after the last. May be cancelled.
    pub(super) async fn next(&mut self, source: &Source<'_>) -> Result<Option<Event>, PgError> {
        let Some(row) = self.rows.next().await? else {
            return Ok(None);
        };
        let cells = queried_cells(&row);
        self.count += 1;
        let id = self.relation.row_id(self.at.since, &cells, source.int8_as_text);
        // Without a key it has only its number.
        let id = id.unwrap_or_else(|| format!("snap.{:X}.{}", self.at.consistent.0, self.count));
        let change = Change {
            operation: Operation::Read,
            relation: &self.relation,
            before: None,
            after: Some(cells),
            is_key_change: false,
            old_key: None,
        };
        let moment = Moment {
            start: self.at.consistent,
            ordinal: 0,
            // The first change behind it may begin just there.
            order: self.at.consistent.before(),
            commit: self.at.consistent,
            commit_us: 0,
            xid: None,
        };
        Ok(Some(event(source, self.endpoint.clone(), id, &change, &moment)))
    }
}
