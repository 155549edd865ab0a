//! What connectors note: a small store for each, in a log.
//!
//! Written by the log's writer, in the transactions of everything else, so a note costs no sync of its own under load and
//! is there together with what was confirmed before it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{
    ConnectorId,
    upstream::{Notebook, NotebookError},
};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use tokio::sync::OnceCell;

use super::{
    broker::EmbeddedBroker,
    disk::{DiskFactory, FileDisk},
    fault::Fault,
    limits::{NOTE_KEY_BYTES_MAX, NOTEBOOK_CACHE_BYTES, NOTES_BYTES_MAX},
    options::{EmbeddedOptions, RetentionOptions},
    queue::{Alteration, Command},
    shared::{Shared, blocking},
    tables::NOTEBOOKS,
};
use crate::{Broker, BrokerError, ErrorKind, Result};

/// The notebooks of a host's connectors, all in one log. Cheap to clone.
#[derive(Clone)]
pub struct Notebooks(Arc<Place>);

struct Place {
    log: OnceCell<Arc<EmbeddedBroker>>,
    /// Where the log is made, if it is for notes only.
    own: Option<(PathBuf, Arc<dyn DiskFactory>)>,
    closed: AtomicBool,
}

/// One connector's.
struct OwnNotebook {
    place: Notebooks,
    owner: Arc<str>,
}

impl Notebooks {
    /// In the log that is the pipeline's broker.
    pub fn of_log(log: Arc<EmbeddedBroker>) -> Self {
        Self(Arc::new(Place {
            log: OnceCell::new_with(Some(log)),
            own: None,
            closed: AtomicBool::new(false),
        }))
    }

    /// In a log of their own in this directory, beside a broker that keeps no notes. It is made and opened when a connector
    /// first reads or writes a note.
    pub fn in_directory(directory: PathBuf) -> Self {
        Self::on_disk(directory, Arc::new(FileDisk))
    }

    /// As [`Self::in_directory`]; tests inject a failing disk here.
    pub fn on_disk(directory: PathBuf, disk: Arc<dyn DiskFactory>) -> Self {
        Self(Arc::new(Place {
            log: OnceCell::new(),
            own: Some((directory, disk)),
            closed: AtomicBool::new(false),
        }))
    }

    /// The notebook of a connector, kept under its id: it is not another's, and outlives the process.
    pub fn of(&self, owner: &ConnectorId) -> Arc<dyn Notebook> {
        Arc::new(OwnNotebook {
            place: self.clone(),
            owner: owner.as_str().into(),
        })
    }

    /// Lets go of a log of their own. Nothing is noted any more; what was is durable already.
    pub async fn close(&self) -> Result<()> {
        self.0.closed.store(true, Ordering::Release);
        match (&self.0.own, self.0.log.get()) {
            (Some(_), Some(log)) => log.close().await,
            _ => Ok(()),
        }
    }

    async fn log(&self) -> Result<&Arc<Shared>> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(BrokerError::new(ErrorKind::Closed, "the host has closed them"));
        }
        let open = || async {
            let Some((directory, disk)) = self.0.own.clone() else {
                return Err(BrokerError::new(ErrorKind::Closed, "there is no log for notes"));
            };
            let options = EmbeddedOptions {
                retention: RetentionOptions::unlimited(),
                cache_bytes: NOTEBOOK_CACHE_BYTES,
                disk,
                ..EmbeddedOptions::default()
            };
            let opened = tokio::task::spawn_blocking(move || EmbeddedBroker::open(&directory, options)).await;
            opened.unwrap_or_else(|e| Err(BrokerError::new(ErrorKind::Unavailable, e.to_string())))
        };
        Ok(self.0.log.get_or_try_init(open).await?.shared())
    }
}

