//! One connection, or one embedded database, and its sessions.
//!
//! A connection is opened when it is needed and discarded as a whole when it is lost; the next call opens another. The
//! `surrealdb` crate also reconnects WebSockets by itself, but it repeats sign-in and namespace without checking the
//! results, for ever, and with a token that may have expired; a new connection is checked from the start.
//!
//! A store on disk is also discarded after any error of its files: what it does afterwards cannot be trusted, and
//! reopening it (`embedded.rs`) moves its data to new files.

use std::{collections::HashMap, sync::Arc, time::Duration};

use danube_wasm_egress_common::Claims;
use surrealdb::{
    Surreal,
    engine::any::{Any, connect},
    opt::{Config, auth},
    types::{Object, Value},
};
use tokio::{runtime::Handle, sync::Mutex};

use crate::{
    classify::Fault,
    client::Client,
    embedded::{self, CLOSE_MAX, Embedded},
    files,
    options::{Credentials, SurrealOptions},
    ordered, runtime,
    url::SurrealUrl,
    wal_sync::WalSync,
};

/// How much longer the outer timeout of connecting is than the inner one, whose error is the more precise.
const GRACE: Duration = Duration::from_millis(500);

/// A namespace and a database.
type Scope = (String, String);

/// A signed-in session in one database.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The runtime that runs its statements.
    pub(crate) threads: Handle,
    /// Only for a store on disk.
    pub(crate) wal_sync: Option<Arc<WalSync>>,
}

pub(crate) struct Store {
    url: SurrealUrl,
    pub(crate) claims: Claims,
    open: Mutex<Option<Connection>>,
}

struct Connection {
    /// The client that sessions are cloned from.
    client: Client,
    threads: Handle,
    sessions: HashMap<Scope, Arc<Session>>,
    /// Only for a store on disk, like `embedded`.
    wal_sync: Option<Arc<WalSync>>,
    embedded: Option<Embedded>,
}

impl Store {
    pub(crate) fn new(url: SurrealUrl) -> Self {
        Self {
            url,
            claims: Claims::default(),
            open: Mutex::new(None),
        }
    }

    /// Returns the session for these options, and opens it if there is none.
    pub(crate) async fn session(self: &Arc<Self>, options: &SurrealOptions) -> Result<Arc<Session>, Fault> {
        let store = Arc::clone(self);
        let options = options.clone();
        let limit = options.connect_timeout;
        let opening = async move {
            if store.url.is_embedded() {
                // Replaying a long log may take longer than this call waits. It continues, and the next call finds the
                // store open.
                return store.open_session(&options).await;
            }
            match tokio::time::timeout(limit, store.open_session(&options)).await {
                Ok(session) => session,
                Err(_) => Err(Fault::Lost(format!("no connection within {} ms", limit.as_millis()))),
            }
        };
        runtime::run(limit + GRACE, "connecting", opening).await
    }

    async fn open_session(&self, options: &SurrealOptions) -> Result<Arc<Session>, Fault> {
        let scope = (options.namespace.clone(), options.database.clone());
        let mut open = self.open.lock().await;
        if let Some(session) = open.as_ref().and_then(|open| open.sessions.get(&scope)) {
            return Ok(Arc::clone(session));
        }
        let mut connection = match open.take() {
            Some(open) => open,
            None => connect_to(&self.url, options).await?,
        };
        let session = Arc::new(connection.session());
        if let Err(fault) = set_up(Arc::clone(&session), self.url.clone(), options.clone()).await {
            // A connection without other sessions, or one that is broken, is closed.
            let is_usable = !connection.sessions.is_empty() && !matches!(fault, Fault::Storage(_));
            *open = Some(connection).filter(|_| is_usable);
            return Err(fault);
        }
        connection.sessions.insert(scope, Arc::clone(&session));
        *open = Some(connection);
        Ok(session)
    }

    /// Returns a message if another process has the store open and opening it waits for that process.
    pub(crate) fn in_use(&self) -> Option<String> {
        let directory = self.url.directory()?;
        // The lock is also held while the store is opened.
        let is_open = self.open.try_lock().is_ok_and(|open| open.is_some());
        (!is_open && files::is_locked(directory)).then(|| embedded::in_use_message(directory))
    }

