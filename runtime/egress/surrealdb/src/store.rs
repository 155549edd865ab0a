//! One database connection, or one embedded database, and the sessions on it.
//!
//! A connection is opened when it is needed and thrown away whole when it is lost; the next call opens another. The
//! `surrealdb` crate also reconnects WebSockets by itself, but replays sign-in and namespace without looking at the
//! answers, for ever, and with a token that may have expired; a fresh connection is checked from the start.
//!
//! A store on disk is thrown away after any error of its files, too: nothing that it does afterwards can be trusted, and
//! opening it anew (`embedded.rs`) puts what it holds into new files.

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

/// What the outer wait for a connection is longer than the inner one, whose reason is the better one.
const GRACE: Duration = Duration::from_millis(500);

/// A namespace and a database.
type Scope = (String, String);

/// A signed-in session in one database.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Where its statements run.
    pub(crate) threads: Handle,
    /// Of a store on disk.
    pub(crate) wal_sync: Option<Arc<WalSync>>,
}

pub(crate) struct Store {
    url: SurrealUrl,
    pub(crate) claims: Claims,
    open: Mutex<Option<Open>>,
}

struct Open {
    /// Kept for the sessions to be made from.
    client: Client,
    threads: Handle,
    sessions: HashMap<Scope, Arc<Session>>,
    /// Of a store on disk, like the next.
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

    /// The session for these options, opened if there is none.
    pub(crate) async fn session(self: &Arc<Self>, options: &SurrealOptions) -> Result<Arc<Session>, Fault> {
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

    async fn session_here(&self, options: &SurrealOptions) -> Result<Arc<Session>, Fault> {
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
        if let Err(fault) = enter(Arc::clone(&session), self.url.clone(), options.clone()).await {
            // One that nobody has used, or that cannot be used any more, ends here.
            let goes_on = !connection.sessions.is_empty() && !matches!(fault, Fault::Storage(_));
            *open = Some(connection).filter(|_| goes_on);
            return Err(fault);
        }
        connection.sessions.insert(scope, Arc::clone(&session));
        *open = Some(connection);
        Ok(session)
    }

    /// That another process has the store, if that is what opening it waits for.
    pub(crate) fn in_use(&self) -> Option<String> {
        let directory = self.url.directory()?;
        // Held while it is opened, too.
        let is_open = self.open.try_lock().is_ok_and(|open| open.is_some());
        (!is_open && files::is_locked(directory)).then(|| embedded::in_use(directory))
    }

    /// Lets go of the connection that `session` belongs to, because of `fault`. Does nothing if that has been done, or
    /// if the fault leaves the connection usable.
    pub(crate) async fn discard(&self, session: &Arc<Session>, fault: &Fault) {
        let embedded_goes_on = self.url.is_embedded() && !matches!(fault, Fault::Storage(_));
        if !fault.ends_connection() || embedded_goes_on {
            return;
        }
        let mut open = self.open.lock().await;
        let is_current = |open: &mut Open| open.sessions.values().any(|current| Arc::ptr_eq(current, session));
        if open.take_if(is_current).is_some() {
            tracing::warn!(url = %self.url, ?fault, "the connection to SurrealDB is given up; the next write opens another");
        }
    }

    /// Shuts down and waits until the files of an embedded store are let go of.
    pub(crate) async fn close(&self) -> Result<(), Fault> {
        if let Some(embedded) = self.open.lock().await.take().and_then(|open| open.embedded) {
            embedded.close().await;
        }
        match self.url.directory() {
            Some(directory) if !files::until_free(directory, CLOSE_MAX).await => Err(Fault::Busy(format!(
                "the store in {} did not shut down within {} s; what was written is on disk",
                directory.display(),
                CLOSE_MAX.as_secs()
            ))),
            _ => Ok(()),
        }
    }
}

impl Open {
    fn session(&self) -> Session {
        Session {
            client: self.client.clone(),
            threads: self.threads.clone(),
            wal_sync: self.wal_sync.clone(),
        }
    }
}

async fn connect_to(url: &SurrealUrl, options: &SurrealOptions) -> Result<Open, Fault> {
    let (client, threads, disk) = if let Some(directory) = url.directory() {
        let (client, wal_sync, embedded) = embedded::open(directory, url, options).await?;
        let threads = embedded.runtime();
        (Client::Disk(client), threads, Some((Arc::new(wal_sync), embedded)))
    } else {
        if !url.is_embedded() {
            // Two cryptography providers are linked in, so rustls has to be told. Fails if it was told before.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let config = Config::new().query_timeout(options.request_timeout);
        let client = connect((url.endpoint(), config))
            .await
            .map_err(|error| opening(&error, url))?;
        (Client::Any(client), runtime::shared()?, None)
    };
    let (wal_sync, embedded) = disk.unzip();
    Ok(Open {
        client,
        threads,
        sessions: HashMap::new(),
        wal_sync,
        embedded,
    })
}

/// An error of opening concerns no record.
pub(crate) fn opening(error: &surrealdb::Error, url: &SurrealUrl) -> Fault {
    match Fault::of(error) {
        Fault::Record(message) if url.is_embedded() => Fault::Storage(message),
        Fault::Record(message) => Fault::Lost(message),
        fault => fault,
    }
}

/// Signs in, selects the database, and makes sure that it can be written.
async fn enter(session: Arc<Session>, url: SurrealUrl, options: SurrealOptions) -> Result<(), Fault> {
    let threads = session.threads.clone();
    let entering = threads.spawn(async move { enter_here(&session.client, &url, &options).await });
    match entering.await {
        Ok(entered) => entered,
        Err(panic) => Err(Fault::Storage(format!(
            "SurrealDB's client failed in entering: {panic}"
        ))),
    }
}

async fn enter_here(client: &Client, url: &SurrealUrl, options: &SurrealOptions) -> Result<(), Fault> {
    let fault = |error: surrealdb::Error| opening(&error, url);
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