impl EmbeddedBroker {
    /// Every note of every connector: its owner's id, its key, its value.
    pub async fn all_notebooks(&self) -> Result<Vec<(String, String, Bytes)>> {
        let read = |log: &ReadTransaction| {
            let mut notes = Vec::new();
            for note in log.open_table(NOTEBOOKS)?.iter()? {
                let (place, value) = note?;
                let (owner, key) = place.value();
                notes.push((owner.to_owned(), key.to_owned(), Bytes::copy_from_slice(value.value())));
            }
            Ok(notes)
        };
        blocking(self.shared(), read).await
    }

    /// Writes a note under a connector's id.
    pub async fn put_note(&self, owner: &str, key: String, value: Bytes) -> Result<()> {
        let (owner, entries) = (owner.into(), vec![(key, Some(value))]);
        self.alter(Alteration::Notebook { owner, entries }).await
    }
}

impl OwnNotebook {
    /// What a connector is told: whose notes, what happened to them, and what to do.
    fn error(&self, what: &str, error: &BrokerError) -> NotebookError {
        NotebookError {
            message: format!("the notes of connector {} cannot be {what}: {error}", self.owner),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction, &str) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, NotebookError> {
        let owner = self.owner.clone();
        let reading = async { blocking(self.place.log().await?, move |log| read(log, &owner)).await };
        reading.await.map_err(|error| self.error("read", &error))
    }

    async fn write(&self, entries: Vec<(String, Option<Bytes>)>) -> Result<()> {
        check(&entries)?;
        let (log, owner) = (self.place.log().await?, self.owner.clone());
        let alteration = Alteration::Notebook { owner, entries };
        log.send(|reply| Command::Alter { alteration, reply }).await
    }
}

#[async_trait]
impl Notebook for OwnNotebook {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, NotebookError> {
        let key = key.to_owned();
        self.read(move |log, owner| {
            let note = log.open_table(NOTEBOOKS)?.get((owner, key.as_str()))?;
            Ok(note.map(|note| Bytes::copy_from_slice(note.value())))
        })
        .await
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, NotebookError> {
        let prefix = prefix.to_owned();
        self.read(move |log, owner| {
            let mut notes = Vec::new();
            for note in log.open_table(NOTEBOOKS)?.range((owner, prefix.as_str())..)? {
                let (place, value) = note?;
                let (of, key) = place.value();
                if of != owner || !key.starts_with(&prefix) {
                    break;
                }
                notes.push((key.to_owned(), Bytes::copy_from_slice(value.value())));
            }
            Ok(notes)
        })
        .await
    }

    async fn put(&self, entries: Vec<(String, Option<Bytes>)>) -> Result<(), NotebookError> {
        let written = self.write(entries).await;
        written.map_err(|error| self.error("written", &error))
    }
}

fn check(entries: &[(String, Option<Bytes>)]) -> Result<()> {
    let too_large = |message| Err(BrokerError::new(ErrorKind::TooLarge, message));
    if let Some((key, _)) = entries.iter().find(|(key, _)| key.len() > NOTE_KEY_BYTES_MAX) {
        return too_large(format!(
            "a key has {} bytes, and {NOTE_KEY_BYTES_MAX} are allowed",
            key.len()
        ));
    }
    match size(entries) {
        bytes if bytes > NOTES_BYTES_MAX => too_large(format!(
            "they have {bytes} bytes, and one call may have {NOTES_BYTES_MAX}"
        )),
        _ => Ok(()),
    }
}

/// Bytes of keys and values.
pub(super) fn size(entries: &[(String, Option<Bytes>)]) -> usize {
    let bytes = |(key, value): &(String, Option<Bytes>)| key.len() + value.as_ref().map_or(0, Bytes::len);
    entries.iter().map(bytes).sum()
}

/// Writes them in the writer's transaction.
pub(super) fn write(
    transaction: &WriteTransaction,
    owner: &str,
    entries: &[(String, Option<Bytes>)],
) -> Result<(), Fault> {
    let mut notes = transaction.open_table(NOTEBOOKS)?;
    for (key, value) in entries {
        match value {
            Some(value) => drop(notes.insert((owner, key.as_str()), &**value)?),
            None => drop(notes.remove((owner, key.as_str()))?),
        }
    }
    Ok(())
}
