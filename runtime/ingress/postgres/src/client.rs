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
    upstream::{Connect, Notebook, StreamId, Upstream, UpstreamError, steps},
};
use postgres_protocol::escape::escape_literal;

use crate::{
    catalog::{PublishedTable, Server, ensure_publication, slot},
    config::Postgres,
    counters::Counters,
    limits::SNAPSHOTS_MAX,
    lsn::Lsn,
    notes::{Note, Notes, Progress},
    position::{Choices, Plan, Slot, SlotError, System, plan},
    refusal::PgError,
    replication::{ReplicationSession, SlotKind},
    routes::Routes,
    snapshot::{Snapshot, check_readable, temporary_name},
    sql::Sql,
    streaming::Streaming,
    upstream::{Opened, PostgresUpstream},
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

    fn upstream_error(&self, error: PgError) -> UpstreamError {
        error.into_upstream(self.has_read.load(Ordering::Acquire))
    }

    async fn open(&self, found: Found, plan: Plan, before: Option<Note>) -> Result<Opened, UpstreamError> {
        match plan {
            Plan::Stream => self.resume(found, before).await,
            Plan::Create => self.create(found).await,
            Plan::Snapshot { drops_slot } => self.snapshot(found, drops_slot).await,
            Plan::SnapshotAgain { since } => self.snapshot_again(found, before, since).await,
        }
    }

    /// Reads on from where the slot stands.
    async fn resume(&self, found: Found, before: Option<Note>) -> Result<Opened, UpstreamError> {
        let from = found.confirmed();
        let note = Note {
            snapshots: snapshots(before.as_ref()),
            ..self.note(&found.system, later(from, before.as_ref()), Progress::Changes)
        };
        self.changes(found.session, &found.server, from, note).await
    }

    /// Makes the slot, and reads what is committed from now on.
    async fn create(&self, found: Found) -> Result<Opened, UpstreamError> {
        let Found {
            mut session,
            server,
            system,
            ..
        } = found;
        let kind = SlotKind::Permanent {
            exports_snapshot: false,
            failover: self.fails_over(&server),
        };
        let created = session.create_slot(self.slot(), kind).await;
        let from = created.map_err(|error| self.upstream_error(error))?.consistent;
        let note = self.note(&system, from, Progress::Changes);
        self.changes(session, &server, from, note).await
    }

    /// Reads what is committed from there on, and no rows.
    async fn changes(
        &self,
        session: ReplicationSession,
        server: &Server,
        from: Lsn,
        note: Note,
    ) -> Result<Opened, UpstreamError> {
        let stream = session.stream(server.version, from).await;
        let stream = stream.map_err(|error| self.upstream_error(error))?;
        self.shared.notes.save(&note).await?;
        self.shared.counters.connected();
        Ok(Opened {
            streaming: Streaming::new(stream, from, note.snapshots.clone()),
            snapshot: None,
            note,
        })
    }

    /// Makes the slot, and reads all rows as they were when it began. Both are noted before the first row is delivered: a slot that
    /// is there keeps the deletions of rows that are.
    async fn snapshot(&self, found: Found, drops_slot: bool) -> Result<Opened, UpstreamError> {
        let Found {
            mut session,
            sql,
            server,
            system,
            tables,
            ..
        } = found;
        let (shared, config) = (&self.shared, &self.shared.config);
        let upstream = |error: PgError| self.upstream_error(error);
        check_readable(config, &tables).map_err(upstream)?;
        if drops_slot {
            tracing::warn!(connector = %shared.connector, slot = self.slot(), "the slot is dropped, and all tables are read anew");
            let statement = format!("SELECT pg_drop_replication_slot({})", escape_literal(self.slot()));
            sql.rows("dropping the slot", &statement).await.map_err(upstream)?;
        }
        shared
            .notes
            .save(&self.note(&system, Lsn::default(), Progress::Begun))
            .await?;
        let kind = SlotKind::Permanent {
            exports_snapshot: true,
            failover: self.fails_over(&server),
        };
        let created = session.create_slot(self.slot(), kind).await.map_err(upstream)?;
        steps::reached(steps::SNAPSHOT_SLOT_MADE);
        let at = created.consistent;
        let snapshot = Snapshot::begin(config, &self.dialer, created, at, tables).await;
        let snapshot = snapshot.map_err(upstream)?;
        let stream = session.stream(server.version, at).await.map_err(upstream)?;
        let note = Note {
            snapshots: vec![at],
            ..self.note(&system, at, Progress::Rows { since: at })
        };
        shared.notes.save(&note).await?;
        Ok(Opened {
            streaming: Streaming::held(stream, at, &snapshot, note.snapshots.clone()),
            snapshot: Some(snapshot),
            note,
        })
    }

    /// A snapshot ended before its rows were durable. Some of them may be in the broker, so what was committed since comes first, and
    /// all rows as they are now after it.
    async fn snapshot_again(
        &self,
        found: Found,
        before: Option<Note>,
        since: Option<Lsn>,
    ) -> Result<Opened, UpstreamError> {
        let from = found.confirmed();
        let since = since.unwrap_or(from);
        let Found {
            mut session,
            server,
            system,
            tables,
            ..
        } = found;
        let (shared, config) = (&self.shared, &self.shared.config);
        let upstream = |error: PgError| self.upstream_error(error);
        check_readable(config, &tables).map_err(upstream)?;
        tracing::info!(connector = %shared.connector, slot = self.slot(), "the snapshot before was not finished: reading what was committed since, and then all rows again");
        let temporary = temporary_name(config);
        let created = session.create_slot(&temporary, SlotKind::Temporary).await;
        let created = created.map_err(upstream)?;
        let snapshot = Snapshot::begin(config, &self.dialer, created, since, tables).await;
        let snapshot = snapshot.map_err(upstream)?;
        // The rows are seen now: the temporary slot ends with its session.
        drop(session);
        let reader = ReplicationSession::open(config, &self.dialer).await.map_err(upstream)?;
        let stream = reader.stream(server.version, from).await.map_err(upstream)?;
        let mut snapshots = snapshots(before.as_ref());
        snapshots.push(snapshot.consistent);
        let note = Note {
            snapshots,
            ..self.note(&system, later(from, before.as_ref()), Progress::Rows { since })
        };
        shared.notes.save(&note).await?;
        Ok(Opened {
            streaming: Streaming::held(stream, from, &snapshot, note.snapshots.clone()),
            snapshot: Some(snapshot),
            note,
        })
    }

    fn slot(&self) -> &str {
        self.shared.config.slot.as_str()
    }

    fn fails_over(&self, server: &Server) -> bool {
        self.shared.config.failover && server.has_failover()
    }

    fn note(&self, system: &System, lsn: Lsn, progress: Progress) -> Note {
        Note {
            system: system.id.clone(),
            timeline: system.timeline,
            slot: self.slot().to_owned(),
            lsn,
            progress,
            snapshots: Vec::new(),
        }
    }

    async fn session(&self) -> Result<PostgresUpstream, UpstreamError> {
        let shared = &self.shared;
        let config = &shared.config;
        let before = shared.notes.of_slot(self.slot()).await?;
        let found = self.find().await.map_err(|error| self.upstream_error(error))?;
        let choices = Choices {
            slot: &config.slot,
            database: config.url.database(),
            snapshot: config.snapshot,
            on_slot_lost: config.on_slot_lost,
        };
        let plan = plan(&choices, before.as_ref(), found.slot.as_ref(), &found.system);
        let plan = plan.map_err(|error| self.upstream_error(slot_error_at(config, error)))?;
        let opened = self.open(found, plan, before).await?;
        self.has_read.store(true, Ordering::Release);
        Ok(PostgresUpstream::new(shared.clone(), self.dialer.clone(), opened))
    }
}

impl Found {
    /// Where the slot stands.
    fn confirmed(&self) -> Lsn {
        self.slot.as_ref().map(|slot| slot.confirmed).unwrap_or_default()
    }
}

/// A note is never set back: the slot may not have heard of the last one.
fn later(from: Lsn, before: Option<&Note>) -> Lsn {
    from.max(before.map(|before| before.lsn).unwrap_or_default())
}

/// Where snapshots were taken. A slot begins when every transaction under way has ended, so of those that were committed behind the last
/// few none began before the first of these.
fn snapshots(before: Option<&Note>) -> Vec<Lsn> {
    let snapshots = before.map(|before| before.snapshots.as_slice()).unwrap_or_default();
    snapshots[snapshots.len().saturating_sub(SNAPSHOTS_MAX)..].to_vec()
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
