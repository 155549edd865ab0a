//! One database connection, or one embedded database, and the sessions on it.
//!
//! A connection is opened when it is needed and thrown away whole when it is lost; the next call opens another. The
//! `surrealdb` crate also reconnects WebSockets by itself, but replays sign-in and namespace without looking at the
//! answers, for ever, and with a token that may have expired; a fresh connection is checked from the start.
//!
//! An embedded store is thrown away after any error of its files, too: SurrealKV goes on appending to a log that may
//! have a torn record in its middle, and what is behind the tear is lost at the next start, acknowledged or not.
//! Opening the store anew cuts the log back to its last whole record first.

use std::{
    collections::HashMap,
    fs::File,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use surrealdb::{
    Surreal,
    engine::any::{Any, connect},
    opt::{Config, auth},
    types::Value,
};
use tokio::sync::Mutex;

use crate::{
    classify::Fault,
    options::{Credentials, SurrealOptions},
    ordered, runtime,
    url::SurrealUrl,
};

/// How often to look whether another owner has let go of the store's files.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Longest wait for a store to let go of its files when it is closed. Its own shutdown waits this long for its tasks.
const CLOSE_MAX: Duration = Duration::from_secs(15);

/// What the outer wait for a connection is longer than the inner one, whose reason is the better one.
const GRACE: Duration = Duration::from_millis(500);

/// A namespace and a database.
type Scope = (String, String);

/// A signed-in session in one database.
pub(crate) type Session = Arc<Surreal<Any>>;

pub(crate) struct Store {
    url: SurrealUrl,
    open: Mutex<Option<Open>>,
}

struct Open {
    /// Kept for the sessions to be made from.
    client: Surreal<Any>,
    sessions: HashMap<Scope, Session>,
}

impl Store {
    pub(crate) fn new(url: SurrealUrl) -> Self {
        Self {
            url,
            open: Mutex::new(None),
        }
    }

    /// The session for these options, opened if there is none.
    pub(crate) async fn session(self: &Arc<Self>, options: &SurrealOptions) -> Result<Session, Fault> {
        let store = Arc::clone(self);
        let options = options.clone();
        let limit = options.connect_timeout;
        let opening = async move {
            if store.url.is_embedded() {
                // Replaying a long log may take longer than one call wants to wait. The next call finds it open.
                return store.session_here(&options).await;
            }
            match tokio::time::timeout(limit, store.session_here(&options)).await {
                Ok(session) => session,
                Err(_) => Err(Fault::Lost(format!("no connection within {} ms", limit.as_millis()))),
            }
        };
        runtime::run(limit + GRACE, "connecting", opening).await
    }

    async fn session_here(&self, options: &SurrealOptions) -> Result<Session, Fault> {
        let scope = (options.namespace.clone(), options.database.clone());
        let mut open = self.open.lock().await;
        if let Some(session) = open.as_ref().and_then(|open| open.sessions.get(&scope)) {
            return Ok(Arc::clone(session));
        }
        let client = match open.as_ref() {
            Some(open) => open.client.clone(),
            None => connect_to(&self.url, options).await?,
        };
        let session = Arc::new(client.clone());
        enter(&session, &self.url, options).await?;
        let open = open.get_or_insert_with(|| Open {
            client,
            sessions: HashMap::new(),
        });
        open.sessions.insert(scope, Arc::clone(&session));
        Ok(session)
    }

    /// Lets go of the connection that `session` belongs to, because of `fault`. Does nothing if that has been done, or
    /// if the fault leaves the connection usable.
    pub(crate) async fn discard(&self, session: &Session, fault: &Fault) {
        let embedded_goes_on = self.url.is_embedded() && !matches!(fault, Fault::Storage(_));
        if !fault.ends_connection() || embedded_goes_on {
            return;
        }
        let mut open = self.open.lock().await;
        let is_current = |open: &Open| open.sessions.values().any(|current| Arc::ptr_eq(current, session));
        if open.as_ref().is_some_and(is_current) {
            tracing::warn!(url = %self.url, ?fault, "the connection to SurrealDB is given up; the next write opens another");
            *open = None;
        }
    }

    /// Shuts down and waits until the files of an embedded store are let go of.
    pub(crate) async fn close(&self) -> Result<(), Fault> {
        self.open.lock().await.take();
        let Some(directory) = self.url.directory() else {
            return Ok(());
        };
        let deadline = Instant::now() + CLOSE_MAX;
        while is_locked(directory) {
            if Instant::now() > deadline {
                return Err(Fault::Busy(format!(
                    "the store in {} did not shut down within {} s; what was written is on disk",
                    directory.display(),
                    CLOSE_MAX.as_secs()
                )));
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
        Ok(())
    }
}

/// SurrealKV holds a lock on this file while it is open.
fn is_locked(directory: &Path) -> bool {
    File::open(directory.join("LOCK")).is_ok_and(|file| file.try_lock_shared().is_err())
}

async fn connect_to(url: &SurrealUrl, options: &SurrealOptions) -> Result<Surreal<Any>, Fault> {
    if !url.is_embedded() {
        // Two cryptography providers are linked in, so rustls has to be told. Fails if it was told before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    if let Some(directory) = url.directory() {
        std::fs::create_dir_all(directory)
            .map_err(|error| Fault::Busy(format!("{} cannot be created: {error}", directory.display())))?;
    }
    let deadline = Instant::now() + options.connect_timeout;
    loop {
        let config = Config::new().query_timeout(options.request_timeout);
        match connect((url.endpoint(), config)).await {
            Ok(client) => return Ok(client),
            // It may have been closed a moment ago, here or in a process that is ending.
            Err(error) if error.message().contains("already locked by another process") => {
                if Instant::now() > deadline {
                    return Err(Fault::Busy(
                        "the store is open in another process; only one can have it".to_owned(),
                    ));
                }
                tokio::time::sleep(LOCK_POLL).await;
            }
            Err(error) => return Err(opening(&error, url)),
        }
    }
}

/// An error of opening concerns no record.
fn opening(error: &surrealdb::Error, url: &SurrealUrl) -> Fault {
    match Fault::of(error) {
        Fault::Record(message) if url.is_embedded() => Fault::Storage(message),
        Fault::Record(message) => Fault::Lost(message),
        fault => fault,
    }
}

/// Signs in, selects the database, and makes sure that it can be written.
async fn enter(session: &Surreal<Any>, url: &SurrealUrl, options: &SurrealOptions) -> Result<(), Fault> {
    let fault = |error: surrealdb::Error| opening(&error, url);
    if url.is_embedded() {
        if options.credentials.is_some() {
            tracing::warn!(%url, "an embedded database is opened by its owner: the credentials are not used");
        }
    } else {
        sign_in(session, options).await.map_err(fault)?;
    }
    session
        .use_ns(&options.namespace)
        .use_db(&options.database)
        .await
        .map_err(fault)?;
    let mut answer = session
        .query("RETURN $auth")
        .query(ordered::DEFINE_MARKS)
        .await
        .and_then(surrealdb::IndexedResults::check)
        .map_err(fault)?;
    match answer.take::<Value>(0).map_err(fault)? {
        Value::None | Value::Null => Ok(()),
        _ => Err(Fault::Configuration(
            "the token is a record user's, whose refused writes SurrealDB drops without a word; use a system user's"
                .to_owned(),
        )),
    }
}

async fn sign_in(session: &Surreal<Any>, options: &SurrealOptions) -> surrealdb::Result<()> {
    let (namespace, database) = (options.namespace.clone(), options.database.clone());
    match options.credentials.clone() {
        None => Ok(()),
        Some(Credentials::Root { username, password }) => {
            session.signin(auth::Root { username, password }).await.map(drop)
        }
        Some(Credentials::Namespace { username, password }) => {
            let user = auth::Namespace {
                namespace,
                username,
                password,
            };
            session.signin(user).await.map(drop)
        }
        Some(Credentials::Database { username, password }) => {
            let user = auth::Database {
                namespace,
                database,
                username,
                password,
            };
            session.signin(user).await.map(drop)
        }
        Some(Credentials::Token(token)) => session.authenticate(token).await.map(drop),
    }
}
