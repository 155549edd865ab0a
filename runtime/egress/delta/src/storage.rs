//! The store that a table is in: a bucket, a container, or this machine's disk.

mod dialed;
mod local;
mod open;
mod threads;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, path::Path};
use tokio::runtime::Handle;

pub use open::TableUrl;
pub(crate) use open::{StoreKind, check_option, is_allow_http, open};
pub(crate) use threads::StoreThreads;

use crate::error::TableError;

/// A table's part of a store. Its functions block, on a thread that runs no tasks.
#[derive(Clone)]
pub(crate) struct TableStore {
    objects: Arc<dyn ObjectStore>,
    root: String,
    prefix: Path,
    threads: Arc<StoreThreads>,
}

impl TableStore {
    /// The store of a table. `threads` do its work.
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, url: &TableUrl, threads: Arc<StoreThreads>) -> Self {
        Self {
            objects,
            root: url.root().to_owned(),
            prefix: url.prefix(),
            threads,
        }
    }

    /// The whole store.
    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// The table's URL, with `/` at its end.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// What works for it.
    pub(crate) fn runtime(&self) -> &Handle {
        self.threads.handle()
    }

    /// Waits before another try.
    pub(crate) fn pause(&self, time: Duration) {
        self.runtime().block_on(async { tokio::time::sleep(time).await });
    }

    /// Whether there is a table.
    pub(crate) fn has_log(&self) -> Result<bool, TableError> {
        self.runtime().block_on(async {
            let mut found = self.objects.list(Some(&self.path("_delta_log")));
            Ok(found.try_next().await?.is_some())
        })
    }

    /// Reads an object, named from the table's root; `None` if it is not there.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, TableError> {
        let path = self.path(name);
        let bytes = self
            .runtime()
            .block_on(async { self.objects.get(&path).await?.bytes().await });
        match bytes {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is an object, named from the table's root.
    pub(crate) fn has(&self, name: &str) -> Result<bool, TableError> {
        match self.runtime().block_on(self.objects.head(&self.path(name))) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object, named from the table's root.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), TableError> {
        self.put_at(&self.path(name), bytes)
    }

    /// Writes an object, named from the store's root.
    pub(crate) fn put_at(&self, path: &Path, bytes: Vec<u8>) -> Result<(), TableError> {
        self.runtime().block_on(self.objects.put(path, bytes.into()))?;
        Ok(())
    }

    /// The objects below a folder, named from the table's root.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<(String, ObjectMeta)>, TableError> {
        let path = self.path(folder);
        let found: Vec<ObjectMeta> = self.runtime().block_on(self.objects.list(Some(&path)).try_collect())?;
        let names = found.into_iter().map(|object| {
            let name = object.location.filename().unwrap_or_default().to_owned();
            (name, object)
        });
        Ok(names.collect())
    }

    /// Removes an object, named from the table's root, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TableError> {
        match self.runtime().block_on(self.objects.delete(&self.path(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the store refuses to replace an object where it is asked not to: what keeps two commits of one version apart.
    pub(crate) fn check_conditional_put(&self, name: &str) -> Result<(), TableError> {
        self.runtime()
            .block_on(conditional_put(&*self.objects, &self.path(name)))
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, step| path.join(step))
    }
}

/// Writes an object twice, and demands that the second time is refused.
pub(crate) async fn conditional_put(objects: &dyn ObjectStore, path: &Path) -> Result<(), TableError> {
    let create = || objects.put_opts(path, Bytes::from_static(b"danube-wasm").into(), PutMode::Create.into());
    let first = create().await;
    let second = match &first {
        Ok(_) => Some(create().await),
        Err(_) => None,
    };
    if first.is_ok() {
        let _ = objects.delete(path).await;
    }
    first.map_err(|error| TableError::from(error).when("a first object cannot be written to the table's folder"))?;
    match second {
        Some(Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })) => Ok(()),
        Some(Err(error)) => Err(TableError::from(error).when("whether the store keeps commits apart cannot be told")),
        _ => Err(TableError::Unfit(
            "the store replaces an object although it is asked not to (`If-None-Match: *`), so commits of two writers would \
             overwrite each other: use a store that has conditional writes, as S3, R2 and MinIO do"
                .to_owned(),
        )),
    }
}
