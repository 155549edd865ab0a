//! All rows as they were when the slot began: what is committed later is in the slot.
//!
//! The slot is a temporary one, which ends with the session, so that whatever ends before all rows are durable leaves nothing
//! behind: the snapshot is then taken again. Only when all are durable does the slot get its name.

mod rows;

use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::event::Event;
use futures_util::FutureExt as _;
use postgres_protocol::escape::escape_literal;

use self::rows::TableRows;
use crate::{
    catalog::{PublishedTable, Server, Types},
    client::Shared,
    config::Postgres,
    event::Source,
    limits::NAME_BYTES_MAX,
    lsn::Lsn,
    refusal::PgError,
    replication::{ReplicationSession, SlotKind, StreamOptions, WalStream},
    sql::Sql,
};

/// What the name of a temporary slot ends with.
const SUFFIX: &str = "_snapshot";

/// A snapshot that is read.
pub(crate) struct Snapshot {
    holder: SlotHolder,
    sql: Sql,
    types: Types,
    /// To be read, the next one last.
    tables: Vec<PublishedTable>,
    current: Option<TableRows>,
}

/// The session that has the temporary slot.
pub(crate) struct SlotHolder {
    session: ReplicationSession,
    server: Server,
    name: String,
    /// What is committed behind this is in the slot.
    pub(crate) consistent: Lsn,
}

/// Name of the slot until it gets its own.
pub(crate) fn temporary_name(config: &Postgres) -> String {
    let name = config.slot.as_str();
    let kept = name.len().min(NAME_BYTES_MAX - SUFFIX.len());
    format!("{}{SUFFIX}", &name[..kept])
}

impl Snapshot {
    /// Begins the slot, and sees the tables as they are then.
    pub(crate) async fn begin(
        config: &Postgres,
        dialer: &Dialer,
        mut session: ReplicationSession,
        server: Server,
        mut tables: Vec<PublishedTable>,
    ) -> Result<Self, PgError> {
        if let Some(table) = tables.iter().find(|table| !table.is_readable) {
            return Err(PgError::permanent(format!(
                "{}: the role `{}` may not read the rows of `{}`: `GRANT SELECT ON {} TO \"{}\"`, or write `snapshot = \"never\"`",
                config.url, config.user, table.name, table.name, config.user
            )));
        }
        let name = temporary_name(config);
        let slot = session.create_slot(&name, SlotKind::Snapshot).await?;
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
            holder: SlotHolder {
                session,
                server,
                name,
                consistent: slot.consistent,
            },
            sql,
            types: Types::default(),
            tables,
            current: None,
        })
    }

    /// What is committed behind this is in the slot.
    pub(crate) fn consistent(&self) -> Lsn {
        self.holder.consistent
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
                let begun = TableRows::begin(shared, &self.sql, &mut self.types, table, self.holder.consistent).await?;
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

    /// All rows were read: what is left is the slot.
    pub(crate) fn finish(self) -> SlotHolder {
        self.holder
    }
}

impl SlotHolder {
    /// The slot gets its name, and its stream starts.
    pub(crate) async fn promote(self, config: Postgres, dialer: Dialer) -> Result<WalStream, PgError> {
        let Self {
            mut session,
            server,
            name,
            consistent,
        } = self;
        let slot = config.slot.as_str();
        let sql = Sql::open(&config, &dialer).await?;
        let statement = format!(
            "SELECT pg_copy_logical_replication_slot({}, {}, false)",
            escape_literal(&name),
            escape_literal(slot)
        );
        sql.rows(&format!("making the slot `{slot}` of the snapshot's"), &statement)
            .await?;
        session.drop_slot(&name).await?;
        if config.failover && server.has_failover() {
            session.fail_over(slot).await?;
        }
        session
            .stream(StreamOptions {
                server_version: server.version,
                from: consistent,
            })
            .await
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
        }
    }
}
