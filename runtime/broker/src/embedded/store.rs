//! The database file: opened, read, written, closed, and opened again after a failure.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, TableError, TableHandle, WriteTransaction};

use super::{
    disk::{DiskFactory, sync_directory},
    fault::{Fault, in_use},
    tables::{
        CURSORS, FORMAT, HEADS, MESSAGES, META, META_FORMAT, NOTEBOOKS, NOTES, PENDING_DELETES, SCHEMAS, SUBJECTS,
        SUBSCRIPTIONS, TOPICS,
    },
    tracked::{TrackedBackend, UnsyncedRanges},
};
use crate::{BrokerError, ErrorKind, Result};

/// Name of the database file in the directory.
const FILE: &str = "log.redb";
/// Name of the file whose lock shows which process owns the directory. The engine locks its own file too, but not while
/// it is being reopened.
const LOCK: &str = "lock";

/// The database, which may be closed during an outage.
pub(super) struct Store {
    directory: PathBuf,
    disk: Arc<dyn DiskFactory>,
    cache_bytes: usize,
    unsynced: Arc<UnsyncedRanges>,
    state: RwLock<State>,
    lock: Mutex<Option<File>>,
}

enum State {
    /// Every opening has a number, so that a failure noticed late is not taken for a new one.
    Open {
        database: Database,
        generation: u64,
    },
    Down {
        why: BrokerError,
        generation: u64,
    },
}

impl Store {
    /// Locks the directory, creating it if it does not exist, and opens the database in it.
    pub(super) fn open(directory: &Path, disk: Arc<dyn DiskFactory>, cache_bytes: usize) -> Result<Self> {
        let lock = lock_directory(directory)?;
        let why = BrokerError::new(ErrorKind::Unavailable, "the log is being opened");
        let store = Self {
            directory: directory.to_owned(),
            disk,
            cache_bytes,
            unsynced: Arc::default(),
            state: RwLock::new(State::Down { why, generation: 0 }),
            lock: Mutex::new(Some(lock)),
        };
        store.reopen().map_err(|fault| fault.into_broker_error(directory))?;
        Ok(store)
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Number of the current opening.
    pub(super) fn generation(&self) -> u64 {
        match &*self.state.read() {
            State::Open { generation, .. } | State::Down { generation, .. } => *generation,
        }
    }

    /// Fails with the reason if it cannot be used now.
    pub(super) fn ready(&self) -> Result<()> {
        match &*self.state.read() {
            State::Open { .. } => Ok(()),
            State::Down { why, .. } => Err(why.clone()),
        }
    }

    /// Reads a snapshot. It waits for the disk: do not call it on an asynchronous thread.
    pub(super) fn read<T>(&self, f: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        match &*self.state.read() {
            State::Open { database, .. } => Fault::catch_panic(|| f(&database.begin_read()?)),
            State::Down { why, .. } => Err(Fault::Down(why.clone())),
        }
    }

    /// Runs one durable transaction; nothing is written if `f` fails or reports no change. After an error of the commit
    /// it may nevertheless be on disk: only reopening shows that.
    pub(super) fn write<T>(&self, f: impl FnOnce(&WriteTransaction) -> Result<(bool, T), Fault>) -> Result<T, Fault> {
        match &*self.state.read() {
            State::Open { database, .. } => {
                let transaction = database.begin_write()?;
                let (changed, value) = f(&transaction)?;
                if changed {
                    transaction.commit()?;
                } else {
                    transaction.abort()?;
                }
                Ok(value)
            }
            State::Down { why, .. } => Err(Fault::Down(why.clone())),
        }
    }

    /// Closes the database; calls get `why` until it is opened again.
    pub(super) fn set_down(&self, why: BrokerError) {
        let mut state = self.state.write();
        let generation = match &*state {
            State::Open { generation, .. } | State::Down { generation, .. } => *generation,
        };
        let before = std::mem::replace(&mut *state, State::Down { why, generation });
        if let State::Open { database, .. } = before {
            // Its error or panic is the one that led here.
            let _ = Fault::catch_panic(|| Ok(database.close()?));
        }
    }

    fn open_checked(&self) -> Result<Database, Fault> {
        let backend = self.disk.open(&self.directory.join(FILE))?;
        let backend = TrackedBackend::resync(backend, self.unsynced.clone())?;
        let checked = Arc::new(AtomicBool::new(false));
        let repairing = checked.clone();
        let mut database = Builder::new()
            .set_cache_size(self.cache_bytes)
            .set_repair_callback(move |_| repairing.store(true, Ordering::Relaxed))
            .create_with_backend(backend)?;
        // After a clean shutdown the engine would trust every page, and panic at a damaged one.
        if !checked.load(Ordering::Relaxed) && !database.check_integrity()? {
            tracing::error!(
                directory = %self.directory.display(),
                "the log was damaged since it was closed, and goes on with the newest state that is whole: what was \
                 published last may be missing; see the system log"
            );
        }
        check_format(&database)?;
        Ok(database)
    }

    /// Opens the database of a store that is down. The engine checks and repairs what a crash, a failed write or a bad
    /// disk left.
    pub(super) fn reopen(&self) -> Result<(), Fault> {
        let database = Fault::catch_panic(|| self.open_checked())?;
        let mut state = self.state.write();
        let generation = match &*state {
            State::Open { generation, .. } | State::Down { generation, .. } => generation + 1,
        };
        *state = State::Open { database, generation };
        Ok(())
    }

    /// Closes the database and unlocks the directory.
    pub(super) fn close(&self, why: BrokerError) -> Result<(), Fault> {
        let mut state = self.state.write();
        let generation = u64::MAX;
        let before = std::mem::replace(
            &mut *state,
            State::Down {
                why: why.clone(),
                generation,
            },
        );
        let result = match before {
            State::Open { database, .. } => database.close().map_err(Fault::from),
            State::Down { why, .. } => Err(Fault::Down(why)),
        };
        *self.lock.lock() = None;
        result
    }
}

/// Creates the directory if necessary and locks it.
fn lock_directory(directory: &Path) -> Result<File> {
    let unusable = |e: std::io::Error| {
        let kind = match e.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
            _ => ErrorKind::Storage,
        };
        let place = directory.display();
        BrokerError::new(
            kind,
            format!(
                "the log's directory {place} cannot be used ({e}): it must be a directory that this user may write"
            ),
        )
    };
    let new: Vec<&Path> = directory
        .ancestors()
        .take_while(|ancestor| !ancestor.exists())
        .collect();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory).map_err(unusable)?;
    for created in new {
        // A relative path of one name is in the current directory.
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(Some(parent.unwrap_or(Path::new(".")))).map_err(unusable)?;
    }
    let mut options = File::options();
    let lock = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(LOCK))
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(BrokerError::new(ErrorKind::Conflict, in_use(&directory.display())))
        }
        Err(std::fs::TryLockError::Error(e)) => Err(unusable(e)),
    }
}

