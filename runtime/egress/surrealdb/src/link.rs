//! Statements over a connection that may be lost, with every statement's answer looked at.

use std::{sync::Arc, time::Duration};

use rand::Rng as _;
use surrealdb::{
    IndexedResults,
    types::{ErrorDetails, Object, QueryError, Value},
};

use crate::{
    SurrealOptions,
    classify::Fault,
    ordered, runtime,
    store::{Session, Store},
};

/// How often a statement is done again after another transaction got in its way.
const CONFLICTS_MAX: u32 = 6;

/// Longest pause before the first of these, in milliseconds; doubled for each.
const CONFLICT_PAUSE_MS: u64 = 5;

/// What our own wait is longer than the database's, which ends a statement cleanly.
const GRACE: Duration = Duration::from_secs(1);

/// A way to one database, for the length of one call.
pub(crate) struct Link {
    pub(crate) store: Arc<Store>,
    pub(crate) options: Arc<SurrealOptions>,
}

impl Link {
    /// Does one script and gives the last value that it returned. Conflicts are tried again here, which
    /// is why the variables are made on demand.
    pub(crate) async fn statement(
        &self,
        what: &'static str,
        text: &'static str,
        mut variables: impl FnMut() -> Object,
    ) -> Result<Value, Fault> {
        let mut conflicts = 0;
        loop {
            match self.once(what, text, variables()).await {
                Err(Fault::Conflict(_)) if conflicts < CONFLICTS_MAX => {
                    let pause = rand::rng().random_range(0..=CONFLICT_PAUSE_MS << conflicts);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    conflicts += 1;
                }
                answer => return answer,
            }
        }
    }

    /// That the database takes a write.
    pub(crate) async fn probe(&self) -> Result<(), Fault> {
        self.statement("probe", ordered::PROBE, Object::new).await.map(drop)
    }

    /// That the database answers.
    pub(crate) async fn answers(&self) -> Result<(), Fault> {
        self.statement("ready", "RETURN true", Object::new).await.map(drop)
    }

    async fn once(&self, what: &'static str, text: &'static str, variables: Object) -> Result<Value, Fault> {
        let mut results = self.run(what, text.to_owned(), variables).await?;
        check(&mut results)?;
        let mut last = Value::None;
        for statement in 0..results.num_statements() {
            match results.take::<Value>(statement) {
                Ok(Value::None) => {}
                Ok(value) => last = value,
                Err(error) => return Err(Fault::of(&error)),
            }
        }
        Ok(last)
    }

    /// Runs a text and returns each statement's answer, errors among them.
    pub(crate) async fn run(
        &self,
        what: &'static str,
        text: String,
        variables: Object,
    ) -> Result<IndexedResults, Fault> {
        let session = self.store.session(&self.options).await?;
        let answer = self.run_on(Arc::clone(&session), what, text, variables).await;
        if let Err(fault) = &answer {
            self.store.discard(&session, fault).await;
        }
        answer
    }

    async fn run_on(
        &self,
        session: Session,
        what: &'static str,
        text: String,
        variables: Object,
    ) -> Result<IndexedResults, Fault> {
        let work = async move {
            let answer = session.query(text).bind(variables).await;
            answer.map_err(|error| Fault::of(&error))
        };
        runtime::run(self.options.request_timeout + GRACE, what, work).await
    }
}

/// The error that failed a script, if one did. In a transaction every other statement fails too, only because of it.
fn check(results: &mut IndexedResults) -> Result<(), Fault> {
    let mut errors: Vec<_> = results.take_errors().into_iter().collect();
    errors.sort_by_key(|(statement, error)| (is_consequence(error), *statement));
    match errors.first() {
        Some((_, error)) => Err(Fault::of(error)),
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
