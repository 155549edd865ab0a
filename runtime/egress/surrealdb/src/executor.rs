//! Runs statements on a connection that may be lost, and checks the result of each.

use std::{sync::Arc, time::Duration};

use danube_wasm_egress_common::Claim;
use rand::Rng as _;
use surrealdb::{
    IndexedResults,
    types::{ErrorDetails, Object, QueryError, Value},
};

use crate::{SurrealOptions, classify::Fault, ordered, runtime, store::Store};

/// How often a statement is retried after a conflict with another transaction.
const CONFLICTS_MAX: u32 = 6;

/// Longest pause before the first retry, in milliseconds; doubled for each further one.
const CONFLICT_PAUSE_MS: u64 = 5;

/// How much longer our timeout is than the database's, which ends a statement cleanly.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the statements of one call.
pub(crate) struct Executor {
    pub(crate) store: Arc<Store>,
    pub(crate) options: Arc<SurrealOptions>,
}

impl Executor {
    /// Runs a script and returns the last value that it produced. Retries after conflicts, so `variables` may be
    /// called more than once.
    pub(crate) async fn statement(
        &self,
        what: &'static str,
        text: &str,
        mut variables: impl FnMut() -> Object,
    ) -> Result<Value, Fault> {
        let mut conflicts = 0;
        loop {
            match self.try_statement(what, text, variables()).await {
                Err(Fault::Conflict(_)) if conflicts < CONFLICTS_MAX => {
                    let pause = rand::rng().random_range(0..=CONFLICT_PAUSE_MS << conflicts);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    conflicts += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Waits until no other batch of this process writes these documents, each given by table and id.
    pub(crate) async fn claim<'d>(&self, documents: impl Iterator<Item = (&'d str, &'d str)>) -> Claim<'_> {
        let (namespace, database) = (&self.options.namespace, &self.options.database);
        let documents = documents.map(|(table, id)| (namespace, database, table, id));
        self.store.claims.claim(documents).await
    }

    /// Checks that the database accepts a write.
    pub(crate) async fn probe(&self) -> Result<(), Fault> {
        self.statement("probe", ordered::PROBE, Object::new).await.map(drop)
    }

    /// Checks that the database answers.
    pub(crate) async fn ping(&self) -> Result<(), Fault> {
        self.statement("ready", "RETURN true", Object::new).await.map(drop)
    }

    /// Makes sure that what a batch wrote, and what it found already written, is on disk.
    pub(crate) async fn sync(&self) -> Result<(), Fault> {
        let session = self.store.session(&self.options).await?;
        let Some(wal_sync) = session.wal_sync.clone() else {
            return Ok(());
        };
        let work = async move {
            let synced = tokio::task::spawn_blocking(move || wal_sync.sync()).await;
            let synced = synced.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
            synced.map_err(|error| Fault::Storage(format!("the log is not on disk: {error}")))
        };
        let limit = self.options.request_timeout + GRACE;
        let synced = runtime::run_on(&session.threads, limit, "sync", work).await;
        if let Err(fault) = &synced {
            self.store.discard(&session, fault).await;
        }
        synced
    }

    async fn try_statement(&self, what: &'static str, text: &str, variables: Object) -> Result<Value, Fault> {
        let last = |results: &mut IndexedResults| {
            check(results)?;
            let mut last = Value::None;
            for statement in 0..results.num_statements() {
                match results.take::<Value>(statement) {
                    Ok(Value::None) => {}
                    Ok(value) => last = value,
                    Err(error) => return Err(Fault::from_error(&error)),
                }
            }
            Ok(last)
        };
        self.run(what, text.to_owned(), variables, last).await
    }

    /// Runs a script and reads the results of its statements, errors included. A fault that ends the connection
    /// discards it on SurrealDB's threads, even if the caller no longer waits.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        text: String,
        variables: Object,
        read: impl FnOnce(&mut IndexedResults) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let current = self.store.session(&self.options).await?;
        let (store, session) = (Arc::clone(&self.store), Arc::clone(&current));
        let work = async move {
            let answer = session.client.query(text, variables).await;
            let answer = answer.map_err(|error| Fault::from_error(&error));
            let answer = answer.and_then(|mut results| read(&mut results));
            if let Err(fault) = &answer {
                store.discard(&session, fault).await;
            }
            answer
        };
        let answer = runtime::run_on(&current.threads, self.options.request_timeout + GRACE, what, work).await;
        if let Err(fault) = &answer {
            // After a timeout the work has not discarded the session.
            self.store.discard(&current, fault).await;
        }
        answer
    }
}

/// Returns the error that made a script fail, if one did. In a transaction all other statements fail as a consequence.
fn check(results: &mut IndexedResults) -> Result<(), Fault> {
    let mut errors: Vec<_> = results.take_errors().into_iter().collect();
    errors.sort_by_key(|(statement, error)| (is_consequence(error), *statement));
    match errors.first() {
        Some((_, error)) => Err(Fault::from_error(error)),
        None => Ok(()),
    }
}

fn is_consequence(error: &surrealdb::Error) -> bool {
    matches!(
        error.details(),
        ErrorDetails::Query(Some(QueryError::NotExecuted | QueryError::Cancelled))
    ) || error
        .message()
        .starts_with("The query was not executed due to a failed transaction")
}
