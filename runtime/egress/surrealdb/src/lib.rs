//! Writes documents to SurrealDB 3.x: embedded (`surrealkv://`, `mem://`) or a server (`ws://`, `http://`).
//!
//! ```text
//! writes → plan ─┬→ bulk: plain inserts of distinct ids    → one INSERT         ┐
//!                ├→ ordered: everything else               → one transaction    ├→ bisect → report
//!                └→ refused: invalid documents             → the report         ┘
//! ```
//!
//! # Guarantees
//!
//! * **No injection.** Tables, ids and documents are bound as typed values; no text of a payload is ever part of a
//!   statement's text. Ids are text and stay text. A payload's own `id`, `in` and `out` are stored under other names
//!   (`value.rs`), and numbers keep their digits or are refused (`number.rs`).
//! * **Idempotent by id.** Writing the same batch again changes nothing: inserts skip documents that exist, the other
//!   operations replace a document with the same one. With `order`, a late write loses against a newer one and against
//!   a newer delete (`ordered.rs`).
//! * **One write a document.** Of the writes of one id in a batch, those that a later one supersedes are skipped.
//!   Batches that name a document in common are written one after the other. Both are in `runtime/egress/common`.
//! * **Every result is checked.** A statement is atomic; a record that the database refuses (an `ASSERT`, a type, a
//!   unique index) is isolated by bisection and reported with the database's reason, and the rest is written
//!   (`bisect.rs` of `runtime/egress/common`). A fault of the database, and not of a record, refuses no record
//!   (`classify.rs`).
//! * **Durable.** `Ok` from an embedded store on disk means that the write survives `kill -9` and loss of power:
//!   SurrealKV appends a commit to its log and, in its mode `sync=every`, calls fsync before the commit returns; the
//!   log's directory is synced whenever a log is created. That mode is SurrealDB 3.3's default, but an address can
//!   override it, so our address always sets it.
//!   Commits that arrive together share one fsync; it costs 0.1 to 0.3 ms a statement on an SSD, below a microsecond a
//!   row of a full batch. A log that a crash has left is emptied before anything is written (`embedded.rs`), after an
//!   error of its files the store is reopened (`store.rs`), and a batch ends with a check that every sync so far has
//!   succeeded (`wal_sync.rs`). `mem://` keeps nothing. A server keeps what its operator has configured.
//! * **Bounded.** Every statement has a deadline, in the database and here, and a limit of rows and bytes
//!   (`plan.rs`). SurrealDB's futures run on threads of their own (`runtime.rs`).
//!
//! The first write that names a table, namespace or database creates it, if the user is allowed to; an operator who
//! wants fields, assertions and indexes defines them, before or later.

mod classify;
mod client;
pub mod config;
mod connections;
mod connector;
mod datetime;
mod embedded;
mod executor;
mod files;
mod insert;
mod number;
mod options;
mod ordered;
mod plan;
mod probe;
mod query;
mod runtime;
mod schema_types;
mod store;
mod table_schema;
mod url;
mod value;
mod wal_sync;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_egress_common::bisect::{self, Attempt};
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, QueryError, Queryable, Write, WriteReport},
};
use parking_lot::Mutex;

use crate::{
    classify::Fault,
    executor::Executor,
    insert::Insert,
    ordered::Ordered,
    plan::{Chain, Item, Plan},
    store::Store,
};

pub use config::SurrealDb;
pub use connections::Connections;
pub use connector::SurrealDbSink;
pub use datetime::{DatetimeField, DatetimeForm};
pub use options::{Credentials, SurrealOptions};
pub use query::{QUERY_BYTES_MAX, ROW_DEPTH_MAX};
pub use url::{InvalidUrl, SurrealUrl};

/// The batches that SurrealDB writes best.
pub(crate) const BATCH_WISH: BatchWish = BatchWish::DEFAULT;

/// How long another process may have the database open before the operator is notified. One that is just closing is
/// free by then.
const NOTIFY_AFTER: Duration = Duration::from_secs(1);

/// A SurrealDB database that documents are written to and queried from.
pub struct SurrealEgress {
    /// `None` once closed.
    store: Mutex<Option<Arc<Store>>>,
    options: Arc<SurrealOptions>,
}

impl SurrealEgress {
    pub(crate) fn new(store: Arc<Store>, options: SurrealOptions) -> Self {
        Self {
            store: Mutex::new(Some(store)),
            options: Arc::new(options),
        }
    }

