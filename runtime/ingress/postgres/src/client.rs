//! Makes sessions with the database, one after the other, each from where the one before was confirmed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    ConnectorId,
    event::Interests,
    upstream::{Connect, Notebook, StreamId, Upstream, UpstreamError},
};
use postgres_protocol::escape::escape_literal;

use crate::{
    catalog::{PublishedTable, Server, ensure_publication, slot},
    config::Postgres,
    counters::Counters,
    lsn::Lsn,
    notes::{Note, Notes},
    position::{Choices, Plan, Slot, SlotError, System, plan},
    refusal::PgError,
    replication::{ReplicationSession, SlotKind, StreamOptions},
    routes::Routes,
    snapshot::Snapshot,
    sql::Sql,
    upstream::{Phase, PostgresUpstream},
};

/// What a source's sessions have in common.
pub(crate) struct Shared {
    pub(crate) connector: ConnectorId,
    pub(crate) config: Postgres,
    pub(crate) routes: Routes,
    pub(crate) wants: Interests,
    pub(crate) notes: Notes,
    pub(crate) stream: StreamId,
    pub(crate) counters: Counters,
}

/// See the module.
pub(crate) struct Client {
    shared: Arc<Shared>,
    dialer: Dialer,
    has_read: AtomicBool,
}

/// What was found out before anything is read.
struct Found {
    session: ReplicationSession,
    sql: Sql,
    server: Server,
    system: System,
    tables: Vec<PublishedTable>,
    slot: Option<Slot>,
}

impl Client {
    pub(crate) fn new(
        connector: ConnectorId,
        config: Postgres,
        wants: Interests,
        dialer: Dialer,
        notebook: Arc<dyn Notebook>,
        counters: Counters,
    ) -> Self {
        let shared = Shared {
            connector,
            routes: Routes::new(&config),
            wants,
            notes: Notes::new(notebook),
            stream: StreamId::new(config.slot.as_str()),
            counters,
            config,
        };
        Self {
            shared: Arc::new(shared),
            dialer,
            has_read: AtomicBool::new(false),
        }
    }

    async fn find(&self) -> Result<Found, PgError> {
        let config = &self.shared.config;
        let sql = Sql::open(config, &self.dialer).await?;
        let server = Server::ask(&sql).await?;
        if let Some(warning) = server.check(config)? {
            tracing::warn!(connector = %self.shared.connector, "{warning}");
        }
        let mut session = ReplicationSession::open(config, &self.dialer).await?;
        let system = session.identify().await?;
        let tables = ensure_publication(&sql, config, true).await?;
        for table in tables.iter().filter(|table| !table.has_identity()) {
            tracing::warn!(connector = %self.shared.connector, table = %table.name, "the table has no primary key and no replica identity: the server refuses updates and deletes of it while it is published");
        }
        let slot = slot(&sql, config.slot.as_str()).await?;
        Ok(Found {
            session,
            sql,
            server,
            system,
            tables,
            slot,
        })
    }

    async fn begin(&self, found: Found, plan: Plan) -> Result<(Phase, Note), PgError> {
        let Found {
            mut session,
            sql,
            server,
            system,
            tables,
            slot,
        } = found;
        let config = &self.shared.config;
        let name = config.slot.as_str();
        let note = |lsn: Lsn| Note {
            system: system.id.clone(),
            timeline: system.timeline,
            slot: name.to_owned(),
            lsn,
            is_promoting: false,
        };
        let options = |from: Lsn| StreamOptions {
            server_version: server.version,
            from,
        };
        match plan {
            Plan::Stream => {
                let from = slot.map(|slot| slot.confirmed).unwrap_or_default();
                let stream = session.stream(options(from)).await?;
                Ok((Phase::streaming(stream, from), note(from)))
            }
            Plan::Create => {
                let failover = config.failover && server.has_failover();
                let created = session.create_slot(name, SlotKind::Permanent { failover }).await?;
                let stream = session.stream(options(created.consistent)).await?;
                Ok((Phase::streaming(stream, created.consistent), note(created.consistent)))
            }
            Plan::Snapshot { drops_slot } => {
                if drops_slot {
                    tracing::warn!(connector = %self.shared.connector, slot = name, "the slot is dropped, and all tables are read anew");
                    let statement = format!("SELECT pg_drop_replication_slot({})", escape_literal(name));
                    sql.rows("dropping the slot", &statement).await?;
                }
                let snapshot = Snapshot::begin(config, &self.dialer, session, server, tables).await?;
                let note = note(snapshot.consistent());
                Ok((Phase::Snapshot(Box::new(snapshot)), note))
            }
        }
    }

    async fn session(&self) -> Result<PostgresUpstream, UpstreamError> {
        let shared = &self.shared;
        let config = &shared.config;
        let has_read = self.has_read.load(Ordering::Acquire);
        let upstream = |error: PgError| error.into_upstream(has_read);
        let before = shared.notes.of_slot(config.slot.as_str()).await?;
        let found = self.find().await.map_err(upstream)?;
        let choices = Choices {
            slot: &config.slot,
            database: config.url.database(),
            snapshot: config.snapshot,
            on_slot_lost: config.on_slot_lost,
        };
        let plan = plan(&choices, before.as_ref(), found.slot.as_ref(), &found.system);
        let plan = plan.map_err(|error| upstream(slot_error_at(config, error)))?;
        let is_stream = !matches!(plan, Plan::Snapshot { .. });
        let (phase, mut note) = self.begin(found, plan).await.map_err(upstream)?;
        if is_stream {
            // A note is never set back: the slot may not have heard of the last one.
            note.lsn = note.lsn.max(before.map(|before| before.lsn).unwrap_or_default());
            shared.notes.save(&note).await?;
            shared.counters.connected();
        }
        self.has_read.store(true, Ordering::Release);
        Ok(PostgresUpstream::new(shared.clone(), self.dialer.clone(), phase, note))
    }
}

fn slot_error_at(config: &Postgres, error: SlotError) -> PgError {
    let url = &config.url;
    match error {
        SlotError::Gap(why) => PgError::gap(format!("{url}: {why}")),
        SlotError::Foreign(why) => PgError::permanent(format!("{url}: {why}")),
        SlotError::InUse(why) => PgError::transient(format!("{url}: {why}")),
    }
}

#[async_trait]
impl Connect for Client {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        self.session()
            .await
            .map(|upstream| Box::new(upstream) as Box<dyn Upstream>)
    }
}
