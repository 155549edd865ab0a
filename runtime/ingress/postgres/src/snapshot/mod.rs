//! All rows as they were at one place of the server's log: what is committed later comes with the stream.

mod rows;

use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::event::Event;
use futures_util::FutureExt as _;
use postgres_protocol::escape::escape_literal;

use self::rows::{Beginning, TableRows};
use crate::{
    catalog::{PublishedTable, Types},
    client::Shared,
    config::Postgres,
    event::Source,
    limits::NAME_BYTES_MAX,
    lsn::Lsn,
    refusal::PgError,
    replication::CreatedSlot,
    sql::Sql,
};

/// What the name of a temporary slot ends with.
const SUFFIX: &str = "_snapshot";

/// A snapshot that is read.
pub(crate) struct Snapshot {
    sql: Sql,
    types: Types,
    /// To be read, the next one last.
    tables: Vec<PublishedTable>,
    current: Option<TableRows>,
    /// What is committed before this is in it, and nothing else.
    pub(crate) consistent: Lsn,
    /// Where the first one began that this one repeats.
    pub(crate) since: Lsn,
}

/// Name of a slot that is made only to see the rows at a place of the log.
pub(crate) fn temporary_name(config: &Postgres) -> String {
    let name = config.slot.as_str();
    let kept = name.len().min(NAME_BYTES_MAX - SUFFIX.len());
    format!("{}{SUFFIX}", &name[..kept])
}

/// Refuses tables whose rows may not be read: before a slot is made.
pub(crate) fn check_readable(config: &Postgres, tables: &[PublishedTable]) -> Result<(), PgError> {
    let Some(table) = tables.iter().find(|table| !table.is_readable) else {
        return Ok(());
    };
    Err(PgError::permanent(format!(
        "{}: the role `{}` may not read the rows of `{}`: `GRANT SELECT ON {} TO \"{}\"`, or write `snapshot = \"never\"`",
        config.url, config.user, table.name, table.name, config.user
    )))
}

impl Snapshot {
    /// Sees the tables as they were when a slot began, while the session that made it does nothing else.
    pub(crate) async fn begin(
        config: &Postgres,
        dialer: &Dialer,
        slot: CreatedSlot,
        since: Lsn,
        mut tables: Vec<PublishedTable>,
    ) -> Result<Self, PgError> {
        let none = || PgError::transient(format!("{}: the slot came without a snapshot", config.url));
        let snapshot = slot.snapshot.ok_or_else(none)?;
        let sql = Sql::open(config, dialer).await?;
        let what = "beginning the snapshot";
        sql.rows(what, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let statement = format!("SET TRANSACTION SNAPSHOT {}", escape_literal(&snapshot));
        sql.rows(what, &statement).await?;
        tables.reverse();
        Ok(Self {
            sql,
            types: Types::default(),
            tables,
            current: None,
            consistent: slot.consistent,
            since,
        })
    }

    /// Up to so many rows, those that are there; none after the last. May be cancelled.
    pub(crate) async fn rows(
        &mut self,
        shared: &Shared,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Event>, PgError> {
        let source = shared.source();
        loop {
            if self.current.is_none() {
                let Some(table) = self.tables.last() else {
                    return Ok(Vec::new());
                };
                let at = Beginning {
                    consistent: self.consistent,
                    since: self.since,
                };
                let begun = TableRows::begin(shared, &self.sql, &mut self.types, table, at).await?;
                tracing::info!(connector = %shared.connector, table = %table.name, "reading the rows of a table");
                self.current = Some(begun);
                self.tables.pop();
            }
            let Some(current) = &mut self.current else { continue };
            let (mut events, mut bytes) = (Vec::new(), 0);
            let mut next = current.next(&source).await?;
            while let Some(event) = next {
                bytes += event.payload.len() + event.key.as_ref().map_or(0, |key| key.len());
                events.push(event);
                if events.len() >= events_max || bytes >= bytes_max {
                    return Ok(events);
                }
                // What is not there yet comes with the next call.
                next = match current.next(&source).now_or_never() {
                    Some(next) => next?,
                    None => return Ok(events),
                };
            }
            self.current = None;
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

impl Shared {
    /// What all events have in common.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            connector: self.connector.as_str(),
            database: self.config.url.database(),
            envelope: self.config.envelope,
            int8_as_text: self.config.int8_as_text,
            wants: self.wants,
            unfinished_snapshot: None,
        }
    }
}