    /// Discards the connection of `session` because of `fault`. Does nothing if it is discarded already, or if the
    /// fault leaves the connection usable.
    pub(crate) async fn discard(&self, session: &Arc<Session>, fault: &Fault) {
        let is_usable_store = self.url.is_embedded() && !matches!(fault, Fault::Storage(_));
        if !fault.ends_connection() || is_usable_store {
            return;
        }
        let mut open = self.open.lock().await;
        let is_current = |open: &mut Connection| open.sessions.values().any(|current| Arc::ptr_eq(current, session));
        if open.take_if(is_current).is_some() {
            tracing::warn!(url = %self.url, ?fault, "the connection to SurrealDB is given up; the next write opens another");
        }
    }

    /// Shuts down and waits until the files of an embedded store are released.
    pub(crate) async fn close(&self) -> Result<(), Fault> {
        if let Some(embedded) = self.open.lock().await.take().and_then(|open| open.embedded) {
            embedded.close().await;
        }
        match self.url.directory() {
            Some(directory) if !files::wait_until_unlocked(directory, CLOSE_MAX).await => Err(Fault::Busy(format!(
                "the store in {} did not shut down within {} s; what was written is on disk",
                directory.display(),
                CLOSE_MAX.as_secs()
            ))),
            _ => Ok(()),
        }
    }
}

impl Connection {
    fn session(&self) -> Session {
        Session {
            client: self.client.clone(),
            threads: self.threads.clone(),
            wal_sync: self.wal_sync.clone(),
        }
    }
}

async fn connect_to(url: &SurrealUrl, options: &SurrealOptions) -> Result<Connection, Fault> {
    let (client, threads, disk) = if let Some(directory) = url.directory() {
        let (client, wal_sync, embedded) = embedded::open(directory, url, options).await?;
        let threads = embedded.runtime();
        (Client::Disk(client), threads, Some((Arc::new(wal_sync), embedded)))
    } else {
        if !url.is_embedded() {
            // Two cryptography providers are linked in, so rustls needs to know which to use. Fails harmlessly if one
            // is installed.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let config = Config::new().query_timeout(options.request_timeout);
        let client = connect((url.endpoint(), config))
            .await
            .map_err(|error| opening_fault(&error, url))?;
        (Client::Any(client), runtime::shared()?, None)
    };
    let (wal_sync, embedded) = disk.unzip();
    Ok(Connection {
        client,
        threads,
        sessions: HashMap::new(),
        wal_sync,
        embedded,
    })
}

/// Classifies an error of opening, which concerns no record.
pub(crate) fn opening_fault(error: &surrealdb::Error, url: &SurrealUrl) -> Fault {
    match Fault::from_error(error) {
        Fault::Record(message) if url.is_embedded() => Fault::Storage(message),
        Fault::Record(message) => Fault::Lost(message),
        fault => fault,
    }
}

/// Signs in, selects the database, and checks that it can be written.
async fn set_up(session: Arc<Session>, url: SurrealUrl, options: SurrealOptions) -> Result<(), Fault> {
    let threads = session.threads.clone();
    let setting_up = threads.spawn(async move { set_up_client(&session.client, &url, &options).await });
    match setting_up.await {
        Ok(result) => result,
        Err(panic) => Err(Fault::Storage(format!(
            "SurrealDB's client failed in entering: {panic}"
        ))),
    }
}

async fn set_up_client(client: &Client, url: &SurrealUrl, options: &SurrealOptions) -> Result<(), Fault> {
    let fault = |error: surrealdb::Error| opening_fault(&error, url);
    match client {
        Client::Any(client) if !url.is_embedded() => sign_in(client, options).await.map_err(fault)?,
        _ if options.credentials.is_some() => {
            tracing::warn!(%url, "an embedded database is opened by its owner: the credentials are not used");
        }
        _ => {}
    }
    client
        .select(&options.namespace, &options.database)
        .await
        .map_err(fault)?;
    let script = format!("RETURN $auth; {}", ordered::DEFINE_MARKS);
    let mut answer = client
        .query(script, Object::new())
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
