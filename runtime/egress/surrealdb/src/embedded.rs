//! A store on disk, opened and closed in a way that survives crashes and failing disks.
//!
//! SurrealKV (0.21.4) as it is opened by the `surrealdb` crate (3.3.5) does not, in these ways, each shown by the tests in
//! `tests/surrealdb/disk/`:
//!
//! * **A log that somebody left behind is appended to, in vain.** What a crash tears off at the end of a log is either not
//!   noticed, and the next start cuts off everything behind the tear, or it is mended by putting another file in the log's
//!   place, and everything is written to the one that has lost its name. And what a failed sync did not write is still in
//!   the page cache: read back, found to be there, and gone with the power. So a log that is not empty is never opened for
//!   writing: the store is opened and closed, which moves what the log holds to tables, in new files that are synced,
//!   and then opened with a new log.
//! * **An open that fails half-way keeps the lock.** Its tasks and a thread wait for work for ever, with the store in their
//!   hands. So every store has a runtime of its own, that ends with it, and a datastore that was opened is shut down
//!   whatever comes next; therefore it is opened here and handed to the client.
//! * **Long values are lost to a full disk.** SurrealKV keeps those of 4 KiB and more in files of their own. A write of
//!   such a file that fails leaves it with a wrong idea of where it is; the next table points beside the values, and a
//!   torn file keeps the store from being opened at all. So values stay in the tables; a store that has such files
//!   already, because somebody else has made it, keeps them.
//! * **Syncs fail without a word** (`wal_sync.rs`).
//! * **Nobody makes the directory's name durable** (`files.rs`).

use std::{io, path::Path, sync::Arc, time::Duration};

use surrealdb::{Surreal, engine::local::Db};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
};

use crate::{
    classify::Fault,
    files::{self, until_free},
    options::SurrealOptions,
    runtime,
    store::opening,
    url::SurrealUrl,
    wal_sync::WalSync,
};

/// Longest wait for a store to let go of its files when it is closed. Its own shutdown waits this long for its tasks.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(15);

/// That somebody else has the store, and who.
pub(crate) fn in_use(directory: &Path) -> String {
    let process = match files::holder(directory) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    format!(
        "{process} has the database in {} open, and only one can: stop that process, or give this one a database of its own",
        directory.display()
    )
}

/// An open store. It closes when it is dropped; [`Embedded::close`] waits for that.
pub(crate) struct Embedded {
    /// Always there until it closes.
    parts: Option<Parts>,
}

struct Parts {
    runtime: Runtime,
    datastore: Arc<Datastore>,
    /// As long as there is one, the `surrealdb` crate does not shut the datastore down by itself.
    client: Option<Surreal<Db>>,
}

/// Opens the store in `directory`, which is made if it is not there.
pub(crate) async fn open(
    directory: &Path,
    url: &SurrealUrl,
    options: &SurrealOptions,
) -> Result<(Surreal<Db>, WalSync, Embedded), Fault> {
    files::make_directory(directory)
        .map_err(|error| Fault::Busy(format!("{} cannot be created: {error}", directory.display())))?;
    // It may have been closed a moment ago, here or in a process that is ending.
    if !until_free(directory, options.connect_timeout).await {
        return Err(Fault::Busy(in_use(directory)));
    }
    let unusable = |error: io::Error| Fault::Storage(format!("{} cannot be used: {error}", directory.display()));
    if files::has_log(directory).map_err(unusable)? {
        tracing::info!(%url, "the store was not closed: its log is moved to tables first");
        start(directory, url, options).await?.close().await;
        if !until_free(directory, CLOSE_MAX).await || files::has_log(directory).map_err(unusable)? {
            return Err(Fault::Storage(format!(
                "what was written before the store in {} was last closed is in its log and cannot be moved to its tables; \
                 is the disk full?",
                directory.display()
            )));
        }
    }
    let mut store = start(directory, url, options).await?;
    let (client, wal_sync) = attach(directory, url, &store).await?;
    if let Some(parts) = &mut store.parts {
        parts.client = Some(client.clone());
    }
    Ok((client, wal_sync, store))
}

