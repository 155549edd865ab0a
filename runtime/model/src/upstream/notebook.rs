//! What a pull source must remember beside what its upstream remembers.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;

/// A small durable store of one connector: the last position of a replication slot, which packet id was which event. Kept
/// under the connector's id, so that it outlives the process and is not another's.
#[async_trait]
pub trait Notebook: Send + Sync + 'static {
    /// What is written under this key; `None` if nothing is.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, NotebookError>;

    /// All that is written under keys that begin like this, by key.
    async fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, NotebookError>;

    /// Writes all of these or none of them: `None` takes a key out. Returns when that is durable. Calls take effect in the
    /// order in which their futures are first polled; one that is dropped or has failed may have taken effect.
    ///
    /// A key has at most 512 bytes, a call at most 1 MiB of keys and values.
    async fn put(&self, entries: Vec<(String, Option<Bytes>)>) -> Result<(), NotebookError>;
}

/// A note could not be read or written: its disk is full or failing. Trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotebookError {
    /// What happened, where, and what to do.
    pub message: String,
}

/// In memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryNotebook(Mutex<BTreeMap<String, Bytes>>);

impl MemoryNotebook {
    /// A panic elsewhere leaves whole notes: each is written under the lock.
    fn notes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Notebook for MemoryNotebook {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, NotebookError> {
        Ok(self.notes().get(key).cloned())
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, NotebookError> {
        let notes = self.notes();
        let from = notes.range(prefix.to_owned()..);
        let alike = from.take_while(|(key, _)| key.starts_with(prefix));
        Ok(alike.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn put(&self, entries: Vec<(String, Option<Bytes>)>) -> Result<(), NotebookError> {
        let mut notes = self.notes();
        for (key, value) in entries {
            match value {
                Some(value) => notes.insert(key, value),
                None => notes.remove(&key),
            };
        }
        Ok(())
    }
}