    /// Returns a message for the operator if another process has the embedded database open; opening it waits for that
    /// process.
    pub fn in_use(&self) -> Option<String> {
        let store = self.store.lock().clone();
        store.and_then(|store| store.in_use())
    }

    /// Waits until the database answers. If an embedded database is open in another process, calls `notify` once,
    /// after a second, with a message for the operator.
    pub async fn ready_or_notify(&self, notify: impl FnOnce(String)) -> Result<(), EgressError> {
        let ready = self.ready();
        tokio::pin!(ready);
        if let Ok(ready) = tokio::time::timeout(NOTIFY_AFTER, &mut ready).await {
            return ready;
        }
        if let Some(in_use) = self.in_use() {
            let limit = self.options.connect_timeout.as_secs();
            notify(format!("waiting up to {limit} s for a database: {in_use}"));
        }
        ready.await
    }

    /// Returns the fields out of `fields` that a table refuses, because it is `SCHEMAFULL` and does not define them.
    pub async fn undefined_fields(&self, table: &str, fields: &[&str]) -> Result<Vec<String>, EgressError> {
        let fields = async { table_schema::undefined_fields(&self.executor()?, table, fields).await };
        fields.await.map_err(|fault| self.error(fault))
    }

    /// Runs SurrealQL and returns one JSON value for each statement: its result, or `{"error": "…"}`. Refuses
    /// statements that may write, unless `write` is set.
    pub async fn query(&self, surql: &str, write: bool) -> Result<Vec<serde_json::Value>, QueryError> {
        let executor = self
            .executor()
            .map_err(|fault| QueryError::Unavailable(self.error(fault).to_string()))?;
        query::run(&executor, surql, write).await
    }

    fn executor(&self) -> Result<Executor, Fault> {
        let store = self.store.lock().clone();
        let store = store.ok_or_else(|| Fault::Busy("the connection was closed".to_owned()))?;
        Ok(Executor {
            store,
            options: Arc::clone(&self.options),
        })
    }

    fn error(&self, fault: Fault) -> EgressError {
        fault.into_egress_error(&self.options.url.to_string())
    }
}

#[async_trait]
impl Egress for SurrealEgress {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        let Plan {
            mut bulk,
            mut ordered,
            refused,
        } = Plan::sort(writes, &self.options.datetime_fields).await;
        let mut report = WriteReport {
            refused,
            ..WriteReport::default()
        };
        let writing = async {
            let executor = self.executor()?;
            let documents = bulk.iter().chain(&ordered).filter_map(Chain::document);
            let _claim = executor.claim(documents).await;
            write_all(&Insert(&executor), &mut bulk, &mut report).await?;
            write_all(&Ordered(&executor), &mut ordered, &mut report).await?;
            executor.sync().await
        };
        writing.await.map_err(|fault| self.error(fault))?;
        report.refused.sort_by_key(|(place, _)| *place);
        Ok(report)
    }

    fn targets(&self) -> &Targets {
        &self.options.tables
    }

    fn batch_wish(&self) -> BatchWish {
        BATCH_WISH
    }

    async fn ready(&self) -> Result<(), EgressError> {
        let answer = async { self.executor()?.ping().await };
        answer.await.map_err(|fault| self.error(fault))
    }

    fn queryable(&self) -> Option<&dyn Queryable> {
        Some(self)
    }

    /// Shuts an embedded database down with its last egress, and waits until its files are unlocked.
    async fn close(&self) -> Result<(), EgressError> {
        let store = self.store.lock().take();
        match store.and_then(Arc::into_inner) {
            Some(store) => store.close().await.map_err(|fault| self.error(fault)),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Queryable for SurrealEgress {
    async fn run_query(&self, statements: &str, write: bool) -> Result<Vec<serde_json::Value>, QueryError> {
        self.query(statements, write).await
    }
}

async fn write_all<'w, A>(with: &A, chains: &mut [Chain<'w>], report: &mut WriteReport) -> Result<(), Fault>
where
    A: Attempt<Item<'w>, Fault = Fault>,
{
    for statement in plan::statements(chains) {
        let done = bisect::write(with, statement).await?;
        report.unchanged += done.unchanged;
        report.refused.extend(done.refused);
    }
    Ok(())
}