async fn attach(directory: &Path, url: &SurrealUrl, store: &Embedded) -> Result<(Surreal<Db>, WalSync), Fault> {
    let wal_sync = WalSync::of(directory).map_err(|error| {
        Fault::Storage(format!(
            "the log of the store in {} is not on disk: {error}",
            directory.display()
        ))
    })?;
    let client = store.client().await.map_err(|error| opening(&error, url))?;
    Ok((client, wal_sync))
}

/// Opens it as the `surrealdb` crate does.
async fn start(directory: &Path, url: &SurrealUrl, options: &SurrealOptions) -> Result<Embedded, Fault> {
    let runtime = runtime::build().map_err(Fault::Busy)?;
    let (endpoint, timeout) = (url.endpoint(), options.request_timeout);
    // One that cannot be looked at cannot be opened either, and says why.
    let values_apart = files::has_values(directory).unwrap_or(false);
    let config = ConfigMap::empty().with_key_value("surrealkv_enable_vlog", values_apart.to_string());
    let starting = runtime.spawn(async move {
        let builder = Datastore::builder()
            .with_config(config)
            .with_query_timeout(Some(timeout))
            .without_maintenance_tasks();
        let datastore = builder
            .build_with_path(&endpoint)
            .await
            .map_err(|error| error.to_string())?;
        if let Err(error) = bring_up(&datastore).await {
            let _ = datastore.shutdown().await;
            return Err(error);
        }
        Ok(datastore)
    });
    let started = starting.await.unwrap_or_else(|panic| Err(panic.to_string()));
    match started {
        Ok(datastore) => Ok(Embedded {
            parts: Some(Parts {
                runtime,
                datastore,
                client: None,
            }),
        }),
        Err(message) => {
            runtime.shutdown_background();
            Err(opening(&surrealdb::Error::internal(message), url))
        }
    }
}

async fn bring_up(datastore: &Arc<Datastore>) -> Result<(), String> {
    datastore.check_version().await.map_err(|error| error.to_string())?;
    datastore.bootstrap().await.map_err(|error| error.to_string())?;
    datastore.start_maintenance_tasks();
    Ok(())
}

impl Embedded {
    /// Where everything that has to do with this store runs.
    pub(crate) fn runtime(&self) -> Handle {
        self.parts().runtime.handle().clone()
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("there until it closes")
    }

    async fn client(&self) -> surrealdb::Result<Surreal<Db>> {
        let datastore = Arc::clone(&self.parts().datastore);
        let client = self
            .runtime()
            .spawn(Surreal::<Db>::unstable_from_datastore(datastore, None));
        client
            .await
            .unwrap_or_else(|panic| Err(surrealdb::Error::internal(panic.to_string())))
    }

    /// Moves what it holds to tables if the disk lets it, and lets go of its files soon.
    pub(crate) async fn close(mut self) {
        if let Some(closed) = self.begin_close() {
            // The sender is gone when it is done, whether it has said so or not.
            let _ = closed.await;
        }
    }

    /// On a thread of its own: neither this store's nor anybody else's may wait for the end of a runtime.
    fn begin_close(&mut self) -> Option<oneshot::Receiver<()>> {
        let parts = self.parts.take()?;
        let (done, closed) = oneshot::channel();
        let closing = move || {
            parts.close();
            let _ = done.send(());
        };
        let thread = std::thread::Builder::new().name("surrealdb-close".to_owned());
        if let Err(error) = thread.spawn(closing) {
            tracing::warn!(%error, "the store cannot be closed: no thread");
        }
        Some(closed)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.begin_close();
    }
}

impl Parts {
    /// SurrealKV, dropped where there is a runtime, begins to close a second time. What failed the first time is in no
    /// state to be tried again, so the runtime goes first. So does it before the last client: the `surrealdb` crate would
    /// shut the datastore down once more, and log that it is shut down already.
    fn close(self) {
        let Self {
            runtime,
            datastore,
            client,
        } = self;
        let closing = Arc::clone(&datastore);
        let shutdown = runtime.spawn(async move { closing.shutdown().await });
        match runtime.block_on(async { tokio::time::timeout(CLOSE_MAX, shutdown).await }) {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the store did not shut down cleanly"),
            Ok(Err(panic)) => tracing::warn!(error = %panic, "the store did not shut down cleanly"),
            Err(_) => tracing::warn!("the store did not shut down in {} s", CLOSE_MAX.as_secs()),
        }
        runtime.shutdown_background();
        drop(client);
        drop(datastore);
    }
}
