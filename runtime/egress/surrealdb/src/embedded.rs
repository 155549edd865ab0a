//! Opens and closes a store on disk so that it survives crashes and failing disks.
//!
//! SurrealKV (0.21.4), opened by the `surrealdb` crate (3.3.5), does not survive the following, each shown by the tests
//! in `tests/surrealdb/disk/`:
//!
//! * **Appending to a log that was left behind.** A log that a crash has torn at its end is either not recognised as
//!   torn, and the next start cuts off everything after the tear; or it is repaired by putting another file in its
//!   place, and new writes go to the file that no longer has a name. And data that a failed sync did not write is
//!   still in the page cache: it can be read back, and is lost with the power. So a log that is not empty is never
//!   opened for writing: the store is opened and closed, which moves the log's data to tables, in new files that are
//!   synced, and then opened with a new log.
//! * **A failed open keeps the lock.** Its tasks and a thread wait for work for ever and keep references to the store.
//!   So every store has its own runtime, which ends with it, and a datastore that was opened is always shut down;
//!   therefore we open it here and pass it to the client.
//! * **A full disk loses long values.** SurrealKV keeps values of 4 KiB and more in files of their own. A failed write
//!   to such a file leaves SurrealKV with a wrong offset; the next table points beside the values, and a torn file
//!   keeps the store from being opened at all. So values stay in the tables, except in a store that has such files
//!   already because another program has created it.
//! * **Syncs fail silently** (`wal_sync.rs`).
//! * **The directory's name is not made durable** (`files.rs`).

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
    files::{self, wait_until_unlocked},
    options::SurrealOptions,
    runtime,
    store::opening_fault,
    url::SurrealUrl,
    wal_sync::WalSync,
};

/// Longest wait for a store to release its files when it is closed. SurrealKV's own shutdown waits this long for its
/// tasks.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(15);

/// Returns the message that another process has the store open, and which one.
pub(crate) fn in_use_message(directory: &Path) -> String {
    let process = match files::lock_holder(directory) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    format!(
        "{process} has the database in {} open, and only one can: stop that process, or give this one a database of its own",
        directory.display()
    )
}

/// An open store. Dropping it closes it in the background; [`Embedded::close`] waits for that.
pub(crate) struct Embedded {
    /// `None` once it closes.
    parts: Option<Parts>,
}

struct Parts {
    runtime: Runtime,
    datastore: Arc<Datastore>,
    /// Kept because the `surrealdb` crate shuts the datastore down when its last client is dropped.
    client: Option<Surreal<Db>>,
}

/// Opens the store in `directory`, and creates it if it does not exist.
pub(crate) async fn open(
    directory: &Path,
    url: &SurrealUrl,
    options: &SurrealOptions,
) -> Result<(Surreal<Db>, WalSync, Embedded), Fault> {
    files::create_directory(directory)
        .map_err(|error| Fault::Busy(format!("{} cannot be created: {error}", directory.display())))?;
    // It may still be closing, in this process or in one that is exiting.
    if !wait_until_unlocked(directory, options.connect_timeout).await {
        return Err(Fault::Busy(in_use_message(directory)));
    }
    let unusable = |error: io::Error| Fault::Storage(format!("{} cannot be used: {error}", directory.display()));
    if files::has_wal(directory).map_err(unusable)? {
        tracing::info!(%url, "the store was not closed: its log is moved to tables first");
        open_datastore(directory, url, options).await?.close().await;
        if !wait_until_unlocked(directory, CLOSE_MAX).await || files::has_wal(directory).map_err(unusable)? {
            return Err(Fault::Storage(format!(
                "what was written before the store in {} was last closed is in its log and cannot be moved to its tables; \
                 is the disk full?",
                directory.display()
            )));
        }
    }
    let mut store = open_datastore(directory, url, options).await?;
    let (client, wal_sync) = attach(directory, url, &store).await?;
    if let Some(parts) = &mut store.parts {
        parts.client = Some(client.clone());
    }
    Ok((client, wal_sync, store))
}

async fn attach(directory: &Path, url: &SurrealUrl, store: &Embedded) -> Result<(Surreal<Db>, WalSync), Fault> {
    let wal_sync = WalSync::open(directory).map_err(|error| {
        Fault::Storage(format!(
            "the log of the store in {} is not on disk: {error}",
            directory.display()
        ))
    })?;
    let client = store.client().await.map_err(|error| opening_fault(&error, url))?;
    Ok((client, wal_sync))
}

/// Opens the datastore as the `surrealdb` crate does.
async fn open_datastore(directory: &Path, url: &SurrealUrl, options: &SurrealOptions) -> Result<Embedded, Fault> {
    let runtime = runtime::build().map_err(Fault::Busy)?;
    let (endpoint, timeout) = (url.endpoint(), options.request_timeout);
    // A directory that cannot be read cannot be opened either, and opening reports why.
    let has_value_log = files::has_value_log(directory).unwrap_or(false);
    let config = ConfigMap::empty().with_key_value("surrealkv_enable_vlog", has_value_log.to_string());
    let opening = runtime.spawn(async move {
        let builder = Datastore::builder()
            .with_config(config)
            .with_query_timeout(Some(timeout))
            .without_maintenance_tasks();
        let datastore = builder
            .build_with_path(&endpoint)
            .await
            .map_err(|error| error.to_string())?;
        if let Err(error) = bootstrap(&datastore).await {
            let _ = datastore.shutdown().await;
            return Err(error);
        }
        Ok(datastore)
    });
    let opened = opening.await.unwrap_or_else(|panic| Err(panic.to_string()));
    match opened {
        Ok(datastore) => Ok(Embedded {
            parts: Some(Parts {
                runtime,
                datastore,
                client: None,
            }),
        }),
        Err(message) => {
            runtime.shutdown_background();
            Err(opening_fault(&surrealdb::Error::internal(message), url))
        }
    }
}

async fn bootstrap(datastore: &Arc<Datastore>) -> Result<(), String> {
    datastore.check_version().await.map_err(|error| error.to_string())?;
    datastore.bootstrap().await.map_err(|error| error.to_string())?;
    datastore.start_maintenance_tasks();
    Ok(())
}

impl Embedded {
    /// Returns the runtime that runs everything of this store.
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

    /// Moves the log's data to tables, if the disk allows it, and releases the files.
    pub(crate) async fn close(mut self) {
        if let Some(closed) = self.begin_close() {
            // The sender is dropped when closing ends, also if it sent nothing.
            let _ = closed.await;
        }
    }

    /// Closes on a thread of its own: no runtime's thread may block until a runtime ends.
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
    /// Dropping SurrealKV inside a runtime closes it a second time, which is unsafe after a close that failed, so the
    /// runtime is dropped first. It is also dropped before the last client: otherwise the `surrealdb` crate would shut
    /// the datastore down once more, and log that it is shut down already.
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