/// Creates missing tables; refuses a database of another format.
fn check_format(database: &Database) -> Result<(), Fault> {
    match stored_format(&database.begin_read()?)? {
        Some(FORMAT) if has_all_tables(&database.begin_read()?)? => return Ok(()),
        Some(FORMAT) => {}
        Some(stored) => {
            return Err(Fault::UnknownFormat(format!(
                "the log has format {stored} and this version of danube-wasm writes format {FORMAT}: use the version \
                 that wrote it or a newer one, or start with another directory"
            )));
        }
        None => {}
    }
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    transaction.open_table(TOPICS)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(MESSAGES)?;
    transaction.open_table(SUBSCRIPTIONS)?;
    transaction.open_table(CURSORS)?;
    transaction.open_table(SUBJECTS)?;
    transaction.open_table(SCHEMAS)?;
    transaction.open_table(PENDING_DELETES)?;
    transaction.open_table(NOTES)?;
    transaction.open_table(NOTEBOOKS)?;
    transaction.commit()?;
    Ok(())
}

/// The tables that came after the first logs of this format; an older version leaves them alone.
fn has_all_tables(transaction: &ReadTransaction) -> Result<bool, Fault> {
    let later = [PENDING_DELETES.name(), NOTES.name(), NOTEBOOKS.name()];
    let tables = transaction.list_tables()?;
    Ok(tables.filter(|table| later.contains(&table.name())).count() == later.len())
}

fn stored_format(transaction: &ReadTransaction) -> Result<Option<u64>, Fault> {
    let foreign =
        || Fault::UnknownFormat("the database there is not a log of danube-wasm: use another directory".into());
    match transaction.open_table(META) {
        Ok(meta) => match meta.get(META_FORMAT)? {
            Some(format) => Ok(Some(format.value())),
            None => Err(foreign()),
        },
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => Ok(None),
        Err(TableError::TableDoesNotExist(_)) => Err(foreign()),
        Err(error) => Err(error.into()),
    }
}
